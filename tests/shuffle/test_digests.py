"""Digests of a column are those of its values, one by one."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.keys import KeyedHasher
from transforms.shuffle.digests import message_numbers, message_numbers_of_bytes

HASHER = KeyedHasher(b"k" * 32)


@given(st.lists(st.none() | st.text(max_size=80)), st.integers(0, 3))
def test_a_column_has_the_numbers_of_its_values(texts: list[str | None], start: int) -> None:
    """All readers must give one id the same number, else a parent is not found. A column may be a slice;
    null and the empty text have no number."""
    expected = [HASHER.message(text) if text else 0 for text in texts[start:]]
    assert message_numbers(pa.array(texts, pa.string()).slice(start), HASHER).tolist() == expected
    encoded = [(text or "").encode() for text in texts[start:]]
    assert message_numbers_of_bytes(encoded, HASHER).tolist() == expected
