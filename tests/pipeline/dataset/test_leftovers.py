"""A claim is given up last: without one nothing is left over, with one the next command removes what is."""

from __future__ import annotations

import datetime as dt
import errno
import os
from pathlib import Path

import msgspec
import pytest

from pipeline.commands.versions import collect
from pipeline.dataset import claims
from pipeline.dataset.catalog import CURRENT
from pipeline.dataset.change import begin_change, catalog_of
from pipeline.dataset.writer import begin
from schemas.errors import BusyError, InputError, OutputError
from tests.pipeline.dataset.test_writer import committed
from tests.support.stopped_writers import written
from transforms.storage import operations
from transforms.storage.leases import Holder
from transforms.storage.local import LocalStore
from transforms.storage.operations import FileOperations


class _Stuck(FileOperations):
    """Cannot remove what is below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/"

    def remove(self, path: str) -> None:
        if path.startswith(self._folder):
            raise OSError(errno.EIO, "input/output error")
        super().remove(path)


def test_a_claim_stays_until_nothing_is_left_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The removal of old versions counts and does not fail; the claim tells of the files that are left."""
    old = committed(tmp_path / "out", b"1").folder
    committed(tmp_path / "out", b"2")
    with monkeypatch.context() as patched:
        patched.setattr(operations, "OPERATIONS", _Stuck(old))
        assert [one.version for one in collect(tmp_path / "out", 1)] == [1]
    assert old.exists()
    assert list(claims.claims_of(LocalStore(tmp_path / "out"))) == [3]


def test_the_next_command_removes_what_a_dead_one_left(tmp_path: Path) -> None:
    """Folders, erasures and claims of a dead writer; `latest` points at the current version again."""
    writer = committed(tmp_path / "out")
    store = LocalStore(tmp_path / "out")
    store.put("v0002-aaaaaa/data/train-00000-of-00001.parquet", b"half")
    store.put("erasures/0001-aaaaaa.keys", b"half")
    store.put("claims/0002", _claim_of("v0002-aaaaaa", dt.timedelta(seconds=-1)))
    store.put(".tmp-CURRENT-aaaaaaaa", b"half")
    store.link("latest", "v0002-aaaaaa")
    assert collect(tmp_path / "out", 5) == []
    assert sorted(os.listdir(tmp_path / "out")) == sorted([CURRENT, "latest", writer.folder.name])  # noqa: PTH208
    assert (tmp_path / "out/latest").resolve() == writer.folder


@pytest.mark.parametrize("claim", ["", "claims/0001", "claims/0003"])
def test_versions_whose_current_is_gone_are_not_removed(tmp_path: Path, claim: str) -> None:
    """A next run would take their folders for those of writers that died."""
    committed(tmp_path / "out", b"1")
    folder = committed(tmp_path / "out", b"2").folder
    (tmp_path / "out" / CURRENT).rename(tmp_path / "kept")
    store = LocalStore(tmp_path / "out")
    if claim:
        store.put(claim, _claim_of("v0001-aaaaaa", dt.timedelta(seconds=-1)))
    with pytest.raises(OutputError, match=r"has the version v\w+-\w+ but no CURRENT; restore CURRENT"):
        begin_change(tmp_path / "out")
    (tmp_path / "kept").rename(tmp_path / "out" / CURRENT)
    begin_change(tmp_path / "out").release()
    assert folder.exists()


def test_a_first_version_that_was_not_committed_is_removed(tmp_path: Path) -> None:
    """Its writer died between manifest and CURRENT, and left its claim."""
    store = LocalStore(tmp_path / "out")
    store.put("v0001-aaaaaa/manifest.json", b"{}")
    store.put("claims/0001", _claim_of("v0001-aaaaaa", dt.timedelta(seconds=-1)))
    begin_change(tmp_path / "out").release()
    assert store.names() == []


def test_folders_and_erasures_stay_while_another_writer_lives(tmp_path: Path) -> None:
    """`forget` writes folders that its claim does not name: another command must not remove them."""
    committed(tmp_path / "out")
    change = begin_change(tmp_path / "out")
    store = LocalStore(tmp_path / "out")
    names = ["erasures/0001-aaaaaa.keys", "v0001-aaaaaa/data/train-00000-of-00001.parquet"]
    for name in names:
        store.put(name, b"half")
    store.put("claims/0009", _claim_of("v0009-aaaaaa", dt.timedelta(minutes=1)))
    change.release()
    assert set(names) <= set(store.names())
    store.remove("claims/0009")
    collect(tmp_path / "out", 5)
    assert not set(names) & set(store.names())


def _claim_of(folder: str, left: dt.timedelta) -> bytes:
    until = dt.datetime.now(dt.UTC) + left
    holder = Holder(run="r", folder=folder, host="elsewhere", process="1@1", until=until)
    return msgspec.json.encode(holder)


def test_a_writer_whose_claim_was_taken_over_cannot_commit(tmp_path: Path) -> None:
    """Even before the other one commits: that one may have removed files of the first already."""
    committed(tmp_path / "out")
    zombie, file = written(tmp_path / "out", b"two")
    store = LocalStore(tmp_path / "out")
    _, etag = store.read_tagged("claims/0002")
    store.replace("claims/0002", _claim_of("v0002-bbbbbb", dt.timedelta(minutes=1)), etag)
    with pytest.raises(BusyError) as refused:
        zombie.commit(b"{}", [file], 1, "run")
    assert refused.value.exit_code == 4
    zombie.rollback()
    assert len(catalog_of(tmp_path / "out").versions) == 1
    assert not zombie.folder.exists()
    assert claims.claims_of(store)[2].folder == "v0002-bbbbbb"


def test_a_folder_in_the_place_of_latest_is_refused(tmp_path: Path) -> None:
    """It would be loaded as the current version, and it may hold what has to be erased."""
    committed(tmp_path / "out")
    (tmp_path / "out/latest").unlink()
    (tmp_path / "out/latest").mkdir()
    with pytest.raises(OutputError, match="latest: expected a link"):
        begin(tmp_path / "out", "run", "new_version")
    assert claims.claims_of(LocalStore(tmp_path / "out")) == {}


@pytest.mark.parametrize("damage", ["empty", "folder", "link"])
def test_a_catalog_that_is_no_file_is_one_line(tmp_path: Path, damage: str) -> None:
    """None of these is a folder without a dataset, and none may be replaced."""
    committed(tmp_path / "out")
    current = tmp_path / "out" / CURRENT
    content = current.read_bytes()
    current.unlink()
    if damage == "empty":
        current.touch()
    elif damage == "folder":
        current.mkdir()
    else:
        (tmp_path / "elsewhere").write_bytes(content)
        current.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=CURRENT):
        begin(tmp_path / "out", "run", "new_version")
    with pytest.raises(InputError, match=CURRENT):
        collect(tmp_path / "out", 1)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}"])
def test_a_claim_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes) -> None:
    """It may be a writer's: only a person can tell."""
    committed(tmp_path / "out")
    LocalStore(tmp_path / "out").put("claims/0002", content)
    with pytest.raises(OutputError, match="not a claim"):
        begin(tmp_path / "out", "run", "new_version")


def test_other_files_beside_the_claims_are_left_alone(tmp_path: Path) -> None:
    """Names that are no numbers of versions are nobody's claim."""
    committed(tmp_path / "out")
    store = LocalStore(tmp_path / "out")
    for name in ("claims/²", "claims/notes.txt"):
        store.put(name, b"x")
    committed(tmp_path / "out", b"two")
    assert len(catalog_of(tmp_path / "out").versions) == 2
    assert {"claims/²", "claims/notes.txt"} <= set(store.names())
