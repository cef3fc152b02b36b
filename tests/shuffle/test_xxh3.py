"""Numbers of a whole column are those of the library, text by text."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from schemas.keys import KeyedHasher
from transforms.shuffle.digests import message_numbers
from transforms.shuffle.xxh3 import xxh3_64

SEEDS = st.integers(0, 2**64 - 1)


def one_by_one(texts: list[bytes], seed: int) -> list[int]:
    """The library's numbers."""
    return [xxhash.xxh3_64_intdigest(text, seed) for text in texts]


def together(texts: list[bytes], seed: int) -> list[int]:
    """The same, of texts that lie one after another."""
    lengths = np.array([len(text) for text in texts], np.int64)
    return xxh3_64(b"".join(texts), np.cumsum(lengths) - lengths, lengths, seed).tolist()


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**63, 2**64 - 1])
def test_texts_of_every_length_have_the_librarys_number(seed: int) -> None:
    """Each stretch of lengths is computed in its own way; none may be off by one."""
    draw = random.Random(seed)
    texts = [draw.randbytes(length) for length in range(260)]
    assert together(texts, seed) == one_by_one(texts, seed)
    for text in texts:
        assert together([text], seed) == one_by_one([text], seed), len(text)


@given(st.lists(st.binary(max_size=80)), SEEDS)
def test_any_texts_and_seed_have_the_librarys_number(texts: list[bytes], seed: int) -> None:
    """Numbers of messages are compared across readers: one bit, and a parent is not found."""
    assert together(texts, seed) == one_by_one(texts, seed)


def test_more_texts_than_are_read_at_once() -> None:
    """A batch has more texts than fit into the cache, and its parts are joined."""
    texts = [b"%d-of-many" % number for number in range(20_000)]
    assert together(texts, 7) == one_by_one(texts, 7)


@given(st.lists(st.none() | st.text(max_size=20)), st.integers(0, 3))
def test_columns_have_the_numbers_of_their_texts(texts: list[str | None], cut: int) -> None:
    """A slice of a column begins anywhere in its bytes; null and the empty text are no id."""
    hasher = KeyedHasher(b"k" * 32)
    wanted = [hasher.message(text) if text else 0 for text in texts[cut:]]
    assert message_numbers(pa.array(texts, pa.string()).slice(cut), hasher).tolist() == wanted
