"""Reads the beginning of a file, to detect its format; bounded for any file."""

from __future__ import annotations

import itertools
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import IO, Any, Literal, NamedTuple

import msgspec
import pyarrow as pa

from transforms.sources.calls.cassettes import SUFFIXES, cassette_of
from transforms.sources.canonical.parquet_layout import open_parquet
from transforms.sources.decompress import Truncated
from transforms.sources.files import lines, magic_of, open_archive, open_stream
from transforms.sources.json.array import ArrayCut, elements
from transforms.sources.json.first_byte import first_byte
from transforms.sources.json.items import holds_array

Kind = Literal["parquet", "archive", "array", "object", "lines", "other"]
_ITEMS = 50
_MAX_ITEM_BYTES = 8 << 20
_MAX_OBJECT_BYTES = 64 << 20
_UNREADABLE = (OSError, Truncated, ArrayCut, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError)


class Peek(NamedTuple):
    """The beginning of a file.

    `columns`: of Parquet. `items`: the first JSON objects of the lines, the array, the whole file, or of the
    first archive member that has any.
    """

    kind: Kind
    columns: frozenset[str] = frozenset()
    items: tuple[dict[str, Any], ...] = ()


def peek_of(path: str) -> Peek:
    """The beginning of a file; its kind is `other` if no format can read it. Raises OSError."""
    magic = magic_of(path)
    if magic.startswith(b"PAR1"):
        try:
            with open_parquet(path) as file:
                return Peek("parquet", frozenset(file.schema_arrow.names))
        except (OSError, pa.ArrowException):
            return Peek("other")
    try:
        if magic.startswith(b"PK"):
            return _archive(path)
        with open_stream(path) as file:
            first = first_byte(file)
        if first == b"[" and holds_array(path):
            with open_stream(path) as file:
                return Peek("array", items=_array(file))
        if first in (b"[", b"{"):
            return _lines(path)
        cassette = cassette_of(path, _MAX_ITEM_BYTES) if path.endswith(SUFFIXES) else {}
        return Peek("object", items=(cassette,)) if isinstance(cassette, dict) and cassette else Peek("other")
    except _UNREADABLE:
        return Peek("other")


def _archive(path: str) -> Peek:
    with open_archive(path) as archive:
        members = sorted(name for name in archive.namelist() if PurePath(name).suffix == ".json")
        for member in sorted(members, key=lambda name: "conversations" not in name):
            with archive.open(member) as file:
                first = first_byte(file)
            with archive.open(member) as file:
                if (
                    items := _array(file)
                    if first == b"["
                    else tuple(_objects([file.read(_MAX_OBJECT_BYTES)]))
                ):
                    return Peek("archive", items=items)
    return Peek("archive")


def _array(file: IO[bytes], key: bytes | None = None) -> tuple[dict[str, Any], ...]:
    found = (element.data for element in elements(file, _MAX_ITEM_BYTES, key))
    return tuple(_objects(found))


def _lines(path: str) -> Peek:
    """Lines of objects; one object over several lines if no line is an object."""
    with open_stream(path) as file:
        items = tuple(_objects(line.data for line in lines(file, 0, None, _MAX_ITEM_BYTES)))
    if len(items) > 1:
        return Peek("lines", items=items)
    with open_stream(path) as file:
        whole = file.read(_MAX_OBJECT_BYTES)
    alone = tuple(_objects([whole.removeprefix(b"\xef\xbb\xbf")]))
    if items:
        return Peek("lines", items=items)
    if alone or len(whole) < _MAX_OBJECT_BYTES:
        return Peek("object", items=alone) if alone else Peek("other")
    with open_stream(path) as file:
        return Peek("array", items=_array(file, b"conversations"))


def _objects(found: Any) -> Iterator[dict[str, Any]]:
    for data in itertools.islice(found, _ITEMS):
        if data is None:
            continue
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value
