"""Columns of ids to columns of keyed digests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from schemas.keys import KeyedHasher
from schemas.tables import KEY
from transforms.shuffle.instants import Ints

_SIGN = np.uint64(1 << 63)


def message_numbers(texts: pa.Array, hasher: KeyedHasher) -> Ints:
    """`KeyedHasher.message` of each text, of type string; 0 for null and for the empty text."""
    return message_numbers_of_bytes(texts.cast(pa.binary()).fill_null(b"").to_pylist(), hasher)


def message_numbers_of_bytes(texts: list[bytes], hasher: KeyedHasher) -> Ints:
    """`KeyedHasher.message` of each text, given in UTF-8; 0 for the empty text."""
    seed = hasher.message_seed
    hashed = np.fromiter((xxhash.xxh3_64_intdigest(text, seed) for text in texts), np.uint64, len(texts))
    numbers: Ints = (hashed ^ _SIGN).view(np.int64)
    numbers[numbers == 0] = 1  # 0 means that there is no id
    if b"" in texts:
        numbers[np.fromiter(map(len, texts), np.int64, len(texts)) == 0] = 0
    return numbers


def message_numbers_by_guess(
    texts: pa.Array, known: pa.Array, guess: Ints, known_numbers: Ints, hasher: KeyedHasher
) -> Ints:
    """`message_numbers` of `texts`, most of which equal the text at position `guess` of `known`.

    `known_numbers` are the numbers of `known`, so a correct guess saves a hash. A negative `guess` is none.
    """
    found = np.zeros(len(texts), np.int64)
    rows = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False))
    if not len(rows):
        return found
    guessed = np.maximum(guess[rows], 0)
    texts = texts.take(pa.array(rows))
    same = np.zeros(len(rows), np.bool_)
    if len(known):
        equal = pc.equal(texts, known.take(pa.array(guessed))).fill_null(False)
        same = equal.to_numpy(zero_copy_only=False) & (guess[rows] >= 0)
    found[rows[same]] = known_numbers[guessed[same]]
    others = np.flatnonzero(~same)
    found[rows[others]] = message_numbers(texts.take(pa.array(others)), hasher)
    return found


def conversation_keys(texts: pa.Array, hasher: KeyedHasher) -> pa.Array:
    """The KEY column of conversation ids without nulls."""
    return key_column(hasher.conversations(texts.cast(pa.binary()).to_pylist()))


def key_column(digests: Sequence[bytes]) -> pa.Array:
    """The KEY column of 16-byte digests."""
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(digests), [None, pa.py_buffer(b"".join(digests))])
