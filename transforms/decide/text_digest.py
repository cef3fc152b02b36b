"""The digest of all that a session's masked text depends on besides the state of the run.

Sessions with equal digests have equal masked texts, if key, de-identification, models, limits and code are
equal too. What a row has besides its text (surface, tier, basis, dates, user) comes from the decision.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from schemas.formats import BUILT_IN
from schemas.units import Unit
from transforms.shuffle.instants import Ints, whole
from transforms.shuffle.key_order import key_words
from transforms.sources.base import ReadContext
from transforms.sources.settings import reading_settings


def text_digests(decisions: pa.Table, context: ReadContext) -> Ints:
    """One signed 64-bit number per row of DECISIONS, which must have pointers; XXH3 seeded from the key.

    Of a session it covers the conversation key; of each record, in order, the digest, the format and the
    settings of its input that texts depend on; of each kept message, in order, its record, its index there
    and its thread. It does not cover where a record is: a file can be moved or copied. A format of another
    package may have one digest for several records, so there the row counts too.
    """
    records, kept = decisions["records"].combine_chunks(), decisions["kept"].combine_chunks()
    count, of = whole(pc.list_value_length(records)), whole(pc.list_value_length(kept))
    pointers, messages = records.flatten(), kept.flatten()
    low, high, _ = key_words(decisions["conversation_key"])
    head = np.column_stack([low.view(np.int64), high.view(np.int64), count])
    formats, rows = _formats(pointers, context)
    digests = whole(pc.struct_field(pointers, "digest"))
    body = np.column_stack([formats, rows, digests])
    tail = np.column_stack([whole(pc.struct_field(messages, name)) for name in ("record", "index", "thread")])
    # Per session: three numbers, three per record, three per message.
    before = np.cumsum(1 + count + of) - (1 + count + of)
    numbers = np.empty((len(head) + len(body) + len(tail), 3), np.int64)
    numbers[before] = head
    numbers[np.repeat(before + 1, count) + _within(count)] = body
    numbers[np.repeat(before + 1 + count, of) + _within(of)] = tail
    data, seed = memoryview(numbers.view(np.uint8).reshape(-1)), context.hasher.message_seed
    ends = np.append(before, len(numbers)) * numbers.strides[0]
    starts, ends = ends[:-1].tolist(), ends[1:].tolist()
    found = [xxhash.xxh3_64_intdigest(data[start:end], seed) for start, end in zip(starts, ends, strict=True)]
    return np.array(found, np.uint64).view(np.int64)


def _within(lengths: Ints) -> Ints:
    """0, 1, ... for the elements of each list."""
    found: Ints = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return found


def _formats(pointers: pa.StructArray, context: ReadContext) -> tuple[Ints, Ints]:
    """A number for how each record is read, and its row where the digest may not tell rows apart."""
    units = pc.struct_field(pointers, "unit").dictionary_encode()
    read = [Unit.decode(unit) for unit in units.dictionary.to_pylist()]
    at = whole(units.indices)
    ways = [f"{unit.format}\0{reading_settings(context, unit.input)}" for unit in read]
    formats = np.array([context.hasher.message(way) for way in ways], np.int64)[at]
    by_row = np.array([unit.format not in BUILT_IN for unit in read], np.bool_)[at]
    return formats, np.where(by_row, whole(pc.struct_field(pointers, "row")), 0)
