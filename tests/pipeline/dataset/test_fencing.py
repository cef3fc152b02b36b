"""A writer that is stopped before it commits never commits after another took its place."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.commands.versions import collect
from pipeline.dataset.catalog import CURRENT, read_catalog
from pipeline.dataset.change import catalog_of
from pipeline.dataset.writer import DatasetWriter, begin
from schemas.errors import BusyError
from schemas.manifest import FileEntry
from tests.pipeline.dataset.test_writer import committed
from tests.prove.faulty_operations import Faulty
from tests.prove.left_by_faults import leftovers_of
from tests.support.stopped_writers import commit, lapse, written
from transforms.storage import operations
from transforms.storage.contract import Conflict
from transforms.storage.leases import Holder
from transforms.storage.local import LocalStore
from transforms.storage.operations import FileOperations


class _Stopped(Faulty):
    """Stops before the n-th operation until `meanwhile` is done."""

    def __init__(self, nth: int, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._stop_at, self._meanwhile = nth, meanwhile

    def _do(self, name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if len(self.done) + 1 == self._stop_at:
            operations.OPERATIONS = FileOperations()
            self._meanwhile()
            operations.OPERATIONS = self
        return super()._do(name, call, arguments)


@pytest.fixture(autouse=True)
def _plain_operations() -> Iterator[None]:
    yield
    operations.OPERATIONS = FileOperations()


def _operations_of_a_commit(path: Path, versions: int) -> int:
    for _ in range(versions):
        committed(path)
    writer, file = written(path)
    shim = Faulty()
    operations.OPERATIONS = shim
    assert commit(writer, file)
    operations.OPERATIONS = FileOperations()
    return len(shim.done)


@pytest.mark.parametrize("versions", [0, 1])
@pytest.mark.parametrize("other", ["commits", "fails", "has begun", "collects"])
def test_a_writer_stopped_in_its_commit_is_in_the_catalog_or_told_to_come_back(
    tmp_path: Path, versions: int, other: str
) -> None:
    """Another may remove its folder: a catalog that names it would be a dataset without files.

    Each operation of a commit is tried. The lease lapsed; the other commits, fails, only begins, or is gc.
    """
    total = _operations_of_a_commit(tmp_path / "count", versions)
    late = 0
    for nth in range(1, total + 1):
        path = tmp_path / f"{nth}"
        for _ in range(versions):
            committed(path)
        writer, file = written(path)
        begun: list[tuple[DatasetWriter, FileEntry]] = []

        def meanwhile(path: Path = path, begun: list[tuple[DatasetWriter, FileEntry]] = begun) -> None:
            lapse(path)
            if other == "collects":
                if (path / CURRENT).exists():
                    collect(path, 1)
                return
            begun.append(written(path, b"others"))
            if other == "commits":
                assert commit(*begun[0])
            elif other == "fails":
                begun[0][0].rollback()

        operations.OPERATIONS = _Stopped(nth, meanwhile)
        is_in = commit(writer, file)
        operations.OPERATIONS = FileOperations()
        if other == "has begun":
            assert commit(*begun[0])
        late += not is_in
        read = read_catalog(LocalStore(path), str(path))
        folders = [one.folder for one in read.catalog.versions] if read else []
        assert (writer.folder.name in folders) == is_in
        assert all((path / folder / "manifest.json").is_file() for folder in folders)
        if other in ("commits", "has begun"):
            assert begun[0][0].folder.name in folders
        assert committed(path).folder.exists()
        assert leftovers_of(path) == []
    assert late > 5 or (other == "collects" and versions == 0)


@pytest.mark.parametrize("first", [None, b"one"])
def test_of_two_replacements_of_one_state_at_most_one_is_done(tmp_path: Path, first: bytes | None) -> None:
    """No lock: one is stopped before each of its operations while the other is done."""
    for nth in range(1, 12):
        store = LocalStore(tmp_path / str(nth))
        if first is not None:
            store.put("CURRENT", first)
        etag = None if first is None else store.read_tagged("CURRENT")[1]
        done: list[bytes] = []

        def replace(
            data: bytes, store: LocalStore = store, etag: str | None = etag, done: list[bytes] = done
        ) -> None:
            with contextlib.suppress(Conflict):
                store.replace("CURRENT", data, etag)
                done.append(data)

        operations.OPERATIONS = _Stopped(nth, lambda: replace(b"others"))
        replace(b"own")
        operations.OPERATIONS = FileOperations()
        assert len(done) == 1
        assert store.read("CURRENT") == done[0]
        assert store.names() == ["CURRENT"]


@pytest.mark.parametrize("first", [None, b"one"])
def test_a_revoked_replacement_leaves_no_file(tmp_path: Path, first: bytes | None) -> None:
    """Its temporary file is the only trace of it."""
    store = LocalStore(tmp_path)
    if first is not None:
        store.put("CURRENT", first)
    etag = None if first is None else store.read_tagged("CURRENT")[1]
    with pytest.raises(Conflict):
        store.replace("CURRENT", b"two", etag, lambda: False)
    assert store.names() == ([] if first is None else ["CURRENT"])


_STOPS = """
import os, signal, sys
from pathlib import Path
from pipeline.dataset.writer import begin
from schemas.errors import BusyError
from schemas.manifest import FileEntry
from transforms.shuffle.staging import stage
from transforms.storage import operations
class Stops(operations.FileOperations):
    def rename(self, source, target):
        if target.endswith("/CURRENT"):
            os.kill(os.getpid(), signal.SIGSTOP)
        super().rename(source, target)
