"""A version counts once CURRENT names it: before that nothing does, after it nothing is undone."""

from __future__ import annotations

import datetime as dt
import errno
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pipeline.commands.versions import collect
from pipeline.dataset import claims
from pipeline.dataset.catalog import CURRENT, read_catalog
from pipeline.dataset.change import catalog_of
from pipeline.dataset.writer import DatasetWriter, begin
from schemas.errors import BusyError, InputError, OutputError, PipelineError
from tests.support.stopped_writers import written
from transforms.shuffle.staging import stage
from transforms.storage import operations
from transforms.storage.leases import Holder
from transforms.storage.local import LocalStore
from transforms.storage.operations import FileOperations


def committed(path: Path, text: bytes = b"rows") -> DatasetWriter:
    writer, file = written(path, text)
    writer.commit(b'{"digest": "d"}', [file], 1, "run")
    writer.release()
    return writer


def bytes_below(path: Path) -> dict[str, bytes]:
    """Every file by name, without links."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.is_symlink() and "latest" not in file.parts
    }


def test_versions_stand_beside_each_other_and_current_names_the_newest(tmp_path: Path) -> None:
    """A glob below one version never finds rows of another."""
    first, second = committed(tmp_path / "out", b"one"), committed(tmp_path / "out", b"two")
    catalog = catalog_of(tmp_path / "out")
    assert (catalog.version, catalog.folder) == (2, second.folder.name)
    assert [one.folder for one in catalog.versions] == [first.folder.name, second.folder.name]
    assert (tmp_path / "out/latest").resolve() == second.folder
    assert sorted(path.name for path in second.folder.iterdir()) == ["ledger", "manifest.json"]


def test_a_first_version_rolled_back_leaves_nothing(tmp_path: Path) -> None:
    """A run that failed must not pass for an empty dataset."""
    writer, _ = written(tmp_path / "out")
    writer.rollback()
    assert not (tmp_path / "out").exists()


def test_a_later_version_rolled_back_leaves_the_one_before(tmp_path: Path) -> None:
    """The version that counts is untouched, byte for byte."""
    committed(tmp_path / "out")
    before = bytes_below(tmp_path / "out")
    written(tmp_path / "out", b"two")[0].rollback()
    assert bytes_below(tmp_path / "out") == before


def test_a_committed_version_survives_its_rollback(tmp_path: Path) -> None:
    """A signal after the commit must not remove what readers already use."""
    writer, file = written(tmp_path / "out")
    writer.commit(b"{}", [file], 1, "run")
    before = bytes_below(writer.folder)
    writer.rollback()
    assert bytes_below(writer.folder) == before
    assert catalog_of(tmp_path / "out").folder == writer.folder.name


@pytest.mark.parametrize("change", ["missing", "unlisted"])
def test_files_have_to_be_those_of_the_manifest(tmp_path: Path, change: str) -> None:
    """A retried bundle of a dead run may have written more."""
    writer, file = written(tmp_path / "out")
    if change == "unlisted":
        stage(writer.folder, "data/train-00009-of-00004.parquet", b"x")
    else:
        (writer.folder / file.path).unlink()
    with pytest.raises(PipelineError, match="files and manifest differ"):
        writer.commit(b"{}", [file], 1, "run")
    writer.rollback()
    assert not (tmp_path / "out").exists()


def test_staged_files_are_gone_when_the_manifest_is_written(tmp_path: Path) -> None:
    """What workers pass to each other is no part of a dataset."""
    writer, file = written(tmp_path / "out")
    LocalStore(writer.staging).put("fragments/a", b"x")
    writer.commit(b"{}", [file], 1, "run")
    assert not writer.staging.exists()


class _Lost(FileOperations):
    """Fails every renaming to CURRENT: after it was done, or without doing it."""

    def __init__(self, done: bool) -> None:
        self._done = done

    def rename(self, source: str, target: str) -> None:
        if not target.endswith(CURRENT) or self._done:
            super().rename(source, target)
        if target.endswith(CURRENT):
            raise OSError(errno.EIO, "input/output error")


def test_a_commit_whose_answer_is_lost_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog is read again, and it names the version: nothing is removed, nothing fails."""
    committed(tmp_path / "out")
    writer, file = written(tmp_path / "out", b"two")
    monkeypatch.setattr(operations, "OPERATIONS", _Lost(done=True))
    writer.commit(b"{}", [file], 1, "run")
    writer.release()
    assert catalog_of(tmp_path / "out").folder == writer.folder.name
    assert writer.is_committed


