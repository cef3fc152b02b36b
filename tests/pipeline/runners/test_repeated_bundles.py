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
from schemas.errors import PipelineError
from schemas.runners import DirectRunner
from tests.support.command import Corpus, current
from tests.support.many_formats import many_formats
from tests.support.repeated_bundles import RepeatingRunner

pytestmark = pytest.mark.faults
_FOLDERS = ("data", "ledger", "quarantine", "restricted")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return many_formats(tmp_path_factory.mktemp("small"), 30)


def _execute(corpus: Corpus, kind: Any, out: Path) -> Path:
    """The version written with many buckets and shards, so that every stage has several bundles."""
    execute(load_settings(corpus.config, _overrides(out)), kind, [], Progress(False))
    return current(out)


def _overrides(out: Path) -> dict[str, Any]:
    return {
        "output.path": str(out),
        "output.on_exists": "new_version",
        "audit.path": str(out),
        "output.shards": 3,
        "runner": {"name": "direct", "workers": 1, "buckets": 7, "max_bucket_bytes": "4KiB"},
    }


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


@pytest.mark.parametrize(
    ("kind", "seed", "spills"),
    [
        (kind, seed, seed in (1, 4, 6, 8))
        for kind, seed in (
            *(("run", seed) for seed in (1, 3, 4, 5)),
            *(("audit", seed) for seed in (2, 6, 7, 8)),
        )
    ],
)
def test_repeated_lost_and_reordered_bundles_change_nothing(
    small: Corpus,
    plain: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    seed: int,
    spills: bool,
) -> None:
    """Whatever a stage writes or counts twice would be in the data, the ledger or the sums.

    Without local workers, blobs stay in the shuffle instead of going to a file of this machine.
    """
    runner = RepeatingRunner(seed)
    monkeypatch.setattr(direct, "FnApiRunner", lambda **_: runner)
    monkeypatch.setattr(DirectRunner, "has_local_workers", spills)
    repeated = _execute(small, kind, tmp_path / "out")
    assert min(runner.seen[mode] for mode in ("retry", "late", "twins")) > 10, runner.seen
    assert _files(repeated) == _files(plain(kind))
    assert _sums(repeated) == _sums(plain(kind))
    assert not (repeated / "staging").exists()


def test_an_attempt_that_counts_twice_is_found(
    small: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above must fail if what it gives twice arrives twice."""
    runner = RepeatingRunner(1, keeps="Settle")
    monkeypatch.setattr(direct, "FnApiRunner", lambda **_: runner)
    with pytest.raises(PipelineError):
        _execute(small, "audit", tmp_path / "out")


@pytest.mark.parametrize(("seed", "spills"), [(11, True), (12, False), (13, True)])
def test_repeated_bundles_change_nothing_that_is_taken_over(
    small: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, spills: bool
) -> None:
    """The second run takes rows into other shards, checks all of them, and masks those of a damaged one."""
    out = tmp_path / "out"
    first = _execute(small, "run", out)
    shard = sorted((first / "data").glob("*.parquet"))[1]
    data = shard.read_bytes()
    shard.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    settings = load_settings(small.config, _overrides(out) | {"output.shards": 5})
    runner = RepeatingRunner(seed)
    with monkeypatch.context() as patch:
        patch.setattr(direct, "FnApiRunner", lambda **_: runner)
        patch.setattr(DirectRunner, "has_local_workers", spills)
        taken = execute(settings, "run", [], Progress(False), checked_share=1.0)
    assert min(runner.seen[mode] for mode in ("retry", "late", "twins")) > 10, runner.seen
    increment = taken.manifest.increment
    assert increment is not None
    assert increment["damaged"] == [f"data/{shard.name}"]
    # How many sessions a shard has depends on the key, which is random.
    assert increment["sessions_checked"] == increment["sessions_taken"] > 2
    rebuilt = load_settings(small.config, _overrides(tmp_path / "rebuilt") | {"output.shards": 5})
    execute(rebuilt, "run", [], Progress(False))
    assert _files(current(out)) == _files(current(tmp_path / "rebuilt"))
    assert _sums(current(out))["counts"] == _sums(current(tmp_path / "rebuilt"))["counts"]
