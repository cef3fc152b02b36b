"""Checks of the output: its state, its key, access by a test object, and space."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.commands.doctor import output
from pipeline.dataset.claims import claim
from pipeline.dataset.writer import begin
from tests.support.command import Corpus, current
from tests.support.examined import Examined
from tests.support.memory_bucket import URL, MemoryBucket, memory_bucket
from transforms.storage import operations
from transforms.storage.objects import bucket, store
from transforms.storage.objects.bucket import ABSENT, Mismatch
from transforms.storage.places import store_of


def names_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("check", ["dataset", "dataset key", "access", "disk"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_new_or_empty_output_has_no_finding_and_stays_as_it_is(
    world: Examined, check: str, is_there: bool
) -> None:
    """Folders that a run would make are not made, and no test object is left."""
    if is_there:
        (world.folder / "out/dataset").mkdir(parents=True)
    before = names_below(world.folder)
    assert world.found(check) == []
    assert names_below(world.folder) == before


def test_what_a_run_would_not_write_into_is_named(world: Examined) -> None:
    """A folder of somebody else, or a file; what is wrong with the folder of audits stops no run."""
    world.write("out/dataset/mine.txt", "")
    world.write("out/dataset.audit", "")
    run, audit = world.found("dataset")
    assert run.startswith("fault: out/dataset: is not empty and not a dataset of chatsieve; ")
    assert audit.startswith("warning: out/dataset.audit: cannot be written (Not a directory); ")


def dataset(world: Examined, source: Path) -> Path:
    """A copy of a finished dataset, as the output."""
    target = world.folder / "out/dataset"
    shutil.copytree(source, target, symlinks=True)
    return target


def test_an_existing_dataset_is_as_on_exists_says(world: Examined, finished: Any) -> None:
    """With `refuse`, the first run works and the second does not; with `new_version`, both do."""
    dataset(world, finished[0])
    assert world.found("dataset") == []
    world.save(output={"path": "out/dataset"})
    (told,) = world.found("dataset")
    assert told.startswith("fault: out/dataset: holds a dataset already (version 1); ")


def test_another_key_than_that_of_the_dataset_is_found(
    world: Examined, finished: Any, corpus: Corpus
) -> None:
    """Under another key erased people would come back, so a run refuses it."""
    dataset(world, finished[0])
    (told,) = world.found("dataset key")
    assert told == (
        "fault: out/dataset@1: was made with another key; use that key, or give another output.path"
    )
    shutil.copyfile(corpus.path / "chatsieve.key", world.key)
    assert world.found("dataset key") == []


def test_damage_is_told_and_stops_no_run(world: Examined, finished: Any) -> None:
    """The next run replaces a damaged version, and must know that it will read everything."""
    found = dataset(world, finished[0])
    (current(found) / "manifest.json").write_text("{}")
    (told,) = world.found("dataset")
    assert told.startswith("warning: out/dataset@1: its manifest is missing or damaged; `chatsieve verify`")
    (found / "CURRENT").write_text("{}")
    (told,) = world.found("dataset")
    assert told.startswith("fault: out/dataset/CURRENT: ")


def test_a_live_claim_is_not_ready_and_a_dead_one_is_nothing(world: Examined) -> None:
    """Another run holds the dataset: the scheduler repeats the command, as it would repeat a run."""
    path = world.folder / "out/dataset"
    writer = begin(path, "run", "new_version")
    try:
        assert world.found("dataset") == [
            "later: out/dataset: another command is writing version 1; try again later"
        ]
    finally:
        writer.rollback()
    assert world.found("dataset") == []
    held = claim(store_of(path), 1, "out/dataset")
    held.end()
    name = path / "claims/0001"
    dead = json.loads(name.read_bytes()) | {"until": "2020-01-01T00:00:00Z"}
    name.write_text(json.dumps(dead))
    assert world.found("dataset") == []


def test_no_object_is_tested_beside_a_live_claim(world: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends removes unfinished files, and the test object would be one of them."""
    tried = list[str]()
    monkeypatch.setattr(output, "_try", lambda path, _: tried.append(path.name))
    writer = begin(world.folder / "out/dataset", "run", "new_version")
    try:
        assert (world.found("access"), tried) == ([], ["dataset.audit"])
    finally:
        writer.rollback()
    assert (world.found("access"), tried) == ([], ["dataset.audit", "dataset"])