def test_a_commit_that_the_store_refuses_is_rolled_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some tries the run fails, and the version before counts."""
    first = committed(tmp_path / "out")
    before = bytes_below(tmp_path / "out")
    writer, file = written(tmp_path / "out", b"two")
    monkeypatch.setattr(operations, "OPERATIONS", _Lost(done=False))
    with pytest.raises(PipelineError, match="could not be replaced"):
        writer.commit(b"{}", [file], 1, "run")
    writer.rollback()
    assert bytes_below(tmp_path / "out") == before
    assert catalog_of(tmp_path / "out").folder == first.folder.name


def test_of_two_writers_one_is_told_to_come_back(tmp_path: Path) -> None:
    """The second does no work in vain, and its exit code lets a scheduler try again."""
    writer, _ = written(tmp_path / "out")
    with pytest.raises(BusyError) as refused:
        begin(tmp_path / "out", "run", "new_version")
    assert refused.value.exit_code == 4
    writer.rollback()
    committed(tmp_path / "out")


def test_a_writer_that_lost_its_claim_cannot_commit_over_another(tmp_path: Path) -> None:
    """A process that was suspended for an hour is a zombie: another run took its place."""
    zombie, file = written(tmp_path / "out")
    LocalStore(tmp_path / "out").remove("claims/0001")
    other = committed(tmp_path / "out", b"other")
    with pytest.raises((BusyError, PipelineError)):
        zombie.commit(b"{}", [file], 1, "run")
    zombie.rollback()
    assert catalog_of(tmp_path / "out").folder == other.folder.name
    assert (other.folder / "manifest.json").exists()


_DYING = """
import os, sys
from pathlib import Path
from pipeline.dataset.writer import begin
from tests.support.stopped_writers import written
from transforms.shuffle.staging import stage
writer = begin(Path(sys.argv[1]), "run", "new_version")
stage(writer.folder, "data/train-00000-of-00001.parquet", b"half")
os.kill(os.getpid(), 9)
"""


def test_a_killed_run_blocks_nobody_and_its_files_go(tmp_path: Path) -> None:
    """Its claim names a process that is no more."""
    committed(tmp_path / "out")
    before = bytes_below(tmp_path / "out")
    subprocess.run([sys.executable, "-c", _DYING, str(tmp_path / "out")], check=False)
    assert bytes_below(tmp_path / "out") != before
    written(tmp_path / "out")[0].rollback()
    assert bytes_below(tmp_path / "out") == before


def test_a_lapsed_claim_of_another_host_is_taken_over_and_a_live_one_is_not(tmp_path: Path) -> None:
    """Only the lease tells of processes elsewhere. A lease of years would keep everybody out."""
    now = dt.datetime.now(dt.UTC)
    for lease, busy in ((60, True), (-1, False), (10**8, False)):
        until = now + dt.timedelta(seconds=lease)
        holder = Holder(run="r", folder="v0001-abcdef", host="elsewhere", process="1@1", until=until)
        LocalStore(tmp_path / "out").put("claims/0001", msgspec.json.encode(holder))
        if busy:
            with pytest.raises(BusyError):
                begin(tmp_path / "out", "run", "new_version")
        else:
            begin(tmp_path / "out", "run", "new_version").rollback()


def test_refuse_holds_for_a_dataset_that_appears_before_the_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the claim another run can commit a first version."""
    from pipeline.dataset import change

    make = change.claim

    def late(store: LocalStore, version: int, where: str) -> claims.Claim:
        monkeypatch.setattr(change, "claim", make)
        committed(tmp_path / "out")
        return make(store, version, where)

    monkeypatch.setattr(change, "claim", late)
    with pytest.raises((BusyError, OutputError)):
        begin(tmp_path / "out", "run", "refuse")
    assert len(catalog_of(tmp_path / "out").versions) == 1


