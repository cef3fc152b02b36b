"""A writer in a bucket that is stopped before it commits never commits after another took its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath

import pytest

from pipeline.commands.versions import collect
from pipeline.dataset.catalog import CURRENT, is_version_folder, read_catalog
from pipeline.dataset.writer import DatasetWriter, begin
from schemas.errors import BusyError, PipelineError
from schemas.manifest import FileEntry
from tests.prove.faulty_requests import FaultyBucket, FaultyRequests
from tests.support.stopped_writers import FILE, commit, lapse, written
from transforms.storage.contract import Stat
from transforms.storage.objects import bucket
from transforms.storage.places import location, store_of

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("fast_and_plain")]


def _assert_whole(path: PurePath) -> list[str]:
    """The folders of the catalog, which all have their files; nothing else is there."""
    store = store_of(path)
    read = read_catalog(store, str(path))
    folders = [one.folder for one in read.catalog.versions] if read else []
    for folder in folders:
        assert store.names(f"{folder}/") == [f"{folder}/{FILE}", f"{folder}/manifest.json"]
    assert [name for name in store.folders() if is_version_folder(name)] == sorted(folders)
    assert store.names("claims/") == []
    return folders


@pytest.mark.parametrize("versions", [0, 1])
@pytest.mark.parametrize("other", ["commits", "fails", "has begun", "collects"])
def test_a_writer_stopped_in_its_commit_is_in_the_catalog_or_told_to_come_back(
    place: str, versions: int, other: str
) -> None:
    """Another may remove its folder: a catalog that names it would be a dataset without files.

    Each request of a commit is tried. The lease lapsed; the other commits, fails, only begins, or is gc.
    """
    late, nth, is_past_the_end = 0, 0, False
    while not is_past_the_end:
        nth += 1
        path = location(f"{place}/{nth}")
        for number in range(versions):
            assert commit(*written(path, b"%d" % number))
        writer, file = written(path)
        begun: list[tuple[DatasetWriter, FileEntry]] = []

        def meanwhile(path: PurePath = path, begun: list[tuple[DatasetWriter, FileEntry]] = begun) -> None:
            lapse(path)
            if other == "collects":
                if read_catalog(store_of(path), ""):
                    collect(path, 1)
                return
            begun.append(written(path, b"others"))
            if other == "commits":
                assert commit(*begun[0])
            elif other == "fails":
                begun[0][0].rollback()

        stopped = _Stopped(nth, meanwhile)
        bucket.WRAP = stopped.wrap
        is_in = commit(writer, file)
        bucket.WRAP = bucket._same
        is_past_the_end = len(stopped.done) < nth
        if other == "has begun" and begun:
            assert commit(*begun[0])
        late += not is_in
        folders = _assert_whole(path)
        assert (writer.folder.name in folders) == is_in
        if begun and other in ("commits", "has begun"):
            assert begun[0][0].folder.name in folders
        assert commit(*written(path))
        _assert_whole(path)
    assert nth > 10
    assert late > 5 or (other == "collects" and versions == 0)


class _Stopped(FaultyRequests):
    """Stops before the n-th request until `meanwhile` is done."""

    def __init__(self, nth: int, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._stop_at, self._meanwhile = nth, meanwhile

    def before(self, nth: int) -> None:
        if nth == self._stop_at:
            own, bucket.WRAP = bucket.WRAP, bucket._same
            self._meanwhile()
            bucket.WRAP = own


@pytest.mark.parametrize("versions", [0, 1])
def test_a_commit_that_arrives_after_its_writer_gave_up_does_not_count(place: str, versions: int) -> None:
    """The writer removes its files when it fails; a put that is still under way would name them."""
    for versions_before in range(versions + 1):
        path = location(f"{place}/{versions_before}")
        for number in range(versions_before):
            assert commit(*written(path, b"%d" % number))
        writer, file = written(path)
        late = _LateCommit()
        bucket.WRAP = late.wrap
        with pytest.raises(PipelineError, match="could not be replaced"):
            writer.commit(b"{}", [file], 1, "run")
        late.is_over = True
        writer.rollback()
        bucket.WRAP = bucket._same
        assert late.landed
        assert not any(late.landed)
        assert len(_assert_whole(path)) == versions_before


class _LateCommit(FaultyRequests):
    """No put of the catalog gets an answer until `is_over`; all arrive before each removal after that."""

    def __init__(self) -> None:
        super().__init__()
        self.is_over = False
        self.landed: list[bool] = []
        self._puts: list[Callable[[], object]] = []

    def do(self, name: str, key: str, call: Callable[[], object]) -> object:
        if name == "put" and key.endswith(f"/{CURRENT}") and not self.is_over:
            self._puts.append(call)
            raise OSError("no answer")
        if name == "delete" and self.is_over:
            self._land()
        return super().do(name, key, call)

    def _land(self) -> None:
        for put in self._puts:
            try:
                put()
                self.landed.append(True)
            except bucket.Mismatch:
                self.landed.append(False)


class _Lagging(FaultyBucket):
    """Listings that do not have what was written in the last minutes."""

    def below(self, folder: str) -> Iterator[tuple[str, Stat]]:
        yield from list(super().below(folder))[:0]

    def top(self, folder: str) -> tuple[list[str], list[str]]:
        return tuple(found[:0] for found in super().top(folder))  # type: ignore[return-value]


class _WithoutClaims(FaultyBucket):
    """Listings that do not have claims yet, and everything else."""

    def below(self, folder: str) -> Iterator[tuple[str, Stat]]:
        yield from (found for found in super().below(folder) if "/claims/" not in found[0])


def test_a_commit_does_not_depend_on_a_listing(place: str) -> None:
    """Some services answer a listing from a copy that lags behind."""
    path = location(place)
    bucket.WRAP = lambda plain: _Lagging(plain, FaultyRequests())
    first, second = written(path, b"one"), None
    assert commit(*first)
    second = written(path, b"two")
    with pytest.raises(BusyError):
        begin(path, "run", "new_version")
    assert commit(*second)
    bucket.WRAP = bucket._same
    assert _assert_whole(path) == [first[0].folder.name, second[0].folder.name]


def test_a_missing_file_is_noticed_whatever_a_listing_has(place: str) -> None:
    """A version without one of its files must not count."""
    writer, file = written(location(place))
    writer.store.remove(f"{writer.folder.name}/{FILE}")
    bucket.WRAP = lambda plain: _Lagging(plain, FaultyRequests())
    with pytest.raises(PipelineError, match="differ"):
        writer.commit(b"{}", [file], 1, "run")
    bucket.WRAP = bucket._same
    writer.rollback()
    assert _assert_whole(location(place)) == []


def test_a_writer_whose_claim_no_listing_has_keeps_its_files(place: str) -> None:
    """Another one that ends at this moment removes what no live writer claims."""
    path = location(place)
    bucket.WRAP = lambda plain: _WithoutClaims(plain, FaultyRequests())
    first, file = written(path, b"one")
    first.commit(b"{}", [file], 1, "run")
    second = written(path, b"two")
    first.release()
    assert commit(*second)
    bucket.WRAP = bucket._same
    assert _assert_whole(path) == [first.folder.name, second[0].folder.name]