writer = begin(Path(sys.argv[1]), "run", "new_version")
file = stage(writer.folder, "ledger/part-00000-of-00001.parquet", b"late")
operations.OPERATIONS = Stops()
try:
    writer.commit(b"{}", [file], 1, "run")
except BusyError as error:
    writer.rollback()
    sys.exit(error.exit_code)
"""


def test_a_process_stopped_before_the_renaming_holds_nobody_up_and_exits_with_4(tmp_path: Path) -> None:
    """A lock of the system would be held as long as the process is stopped."""
    path = tmp_path / "out"
    committed(path)
    process = subprocess.Popen([sys.executable, "-c", _STOPS, str(path)])
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        lapse(path)
        other = committed(path, b"other")
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert process.wait(timeout=60) == 4
    read = read_catalog(LocalStore(path), str(path))
    assert read is not None
    assert read.catalog.folder == other.folder.name
    assert leftovers_of(path) == []


def test_a_clock_that_was_set_back_does_not_end_a_claim(tmp_path: Path) -> None:
    """No other host writes a lease of days; on this host the process id shows that the writer lives."""
    writer, file = written(tmp_path / "out")
    store = LocalStore(tmp_path / "out")
    held = msgspec.json.decode(store.read("claims/0001"), type=Holder)
    until = held.until + dt.timedelta(days=2)
    store.put("claims/0001", msgspec.json.encode(msgspec.structs.replace(held, until=until)))
    with pytest.raises(BusyError):
        begin(tmp_path / "out", "run", "new_version")
    writer.commit(b"{}", [file], 1, "run")
    writer.release()
    dead = msgspec.structs.replace(held, process="999999999@1", until=until)
    store.put("claims/0002", msgspec.json.encode(dead))
    begin(tmp_path / "out", "run", "new_version").rollback()


def test_a_clock_that_was_set_forward_costs_a_run_at_most(tmp_path: Path) -> None:
    """The lease seems to have ended: another command may take over, and only one of the two commits."""
    writer, file = written(tmp_path / "out")
    store = LocalStore(tmp_path / "out")
    held = msgspec.json.decode(store.read("claims/0001"), type=Holder)
    past = held.until - dt.timedelta(days=2)
    store.put("claims/0001", msgspec.json.encode(msgspec.structs.replace(held, until=past)))
    other = committed(tmp_path / "out", b"other")
    with pytest.raises(BusyError):
        writer.commit(b"{}", [file], 1, "run")
    writer.rollback()
    assert catalog_of(tmp_path / "out").folder == other.folder.name
