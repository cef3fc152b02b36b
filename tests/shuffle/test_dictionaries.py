"""Columns of few different texts: what is done by their numbers is what would be done to each text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tables import CATEGORY
from transforms.shuffle.dictionaries import (
    by_appearance,
    dictionary_column,
    equals_text,
    not_blank,
    replace_where,
)

WORDS = st.lists(st.sampled_from([None, "a", "b", "c", ""]), max_size=12)


@settings(deadline=None)
@given(WORDS, st.permutations(["c", "", "b", "unused", "a"]))
def test_a_dictionary_by_appearance_is_the_one_of_the_plain_texts(
    texts: list[str | None], order: list[str]
) -> None:
    """The bytes of a ledger hang on it: what was a dictionary before, and of what else, must not show."""
    codes = pa.array([None if text is None else order.index(text) for text in texts], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(order))
    plain = pa.array(texts, pa.string()).dictionary_encode()
    found = by_appearance(column)
    assert found.type == CATEGORY
    assert (found.indices.to_pylist(), found.dictionary.to_pylist()) == (
        plain.indices.to_pylist(),
        plain.dictionary.to_pylist(),
    )


@settings(deadline=None)
@given(WORDS, st.sampled_from([None, "a", "new"]), st.data())
def test_a_word_replaces_only_its_own_rows(
    texts: list[str | None], word: str | None, data: st.DataObject
) -> None:
    """A reason that reached other rows would exclude them."""
    where = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))), np.bool_)
    found = replace_where(pa.array(texts, CATEGORY), where, word)
    assert found.to_pylist() == [word if new else text for text, new in zip(texts, where, strict=True)]
    assert equals_text(pa.chunked_array([found]), "a").tolist() == [text == "a" for text in found.to_pylist()]


def test_words_that_are_alike_are_one_and_none_is_null() -> None:
    """Several rules can have one word; a dictionary that has it twice counts it apart."""
    found = dictionary_column(np.array([2, 1, 0, 3]), ["x", None, "x", "y"])
    assert (found.to_pylist(), found.dictionary.to_pylist()) == (["x", None, "x", "y"], ["x", "y"])


TEXTS = st.none() | st.text(st.sampled_from(" \t\x1c\x85\u00a0\u2003a~!\x7fä"), max_size=3)


@settings(deadline=None)
@given(st.lists(TEXTS), st.data())
def test_blank_means_empty_after_str_strip(texts: list[str | None], data: st.DataObject) -> None:
    """The JSON reader uses the same definition. Slices with an offset give the same result."""
    start = data.draw(st.integers(0, len(texts)))
    expected = [bool(text and text.strip()) for text in texts]
    column = pa.array(texts, pa.string())
    assert not_blank(column).tolist() == expected
    assert not_blank(column[start:]).tolist() == expected[start:]
