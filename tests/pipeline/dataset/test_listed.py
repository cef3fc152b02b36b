"""Which files of a version are not what its manifest lists: found by one listing, without reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dataset.listed import unlike
from schemas.manifest import FileEntry
from tests.support.memory_bucket import URL, memory_bucket
from transforms.storage.contract import Store
from transforms.storage.local import LocalStore
from transforms.storage.objects.store import ObjectStore

_FILES = {"data/a": b"12345", "report/b": b"123", "c": b""}


def _version(store: Store) -> list[FileEntry]:
    for name, data in _FILES.items():
        store.put(f"v1/{name}", data)
    return [FileEntry(name, len(data), 0, "") for name, data in _FILES.items()]


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("data/a", None, ["data/a"]),
        ("data/a", b"1234", ["data/a"]),
        ("data/a", b"123456", ["data/a"]),
        ("data/a", b"54321", []),
        ("c", None, ["c"]),
        ("data/.tmp-more", b"left over", []),
    ],
)
def test_missing_cut_and_longer_files_are_found(
    tmp_path: Path, name: str, data: bytes | None, found: list[str]
) -> None:
    """A listing has the sizes alone; what is left over of a writer harms nobody."""
    store = LocalStore(tmp_path)
    files = _version(store)
    assert unlike(store, "v1", files) == []
    store.put(f"v1/{name}", b"") if data is None else store.put(f"v1/{name}", data)
    if data is None:
        store.remove(f"v1/{name}")
    assert unlike(store, "v1", files) == found


def test_a_link_and_a_folder_are_no_file(tmp_path: Path) -> None:
    """A link may name a file of another dataset, and of any size."""
    store = LocalStore(tmp_path)
    files = _version(store)
    for name in ("report/b", "c"):
        store.remove(f"v1/{name}")
    (tmp_path / "v1/report").mkdir()
    (tmp_path / "v1/report/b").symlink_to("../data/a")
    (tmp_path / "v1/c").mkdir()
    assert unlike(store, "v1", files) == ["c", "report/b"]


def test_a_listing_that_lags_is_no_proof_of_absence(tmp_path: Path) -> None:
    """Object stores may list a file late: it is opened before it is called missing."""

    class Lagging(LocalStore):
        def sizes(self, prefix: str = "") -> dict[str, int]:
            return {name: size + 1 for name, size in super().sizes(prefix).items() if "data" in name}

    store = Lagging(tmp_path)
    files = _version(store)
    store.remove("v1/c")
    assert unlike(store, "v1", files) == ["c"]


def test_a_bucket_answers_by_one_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request for a version of thousands of files."""
    bucket = memory_bucket(monkeypatch)
    store = ObjectStore(f"{URL}/out")
    files = _version(store)
    bucket.requests.clear()
    assert unlike(store, "v1", files) == []
    assert [each.kind for each in bucket.requests] == ["list"]
