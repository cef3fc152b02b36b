"""Columns of ids to columns of digests: `KeyedHasher` over a column, each distinct user once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat

import numpy as np
import pyarrow as pa
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


def keys(texts: Sequence[bytes], hasher: KeyedHasher) -> pa.Array:
    """`KeyedHasher.conversation` of each text in UTF-8."""
    found = hasher.conversations(texts)
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(texts), [None, pa.py_buffer(b"".join(found))])


def mapped(texts: pa.Array, change: Callable[[str | None], object], kind: pa.DataType) -> pa.Array:
    """`change` of each text or null, called once for each that is distinct."""
    encoded = texts.dictionary_encode()
    values = [change(text) for text in [*encoded.dictionary.to_pylist(), None]]
    places = encoded.indices.fill_null(len(values) - 1)
    return pa.array(values, kind).take(places)