class Broken:
    """Operations of the file system of which one fails."""

    def __init__(self, name: str, error: OSError) -> None:
        self._name, self._error = name, error
        self._real = operations.OPERATIONS

    def __getattr__(self, name: str) -> Any:
        if name == self._name:
            return self._fail
        return getattr(self._real, name)

    def _fail(self, *_: Any) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        ("open", errno.EACCES, "(Permission denied)"),
        ("open", errno.EROFS, "(Read-only file system)"),
        ("link", errno.EPERM, "(Operation not permitted)"),
        ("rename", errno.EXDEV, "is not kept as it was written"),
        ("open", errno.ENOSPC, "(No space left on device)"),
    ],
)
def test_a_folder_that_cannot_be_written_is_a_fault(
    world: Examined, monkeypatch: pytest.MonkeyPatch, operation: str, code: int, expected: str
) -> None:
    """A run would refuse it, or fail at its commit after hours."""
    (world.folder / "out/dataset").mkdir(parents=True)
    broken: Any = Broken(operation, OSError(code, os.strerror(code)))
    monkeypatch.setattr(operations, "OPERATIONS", broken)
    (told,) = world.found("access", **{"audit.path": "out/dataset/a"})[:1]
    assert told.startswith("fault: out/dataset: "), told
    assert expected in told
    monkeypatch.undo()
    assert names_below(world.folder / "out/dataset") == []


def test_a_disk_that_does_not_answer_is_not_ready(world: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network disk that hangs for a moment is no fault of the configuration."""
    broken: Any = Broken("open", OSError(errno.EIO, os.strerror(errno.EIO)))
    monkeypatch.setattr(operations, "OPERATIONS", broken)
    assert [line.split(":")[0] for line in world.found("access")] == ["later"]


class Conditional(MemoryBucket):
    """A bucket in memory that has conditional writes, unless they are ignored."""

    def __init__(self, *, ignores: bool) -> None:
        super().__init__()
        self._ignores = ignores

    def put(self, key: str, data: Any, identity: str | None = None) -> None:
        there = self.objects[key][1] if key in self.objects else ABSENT
        if identity not in (None, there) and not self._ignores:
            raise Mismatch(key)
        super().put(key, data)


@pytest.mark.parametrize("ignores", [False, True])
def test_a_store_without_conditional_writes_is_a_fault(
    world: Examined, monkeypatch: pytest.MonkeyPatch, ignores: bool
) -> None:
    """Some servers ignore the condition: two runs would then overwrite each other."""
    made: Any = Conditional(ignores=ignores)
    memory_bucket(monkeypatch)
    monkeypatch.setattr(bucket, "WRAP", lambda _: made)
    monkeypatch.setattr(store, "_CHECKED", set())
    world.save(output={"path": f"{URL}/out", "on_exists": "new_version"})
    found = world.found("access")
    assert [line.split(": ")[:2] for line in found] == [
        [level, f"{URL}/{name}"] for level, name in (("fault", "out"), ("warning", "out.audit")) if ignores
    ]
    assert all("the store ignores the conditions of requests" in line for line in found)
    assert made.objects == {}


def test_a_disk_without_room_is_a_fault(world: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides of the estimate: a byte of plain logs takes one, of compressed logs four."""
    size = (world.folder / "logs/day.jsonl").stat().st_size
    world.write("logs/b.jsonl.gz", "x" * 100)
    world.save(inputs=[{"path": "logs/*"}])
    for free, faults in ((size + 400, 0), (size + 399, 1)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        found = world.found("disk")
        assert len(found) == faults
        assert all("make room, or give another output.path" in line for line in found)
