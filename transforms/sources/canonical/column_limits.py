"""Finds rows of canonical Parquet that may exceed the record size limit, from text lengths alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.shuffle.instants import Bools, Ints
from transforms.sources.canonical.columns import (
    BLOCK_TEXTS,
    BLOCK_WORDS,
    MESSAGE_TEXTS,
    MESSAGE_WORDS,
    ROW_TEXTS,
    ROW_WORDS,
    Columns,
    Words,
    ints,
)

#: A JSON string is at most `_ESCAPED` times its UTF-8 length. Without strings, a record, message or block
#: has at most `_FRAME_BYTES` of JSON.
_ESCAPED, _FRAME_BYTES = 6, 512


def over_limit(columns: Columns, max_record_bytes: int) -> Bools:
    """True for rows whose JSON may exceed the limit. No row that exceeds it is False."""
    size = len(columns.lengths)
    rows, messages, blocks, words = columns.rows, columns.messages, columns.blocks, columns.words
    parts = (
        ([rows[name] for name in ROW_TEXTS], [words[name] for name in ROW_WORDS]),
        ([messages[name] for name in (*MESSAGE_TEXTS, "content")], [words[n] for n in MESSAGE_WORDS]),
        ([blocks[name] for name in BLOCK_TEXTS], [words[name] for name in BLOCK_WORDS]),
    )
    # A bound for all rows: the longest texts and the highest counts. It is nearly always below the limit.
    in_row, in_message, in_block = (_longest(*part) for part in parts)
    in_message += in_block * _most(columns.message_of)
    if (in_row + in_message * _most(columns.row_of)) * _ESCAPED <= max_record_bytes:
        return np.zeros(size, np.bool_)
    of_rows, of_messages, of_blocks = (_bytes(*part) for part in parts)
    of_messages += total(of_blocks, columns.message_of, len(of_messages))
    of_rows += total(of_messages, columns.row_of, size)
    over: Bools = of_rows * _ESCAPED > max_record_bytes
    return over


def total(values: Ints, of: Ints, size: int) -> Ints:
    """Sums by group; `of` has the group number of each value, `size` is the number of groups."""
    return np.bincount(of, weights=values, minlength=size).astype(np.int64)


def _longest(texts: list[pa.Array], words: list[Words]) -> int:
    lengths = [pc.max(pc.binary_length(text)).as_py() or 0 for text in texts]
    return _FRAME_BYTES + sum(lengths) + sum(int(word.bytes_of_words().max(initial=0)) for word in words)


def _most(of: Ints) -> int:
    """How often the most frequent number occurs in an ascending array."""
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    return int(np.diff(np.append(starts, len(of))).max(initial=0))


def _bytes(texts: list[pa.Array], words: list[Words]) -> Ints:
    """An upper bound of each element's JSON length, without escapes."""
    found = _FRAME_BYTES + ints(pc.binary_length(texts[0]), 0)
    for text in texts[1:]:
        found += ints(pc.binary_length(text), 0)
    for word in words:
        found += word.of(word.bytes_of_words())
    return found
