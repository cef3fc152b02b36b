"""Which rows of canonical Parquet may be longer than a record may be, by the lengths of their texts alone."""

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

#: JSON of a string is at most this many times its UTF-8, and of a record, message or block without its
#: strings this long.
_ESCAPED, _FRAME_BYTES = 6, 512


def over_limit(columns: Columns, max_record_bytes: int) -> Bools:
    """True for a row of which the JSON may be longer; never false for one of which it is."""
    size = len(columns.lengths)
    rows, messages, blocks, words = columns.rows, columns.messages, columns.blocks, columns.words
    parts = (
        ([rows[name] for name in ROW_TEXTS], [words[name] for name in ROW_WORDS]),
        ([messages[name] for name in (*MESSAGE_TEXTS, "content")], [words[n] for n in MESSAGE_WORDS]),
        ([blocks[name] for name in BLOCK_TEXTS], [words[name] for name in BLOCK_WORDS]),
    )
    # The longest of everything in the row with the most of everything: nearly always far from the limit.
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
    """The sum of the values that belong to each of `size`."""
    return np.bincount(of, weights=values, minlength=size).astype(np.int64)


def _longest(texts: list[pa.Array], words: list[Words]) -> int:
    lengths = [pc.max(pc.binary_length(text)).as_py() or 0 for text in texts]
    return _FRAME_BYTES + sum(lengths) + sum(int(word.bytes_of_words().max(initial=0)) for word in words)


def _most(of: Ints) -> int:
    """How often the commonest number of an ascending array stands in it."""
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    return int(np.diff(np.append(starts, len(of))).max(initial=0))


def _bytes(texts: list[pa.Array], words: list[Words]) -> Ints:
    """An upper bound of the JSON of each, without escapes."""
    found = _FRAME_BYTES + ints(pc.binary_length(texts[0]), 0)
    for text in texts[1:]:
        found += ints(pc.binary_length(text), 0)
    for word in words:
        found += word.of(word.bytes_of_words())
    return found
