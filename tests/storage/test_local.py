"""The store on local disk keeps the contract of stores: whole objects, conditional writes, exact modes."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from transforms.storage import operations
from transforms.storage.contract import Conflict, Unknown
from transforms.storage.local import TEMPORARY, LocalStore
from transforms.storage.operations import FileOperations
from transforms.storage.scratch import ScratchFile


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_an_object_that_was_put_is_read_listed_and_replaced_whole(store: LocalStore) -> None:
    """A retry writes the same name again."""
    store.put("a/b", b"one")
    store.put("a/b", b"two")
    assert (store.read("a/b"), store.names(), store.names("a/"), store.names("b")) == (
        b"two",
        ["a/b"],
        ["a/b"],
        [],
    )
    assert store.stat("a/b").size == 3


def test_create_refuses_a_name_that_is_taken(store: LocalStore) -> None:
    """A claim belongs to one writer."""
    assert store.create("claim", b"one")
    assert not store.create("claim", b"two")
    assert store.read("claim") == b"one"


def _racing(root: str, number: int, results: multiprocessing.Queue[bool]) -> None:
    results.put(LocalStore(root).create("claim", str(number).encode()))


def test_of_many_processes_exactly_one_creates(tmp_path: Path) -> None:
    """Two runs that start at once must not both hold a version."""
    results: multiprocessing.Queue[bool] = multiprocessing.get_context("spawn").Queue()
    racers = [
        multiprocessing.get_context("spawn").Process(target=_racing, args=(str(tmp_path), n, results))
        for n in range(4)
    ]
    for racer in racers:
        racer.start()
    won = [results.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join()
    assert sorted(won) == [False, False, False, True]


def test_replace_takes_the_etag_of_what_is_there_and_no_other(store: LocalStore) -> None:
    """A commit on top of a version that is no longer current would undo another's commit."""
    store.put("CURRENT", b"one")
    data, etag = store.read_tagged("CURRENT")
    assert data == b"one"
    newer = store.replace("CURRENT", b"two", etag)
    with pytest.raises(Conflict):
        store.replace("CURRENT", b"three", etag)
    assert store.read("CURRENT") == b"two"
    assert store.read_tagged("CURRENT")[1] == newer


def test_remove_takes_empty_folders_along_and_forgives_absence(store: LocalStore) -> None:
    """Object stores have no folders; on disk none may stay behind."""
    store.put("a/b/c", b"x")
    store.put("a/d", b"x")
    store.remove("a/b/c")
    store.remove("a/b/c")
    assert [path.name for path in (store.root / "a").iterdir()] == ["d"]


def test_copies_share_space_and_outlive_their_source(store: LocalStore) -> None:
    """Unchanged shards of a version cost nothing, and removing a version takes nothing from another."""
    store.put("v1/data", b"x")
    store.copy(store, "v1/data", "v2/data")
    assert store.stat("v1/data").identity == store.stat("v2/data").identity
    store.remove("v1/data")
    assert store.read("v2/data") == b"x"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    """Keys to rows are for the owner alone; the rest is for the owner's group."""
    before = os.umask(umask)
    try:
        store = LocalStore(tmp_path / "store")
        store.put("v1/data/a", b"x")
        store.put("v1/restricted/b", b"x")
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")
    }
    assert modes == {
        "store": 0o750,
        "store/v1": 0o750,
        "store/v1/data": 0o750,
        "store/v1/data/a": 0o640,
        "store/v1/restricted": 0o700,
        "store/v1/restricted/b": 0o600,
    }


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_names_stay_below_the_store(store: LocalStore, name: str) -> None:
    """A manifest could name any file."""
    with pytest.raises(ValueError, match="relative"):
        store.put(name, b"x")


def test_a_link_in_place_of_an_object_is_replaced_and_not_followed(store: LocalStore, tmp_path: Path) -> None:
    """Whoever can write to the folder must not redirect a write elsewhere."""
    store.put("a", b"x")
    outside = tmp_path / "outside"
    outside.write_bytes(b"keep")
    (store.root / "b").symlink_to(outside)
    store.put("b", b"new")
    assert outside.read_bytes() == b"keep"
    assert store.read("b") == b"new"


class _Failing(FileOperations):
    """Fails one operation: before it is done, or after it with the answer lost."""

    def __init__(self, operation: str, after: bool) -> None:
        self.operation, self.after = operation, after

    def rename(self, source: str, target: str) -> None:
        self._do("rename", lambda: FileOperations.rename(self, source, target))

    def link(self, source: str, target: str) -> None:
        self._do("link", lambda: FileOperations.link(self, source, target))

    def _do(self, name: str, do: object) -> None:
        if name != self.operation or self.after:
            do()  # type: ignore[operator]
        if name == self.operation:
            raise OSError(errno.EIO, "input/output error")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Sets the operation that fails."""

    def fail(operation: str, after: bool) -> None:
        monkeypatch.setattr(operations, "OPERATIONS", _Failing(operation, after))

    return fail  # type: ignore[return-value]


@pytest.mark.parametrize("after", [False, True])
def test_a_replacement_whose_answer_is_lost_is_unknown(
    store: LocalStore, failing: object, after: bool
) -> None:
    """Only reading tells whether the commit happened."""
    store.put("CURRENT", b"one")
    _, etag = store.read_tagged("CURRENT")
    failing("rename", after)  # type: ignore[operator]
    with pytest.raises(Unknown):
        store.replace("CURRENT", b"two", etag)
    assert store.read("CURRENT") == (b"two" if after else b"one")


def test_a_creation_whose_answer_is_lost_is_found_out(store: LocalStore, failing: object) -> None:
    """The name has the very file that was to get it."""
    store.put("x", b"x")
    failing("link", True)  # type: ignore[operator]
    assert store.create("claim", b"one")


def test_a_put_that_fails_leaves_the_old_object_and_no_temporary_file(
    store: LocalStore, failing: object
) -> None:
    """Nothing half written is ever found under a name, or beside it."""
    store.put("a", b"old")
    failing("rename", False)  # type: ignore[operator]
    with pytest.raises(OSError, match="error"):
        store.put("a", b"new")
    assert store.read("a") == b"old"
    assert [name for name in store.names() if TEMPORARY in name] == []


def test_short_writes_are_continued(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write may take fewer bytes than it is given."""

    class Short(FileOperations):
        def write(self, descriptor: int, data: memoryview) -> int:
            return super().write(descriptor, data[:3])

    monkeypatch.setattr(operations, "OPERATIONS", Short())
    store.put("a", b"0123456789")
    assert store.read("a") == b"0123456789"


def test_a_symbolic_link_is_not_read(store: LocalStore, tmp_path: Path) -> None:
    """A link in the place of an object could name any file of the machine."""
    store.put("a", b"x")
    (tmp_path / "other").write_bytes(b"other")
    (Path(store.root) / "b").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        store.read("b")


def test_a_scratch_file_continues_short_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offsets are those at which the data begin, and the file is private."""

    class Short(FileOperations):
        def write(self, descriptor: int, data: memoryview) -> int:
            return super().write(descriptor, data[:3])

    monkeypatch.setattr(operations, "OPERATIONS", Short())
    file = ScratchFile(str(tmp_path / "a"))
    assert [file.append(b"0123456789"), file.append(b"abc")] == [0, 10]
    file.close()
    assert (tmp_path / "a").read_bytes() == b"0123456789abc"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
