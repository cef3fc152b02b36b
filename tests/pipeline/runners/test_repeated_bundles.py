"""A cluster repeats bundles, runs two attempts at once, and loses what one of them gave. No byte changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.run import execute
from pipeline.inputs.config import load_settings
from pipeline.runners import direct
from pipeline.runners.progress import Progress
from tests.support.command import Corpus, chatsieve, current
from tests.support.repeated_bundles import RepeatingRunner

_FOLDERS = ("data", "ledger", "quarantine", "restricted")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    path = tmp_path_factory.mktemp("small") / "sample"
    made = chatsieve("sample", path, "--conversations", 60, "--seed", 5)
    assert made.returncode == 0, made.stderr
    return Corpus(path)


def _execute(corpus: Corpus, kind: Any, out: Path) -> Path:
    """The version written with many buckets and shards, so that every stage has several bundles."""
    overrides = {
        "output.path": str(out),
        "audit.path": str(out),
        "output.shards": 3,
        "runner": {"name": "direct", "workers": 1, "buckets": 7, "max_bucket_bytes": "4KiB"},
    }
    execute(load_settings(corpus.config, overrides), kind, [], Progress(False))
    return current(out)


def _files(version: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(version)): path.read_bytes()
        for folder in _FOLDERS
        for path in sorted((version / folder).rglob("*"))
        if path.is_file()
    }


def _sums(version: Path) -> dict[str, Any]:
    """The counts of manifest and report, which come from the entries of all stages."""
    manifest = json.loads((version / "manifest.json").read_bytes())
    report = json.loads((version / "report/report.json").read_bytes())
    return {"counts": manifest["counts"], "entities": manifest["entities"], "report": report}


@pytest.fixture(scope="module")
def plain(small: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def version(kind: str) -> Path:
        if kind not in made:
            made[kind] = _execute(small, kind, tmp_path_factory.mktemp(kind) / "out")
        return made[kind]

    return version


@pytest.mark.parametrize(("kind", "seed"), [("run", 1), ("run", 2), ("audit", 3), ("audit", 4)])
def test_repeated_lost_and_reordered_bundles_change_nothing(
    small: Corpus,
    plain: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    seed: int,
) -> None:
    """Whatever a stage writes or counts twice would be in the data, the ledger or the sums."""
    runner = RepeatingRunner(seed)
    monkeypatch.setattr(direct, "FnApiRunner", lambda **_: runner)
    repeated = _execute(small, kind, tmp_path / "out")
    assert min(runner.seen[mode] for mode in ("retry", "late", "twins")) > 10, runner.seen
    assert _files(repeated) == _files(plain(kind))
    assert _sums(repeated) == _sums(plain(kind))
    assert not (repeated / "staging").exists()
