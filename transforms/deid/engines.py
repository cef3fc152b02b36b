"""The de-identification engines of a process: one a config and key, built at first use, shared by all DoFns.

An engine is kept until the process ends: it holds 250 MB, and a run needs one."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from schemas.decisions import DEID_FAILED
from schemas.deid import DeidConfig
from schemas.errors import PipelineError
from transforms.deid.spans import Masked, SessionText
from transforms.shuffle.run_key import RunKey

if TYPE_CHECKING:
    from transforms.deid.engine import DeidEngine

#: Guards the engines and their use: an engine is not thread-safe.
_LOCK = threading.RLock()
#: By the digest of config and key.
_ENGINES: dict[str, DeidEngine] = {}
#: The digests of specs whose models are those of this process.
_COMPARED: set[str] = set()


@dataclasses.dataclass(frozen=True)
class EngineSpec:
    """The config and key of an engine; `digest` identifies both.

    `models`: the digests of what it loads, which every worker must have alike; None in a single process.
    """

    config: DeidConfig
    run_key: RunKey
    digest: str
    models: Mapping[str, str] | None = None

    def to_send(self) -> EngineSpec:
        """The spec for workers, with the models of this process; raises what `deid_digests` raises."""
        models = _models(self.config)
        _COMPARED.add(self.digest)
        return dataclasses.replace(self, models=models)


def mask_sessions(spec: EngineSpec, sessions: Sequence[SessionText]) -> list[Masked | None]:
    """One result per session; None for a session on which the engine failed. Other sessions are not affected.

    One thread at a time: an engine has one Hyperscan scratch space.
    """
    with _LOCK:
        engine = engine_of(spec)
        try:
            return list(engine.mask_sessions(sessions))
        except Exception:  # noqa: BLE001 - one bad session must not fail the rest: each is tried alone below
            return [_alone(engine, session) for session in sessions]


def refusal_of(masked: Masked | None) -> str | None:
    """The reason to refuse the session's text, or None; a session on which the engine failed is refused,
    too.
    """
    return masked.refusal if masked else DEID_FAILED


def engine_of(spec: EngineSpec) -> DeidEngine:
    """The process's engine for a spec."""
    with _LOCK:
        if spec.digest not in _ENGINES:
            _compare_models(spec)
            # Presidio and spaCy take a second to import; an audit and its workers need neither.
            from transforms.deid.engine import DeidEngine

            engine = DeidEngine(spec.config, spec.run_key.key)
            # Not at their first use: a model that cannot be loaded fails the run, and not each session.
            engine.load_models()
            _ENGINES[spec.digest] = engine
        return _ENGINES[spec.digest]


def _models(config: DeidConfig) -> dict[str, str]:
    # The models' modules: an audit and its workers do not need them.
    from transforms.deid.digests import deid_digests

    return deid_digests(config)


def _compare_models(spec: EngineSpec) -> None:
    """Raises PipelineError if this process has other models than the driver of the run."""
    if spec.models is None or spec.digest in _COMPARED:
        return
    found = _models(spec.config)
    for name in sorted({*found, *spec.models}):
        if found.get(name) != spec.models.get(name):
            raise PipelineError(f"a worker has another {name} than the run; give all workers the same image")
    _COMPARED.add(spec.digest)


def _alone(engine: DeidEngine, session: SessionText) -> Masked | None:
    try:
        return engine.mask_sessions([session])[0]
    except Exception:  # noqa: BLE001 - counted and written to the ledger as deid_failed by the caller
        return None
