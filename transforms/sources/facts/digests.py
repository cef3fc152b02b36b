"""Digests by which a record that is read again is recognized as the one whose facts were made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.keys import KeyedHasher
from schemas.records import Session
from transforms.shuffle.instants import Ints

#: Odd, so that the digests of all places differ.
_STEP = 0x9E3779B97F4A7C15


def session_digest(session: Session, hasher: KeyedHasher) -> int:
    """The digest of a session's values, for a source that gives no digest of bytes. Slow: 100 MB/s."""
    return hasher.content(repr(session).encode("utf-8", "surrogatepass"))


def digest_at(digest: int | None, place: int) -> int | None:
    """The digest of the record at a place in bytes that hold several records; `digest` is theirs.

    For place 0 it is `digest` itself. None for None.
    """
    if digest is None:
        return None
    return (digest + place * _STEP + 2**63) % 2**64 - 2**63


def digests_at(digest: int, places: Ints) -> Ints:
    """`digest_at` for many places."""
    numbers: Ints = np.int64(digest) + places * np.uint64(_STEP).astype(np.int64)
    return numbers


class PlacedDigests:
    """Digests of records, by the bytes that they are read with and their place among the records of these."""

    def __init__(self, hasher: KeyedHasher) -> None:
        self._hasher = hasher
        self._within: bytes | None = None
        self._first = 0
        self._digest: int | None = None

    def enter(self, within: bytes | None, row: int) -> None:
        """Begins an item that was read with these bytes; `row`: of its first record."""
        if within is not self._within:
            self._within, self._first, self._digest = within, row, None

    def of(self, row: int) -> int | None:
        """The digest of the record in this row; None where there are no bytes."""
        if self._digest is None and self._within is not None:
            self._digest = self._hasher.content(self._within)
        return digest_at(self._digest, row - self._first)


def batch_digest(batch: pa.RecordBatch, hasher: KeyedHasher) -> int:
    """The digest of all values of a batch, with the names and types of its columns.

    Equal batches give equal digests if they are read in the same way; the digest includes dictionaries as
    they are.
    """
    digest = hasher.contents()
    for field, values in zip(batch.schema, batch.columns, strict=True):
        digest.update(f"{field.name}\0{field.type}\0".encode())
        _add(digest, values)
    return hasher.signed(digest.intdigest())


def _add(digest: Any, values: pa.Array) -> None:
    """Adds the values, and where they are null. Bytes behind a null are undefined, so they are left out."""
    kind = values.type
    digest.update(b"%d %d\0" % (len(values), values.null_count))
    if values.null_count:
        digest.update(values.is_valid().to_numpy(zero_copy_only=False).tobytes())
    if pa.types.is_dictionary(kind):
        _add(digest, values.indices)
        _add(digest, values.dictionary)
    elif pa.types.is_struct(kind):
        for child in values.flatten():
            _add(digest, child)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _add(digest, pc.list_value_length(values).drop_null())
        _add(digest, values.flatten())
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        _add_bytes(digest, values, 4)
    elif pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        _add_bytes(digest, values, 8)
    elif pa.types.is_boolean(kind):
        digest.update(values.drop_null().cast(pa.uint8()).to_numpy())
    elif pa.types.is_primitive(kind):
        digest.update(values.drop_null().to_numpy(zero_copy_only=False).view("u1"))
    else:
        digest.update(pa.record_batch([values.drop_null()], ["values"]).serialize())


def _add_bytes(digest: Any, values: pa.Array, offset_bytes: int) -> None:
    digest.update(pc.binary_length(values).drop_null().to_numpy().view("u1"))
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        return
    ends = memoryview(offsets).cast("B").cast("i" if offset_bytes == 4 else "q")
    digest.update(memoryview(data)[ends[values.offset] : ends[values.offset + len(values)]])
