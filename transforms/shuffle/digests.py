"""Columns of ids to columns of digests: `KeyedHasher` over a column, each distinct user once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from schemas.keys import KeyedHasher
from schemas.tables import KEY
from transforms.shuffle.instants import Ints
from transforms.shuffle.xxh3 import xxh3_64

_SIGN = np.uint64(1 << 63)


def message_numbers(texts: pa.Array, hasher: KeyedHasher) -> Ints:
    """`KeyedHasher.message` of each text, of type string; 0 for null and for the empty text."""
    if not len(texts):
        return np.zeros(0, np.int64)
    ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1].astype(np.int64)
    lengths = np.diff(ends)
    hashed = xxh3_64(texts.buffers()[2] or b"", ends[:-1], lengths, hasher.message_seed)
    numbers = _numbers(hashed)
    numbers[lengths == 0] = 0
    if texts.null_count:
        numbers[texts.is_null().to_numpy(zero_copy_only=False)] = 0
    return numbers


def numbers_of(raw: list[bytes], hasher: KeyedHasher) -> Ints:
    """`KeyedHasher.message` of each text in UTF-8; 0 for the empty one."""
    hashed = np.fromiter(map(xxhash.xxh3_64_intdigest, raw, repeat(hasher.message_seed)), np.uint64, len(raw))
    numbers = _numbers(hashed)
    if b"" in raw:
        numbers[np.fromiter(map(len, raw), np.int64, len(raw)) == 0] = 0
    return numbers


def _numbers(hashed: npt.NDArray[np.uint64]) -> Ints:
    """Digests as numbers with a sign; 0 is left to what is empty."""
    numbers: Ints = (hashed ^ _SIGN).view(np.int64)
    numbers[numbers == 0] = 1
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
    return joined(hasher.conversations(texts.cast(pa.binary()).to_pylist()))


def joined(digests: Sequence[bytes]) -> pa.Array:
    """KEY of digests, none of them missing."""
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(digests), [None, pa.py_buffer(b"".join(digests))])
