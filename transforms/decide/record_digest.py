"""Digests of record contents, to order records independently of their files and lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from transforms.shuffle.instants import column_micros, filled, whole

Numbers = npt.NDArray[np.uint64]
_LISTS = ("message_id", "message_parent", "message_sent_at", "message_flags", "message_thread")
_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 0x9E3779B97F4A7C15))


def content_digests(facts: pa.Table) -> Numbers:
    """One number per FACTS row, equal for equal facts at any place. Of texts it includes the size only."""
    length = whole(pc.list_value_length(facts["message_id"]))
    record = np.repeat(np.arange(facts.num_rows), length)
    message = (np.arange(len(record)) - np.repeat(np.cumsum(length) - length, length)).astype(np.uint64)
    for name in _LISTS:
        message = _mixed(message, whole(pc.list_flatten(facts[name])).view(np.uint64))
    total = np.zeros(facts.num_rows, np.uint64)
    np.add.at(total, record, message)
    for name in ("tier", "surface", "organization_key"):
        total = _mixed(total, _text_digests(facts[name]))
    for name in ("created_at", "deleted_at"):
        total = _mixed(total, column_micros(facts[name]).view(np.uint64))
    for name in ("current_message", "incognito", "text_bytes"):
        total = _mixed(total, filled(facts[name].cast(pa.int64()), -1).view(np.uint64))
    return total


def _mixed(number: Numbers, other: Numbers) -> Numbers:
    """Combines two numbers in order (the finalizer of SplitMix64)."""
    number = number * np.uint64(31) + other
    for shift, factor in _STEPS:
        number = (number ^ (number >> np.uint64(shift))) * np.uint64(factor)
    return number


def _text_digests(column: pa.ChunkedArray) -> Numbers:
    """The digest of each text or key, 0 for null."""
    encoded = column.combine_chunks().cast(pa.binary()).dictionary_encode()
    digests = [xxhash.xxh3_64_intdigest(text) for text in encoded.dictionary.to_pylist()]
    return np.array([*digests, 0], np.uint64)[filled(encoded.indices, len(digests))]
