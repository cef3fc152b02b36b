"""Dictionary-encoded text columns: each function works once per distinct value, not once per row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from schemas.tables import CATEGORY
from transforms.shuffle.instants import Bools, Ints, filled


def map_distinct(texts: pa.Array, change: Callable[[str | None], object], kind: pa.DataType) -> pa.Array:
    """`change` of each text, called once for each distinct text and once for null."""
    encoded = texts.dictionary_encode()
    values = [change(text) for text in [*encoded.dictionary.to_pylist(), None]]
    places = encoded.indices.fill_null(len(values) - 1)
    return pa.array(values, kind).take(places)


def constant_column(text: str, count: int) -> pa.DictionaryArray:
    """The same text `count` times, dictionary-encoded."""
    values = pa.array([text] * (count > 0), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), values)


def dictionary_column(codes: Ints, values: list[str | None]) -> pa.DictionaryArray:
    """A CATEGORY column with `values[code]` in each row. Values may be None (null) and may repeat."""
    distinct = list(dict.fromkeys(value for value in values if value is not None))
    places = np.array([-1 if value is None else distinct.index(value) for value in values], np.int32)
    found = places[codes]
    indices = pa.array(found, mask=found < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(distinct, pa.string()))


def equals_text(column: pa.ChunkedArray, text: str) -> Bools:
    """True for each row of a CATEGORY column that has the text; False for null."""
    encoded = column.combine_chunks()
    codes = [code for code, value in enumerate(encoded.dictionary.to_pylist()) if value == text]
    found: Bools = np.isin(filled(encoded.indices, -1), codes)
    return found


def replace_where(column: pa.DictionaryArray, where: Bools, text: str | None) -> pa.DictionaryArray:
    """The column with `text` (None: null) in the rows where `where` is true."""
    values = [*column.dictionary.to_pylist(), None, text]
    codes = filled(column.indices, len(values) - 2)
    return dictionary_column(np.where(where, len(values) - 1, codes), values)


def by_appearance(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same texts, with a dictionary of the texts that occur, in the order of their first rows.

    The dictionary then depends on the rows alone, so equal columns are written as equal bytes.
    """
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
    """True for each text that is neither null, empty nor whitespace."""
    if texts.null_count == len(texts):
        return np.zeros(len(texts), np.bool_)
    ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1]
    starts = ends[:-1].astype(np.int64)
    visible = ends[1:] > starts
    if visible.any():
        # Most texts begin with a visible ASCII character. Python decides about the others, with str.strip.
        first = np.frombuffer(texts.buffers()[2], np.uint8)[starts[visible]]
        visible[visible] = (first >= ord("!")) & (first <= ord("~"))
    unclear = np.flatnonzero(~visible)
    visible[unclear] = [bool(text and text.strip()) for text in texts.take(pa.array(unclear)).to_pylist()]
    if texts.null_count:
        visible &= texts.is_valid().to_numpy(zero_copy_only=False)
    return visible
