"""Tombstones are read whole or not at all; a damaged erasure does not keep the others from being proved."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from pipeline.dataset.catalog import CURRENT, Catalog, Version, encode
from pipeline.dataset.erasures import (
    Certificate,
    Keys,
    certificate_name,
    encode_certificate,
    encode_keys,
    erased_keys,
    finish_erasures,
    keys_name,
)
from schemas.errors import InputError
from transforms.storage.local import LocalStore

_ONE, _TWO = "0001-aaaaaa", "0002-bbbbbb"
_KEYS = Keys(frozenset([b"u" * 16, b"v" * 16]), frozenset([b"c" * 16]))


def dataset(path: Path) -> tuple[LocalStore, Catalog]:
    """A dataset with two erasures that are not proved yet."""
    store = LocalStore(path)
    version = Version(version=1, folder="v0001-aaaaaa", manifest_sha256="", rows=0, at="", why="run")
    catalog = Catalog(kind="run", version=1, folder="v0001-aaaaaa", versions=[version], erased=[_ONE, _TWO])
    store.put(CURRENT, encode(catalog))
    for name in catalog.erased:
        data = encode_keys(_KEYS)
        store.put(keys_name(name), data)
        certificate = Certificate(
            kind="forget",
            name=name,
            at="2026-01-01T00:00:00Z",
            asked={},
            found={},
            unknown=0,
            versions=[],
            keys_sha256=hashlib.sha256(data).hexdigest(),
        )
        store.put(certificate_name(name), encode_certificate(certificate))
    return store, catalog


def test_the_keys_of_all_erasures_are_read(tmp_path: Path) -> None:
    """A later run excludes what any of them lists."""
    store, catalog = dataset(tmp_path / "out")
    assert erased_keys(store, catalog, "out") == _KEYS


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        encode_keys(_KEYS)[:-38],
        encode_keys(_KEYS)[:-5],
        encode_keys(_KEYS).replace(b"\n", b"\r\n"),
        None,
    ],
    ids=["empty", "cut at the end of a line", "cut in a line", "other line ends", "missing"],
)
def test_a_list_that_is_not_the_whole_one_is_refused(tmp_path: Path, damaged: bytes | None) -> None:
    """A list that lost a line would let that person come back without a word."""
    store, catalog = dataset(tmp_path / "out")
    store.remove(keys_name(_ONE))
    if damaged is not None:
        store.put(keys_name(_ONE), damaged)
    with pytest.raises(InputError, match=f"out/erasures/{_ONE}.*copy"):
        erased_keys(store, catalog, "out")


@pytest.mark.parametrize("damaged", [b"{", b"\xff", None], ids=["cut", "not UTF-8", "missing"])
def test_a_list_without_its_certificate_is_refused(tmp_path: Path, damaged: bytes | None) -> None:
    """Nothing else shows that the list is the whole one."""
    store, catalog = dataset(tmp_path / "out")
    store.remove(certificate_name(_TWO))
    if damaged is not None:
        store.put(certificate_name(_TWO), damaged)
    with pytest.raises(InputError, match=f"out/erasures/{_TWO}.*certificate"):
        erased_keys(store, catalog, "out")


@pytest.mark.parametrize("name", [certificate_name(_ONE), keys_name(_ONE)])
def test_a_damaged_erasure_does_not_keep_the_others_from_being_proved(tmp_path: Path, name: str) -> None:
    """The next request would never get its scan, and its message would promise one for ever."""
    store, _ = dataset(tmp_path / "out")
    store.put(name, b"{")
    with pytest.raises((msgspec.DecodeError, InputError)):
        finish_erasures(store, "out")
    proved = msgspec.json.decode(store.read(certificate_name(_TWO)), type=Certificate)
    assert proved.scan is not None
    assert proved.scan["found"] == 0