@pytest.mark.parametrize(("first", "second"), [("run", "audit"), ("audit", "run")])
def test_runs_and_audits_never_share_a_folder(tmp_path: Path, first: str, second: str) -> None:
    """A dry run must not become the dataset that somebody trains on."""
    writer = begin(tmp_path / "out", first, "new_version")  # type: ignore[arg-type]
    writer.commit(b"{}", [], 0, first)
    writer.release()
    with pytest.raises(OutputError, match="holds"):
        begin(tmp_path / "out", second, "new_version")  # type: ignore[arg-type]


def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    """Nothing of it is touched."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.doc").write_text("years of work")
    with pytest.raises(OutputError, match="not a dataset"):
        begin(tmp_path / "out", "run", "new_version")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.doc"]


def test_a_damaged_catalog_is_one_line(tmp_path: Path) -> None:
    """It must not be taken for an empty folder."""
    committed(tmp_path / "out")
    (tmp_path / "out" / CURRENT).write_bytes(b"{")
    with pytest.raises(InputError, match="not a catalog"):
        begin(tmp_path / "out", "run", "new_version")


def test_equal_files_of_two_versions_take_space_once(tmp_path: Path) -> None:
    """Most shards do not change from day to day."""
    import hashlib

    def version(text: bytes) -> DatasetWriter:
        writer, file = written(tmp_path / "out", text)
        listed = msgspec.json.encode({"files": [msgspec.to_builtins(file)], **_MANIFEST})
        assert hashlib.sha256(text).hexdigest() == file.sha256
        writer.commit(listed, [file], 1, "run")
        writer.release()
        return writer

    name = "ledger/part-00000-of-00001.parquet"
    one, two, three = version(b"same"), version(b"same"), version(b"other")
    assert (one.folder / name).stat().st_ino == (two.folder / name).stat().st_ino
    assert (two.folder / name).stat().st_ino != (three.folder / name).stat().st_ino


_MANIFEST: dict[str, object] = {
    "kind": "run",
    "dataset_version": 1,
    "parent": None,
    "arguments": {},
    "key_id": "",
    "policy": {},
    "deid": {},
    "packages": {},
    "as_of": "",
    "known_until": "",
    "inputs": [],
    "snapshots": [],
    "counts": {},
    "entities": {},
}


def test_gc_keeps_the_newest_and_what_they_share(tmp_path: Path) -> None:
    """The current version is always among them."""
    writers = [committed(tmp_path / "out", text) for text in (b"1", b"2", b"3")]
    assert [one.version for one in collect(tmp_path / "out", 2)] == [1]
    assert not writers[0].folder.exists()
    assert [one.version for one in catalog_of(tmp_path / "out").versions] == [2, 3]
    assert collect(tmp_path / "out", 5) == []
    assert (writers[2].folder / "manifest.json").exists()


def test_gc_waits_for_a_run(tmp_path: Path) -> None:
    """A run may be sharing files of a version that gc would remove."""
    committed(tmp_path / "out")
    writer, _ = written(tmp_path / "out")
    with pytest.raises(BusyError):
        collect(tmp_path / "out", 1)
    writer.rollback()


def test_claims_are_gone_after_a_run(tmp_path: Path) -> None:
    """What stays is the catalog and its versions."""
    writer = committed(tmp_path / "out")
    store = LocalStore(tmp_path / "out")
    assert claims.claims_of(store) == {}
    assert read_catalog(store, "out") is not None
    assert sorted(os.listdir(tmp_path / "out")) == sorted([CURRENT, "latest", writer.folder.name])  # noqa: PTH208
