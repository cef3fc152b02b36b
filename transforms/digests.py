"""Columns of ids to columns of digests: `KeyedHasher` over a column, each distinct user once."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from schemas.keys import KeyedHasher
from schemas.tables import KEY
from transforms.instants import Ints

_SIGN = np.uint64(1 << 63)


def message_numbers(texts: pa.Array, hasher: KeyedHasher) -> Ints:
    """`KeyedHasher.message` of each text; 0 for null and for the empty text."""
    return numbers_of(texts.cast(pa.binary()).fill_null(b"").to_pylist(), hasher)


def numbers_of(raw: list[bytes], hasher: KeyedHasher) -> Ints:
    """`KeyedHasher.message` of each text in UTF-8; 0 for the empty one."""
    hashed = np.fromiter(map(xxhash.xxh3_64_intdigest, raw, repeat(hasher.message_seed)), np.uint64, len(raw))
    numbers: Ints = (hashed ^ _SIGN).view(np.int64)
    numbers[numbers == 0] = 1
    if b"" in raw:
        numbers[np.fromiter(map(len, raw), np.int64, len(raw)) == 0] = 0
    return numbers


def numbers_near(texts: pa.Array, near: pa.Array, place: Ints, numbers: Ints, hasher: KeyedHasher) -> Ints:
    """`message_numbers` of texts of which most equal the one at their `place` in `near`.

    `numbers` are those of `near`; a place below 0 is nowhere.
    """
    found = np.zeros(len(texts), np.int64)
    rows = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False))
    if not len(rows):
        return found
    likely = np.maximum(place[rows], 0)
    texts = texts.take(pa.array(rows))
    same = np.zeros(len(rows), np.bool_)
    if len(near):
        equal = pc.equal(texts, near.take(pa.array(likely))).fill_null(False)
        same = equal.to_numpy(zero_copy_only=False) & (place[rows] >= 0)
    found[rows[same]] = numbers[likely[same]]
    others = np.flatnonzero(~same)
    found[rows[others]] = message_numbers(texts.take(pa.array(others)), hasher)
    return found


def keys(texts: pa.Array, hasher: KeyedHasher) -> pa.Array:
    """`KeyedHasher.conversation` of each text, none of them null."""
    found = hasher.conversations(texts.cast(pa.binary()).to_pylist())
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(texts), [None, pa.py_buffer(b"".join(found))])
