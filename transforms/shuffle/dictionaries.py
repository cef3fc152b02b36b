"""Columns of few different texts as numbers and a dictionary: what is done to them is done to few."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from schemas.tables import CATEGORY
from transforms.shuffle.instants import Bools, Ints, filled


def mapped(texts: pa.Array, change: Callable[[str | None], object], kind: pa.DataType) -> pa.Array:
    """`change` of each text or null, called once for each that is distinct."""
    encoded = texts.dictionary_encode()
    values = [change(text) for text in [*encoded.dictionary.to_pylist(), None]]
    places = encoded.indices.fill_null(len(values) - 1)
    return pa.array(values, kind).take(places)


def alike(word: str, count: int) -> pa.DictionaryArray:
    """One word `count` times."""
    words = pa.array([word] * (count > 0), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), words)


def words_of(codes: Ints, words: list[str | None]) -> pa.DictionaryArray:
    """CATEGORY with the word of each number; some of them may be None, or alike."""
    distinct = list(dict.fromkeys(word for word in words if word is not None))
    places = np.array([-1 if word is None else distinct.index(word) for word in words], np.int32)
    found = places[codes]
    indices = pa.array(found, mask=found < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(distinct, pa.string()))


def is_word(column: pa.ChunkedArray, word: str) -> Bools:
    """True for the word, in a column of CATEGORY."""
    texts = column.combine_chunks()
    codes = [code for code, text in enumerate(texts.dictionary.to_pylist()) if text == word]
    found: Bools = np.isin(filled(texts.indices, -1), codes)
    return found


def replaced(column: pa.DictionaryArray, where: Bools, word: str | None) -> pa.DictionaryArray:
    """The column with one word, or null, where true."""
    words = [*column.dictionary.to_pylist(), None, word]
    codes = filled(column.indices, len(words) - 2)
    return words_of(np.where(where, len(words) - 1, codes), words)


def by_appearance(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same texts with a dictionary that depends on nothing else: those that occur, as they first do."""
    size = len(column.dictionary)
    codes = filled(column.indices, size)
    first = np.full(size + 1, len(codes))
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    order = np.argsort(first[:size], kind="stable")
    order = order[first[order] < len(codes)]
    rank = np.full(size + 1, -1, np.int32)
    rank[order] = np.arange(len(order))
    found = rank[codes]
    indices = pa.array(found, mask=found < 0 if column.null_count else None)
    return pa.DictionaryArray.from_arrays(indices, column.dictionary.take(pa.array(order))).cast(CATEGORY)


def not_blank(texts: pa.Array) -> Bools:
    """True for a text that is not blank."""
    if texts.null_count == len(texts):
        return np.zeros(len(texts), np.bool_)
    ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1]
    starts = ends[:-1].astype(np.int64)
    visible = ends[1:] > starts
    if visible.any():
        # Most texts begin with a visible ASCII character; what is blank among the others is Python's to say.
        first = np.frombuffer(texts.buffers()[2], np.uint8)[starts[visible]]
        visible[visible] = (first >= ord("!")) & (first <= ord("~"))
    open_ones = np.flatnonzero(~visible)
    visible[open_ones] = [bool(text and text.strip()) for text in texts.take(pa.array(open_ones)).to_pylist()]
    if texts.null_count:
        visible &= texts.is_valid().to_numpy(zero_copy_only=False)
    return visible
