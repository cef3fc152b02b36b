"""Hides tiers and surfaces that no policy of the run lists: they come from logs and could be personal.

The operator needs the values to list them: they are counted, for a restricted file alone.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.keys import KeyedHasher
from schemas.tables import CATEGORY, KEY
from transforms.sources.identities import THEN

LABELS = ("tier", "surface")
#: Of a unit, so many values of each column are kept, the most frequent ones, and so many characters of each.
_MOST_VALUES, _MOST_CHARACTERS = 20, 100
#: Records by column and value; the value is None for all values beyond the limits.
Counts = collections.Counter[tuple[str, str | None]]


def without_unlisted(facts: pa.Table, listed: frozenset[str], hasher: KeyedHasher) -> pa.Table:
    """FACTS with a keyed digest in place of each tier or surface that is not in `listed`.

    Equal values have equal digests, so that the order of records does not depend on where facts come from. A
    digest is in no list either, so that decisions stay. Of several values in one field each counts alone.
    """
    for name in LABELS:
        encoded = facts[name].combine_chunks().dictionary_encode()
        values = encoded.dictionary.to_pylist()
        shown = [value and _shown(value, listed, hasher) for value in values]
        if shown != values:
            column = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(shown, pa.string()))
            facts = facts.set_column(facts.schema.get_field_index(name), name, column.cast(CATEGORY))
    return facts


def _shown(value: str, listed: frozenset[str], hasher: KeyedHasher) -> str:
    parts = value.split(THEN)
    return THEN.join(part if part in listed else _digest(part, hasher) for part in parts)


def _digest(value: str, hasher: KeyedHasher) -> str:
    return "unlisted " + hasher.state(b"label\0" + value.encode("utf-8", "surrogatepass")).hex()


class Erased(NamedTuple):
    """Keys that `forget` erased, of 16 bytes. Their records are not counted, even if the logs have them."""

    users: tuple[bytes, ...] = ()
    conversations: tuple[bytes, ...] = ()


def unlisted_in(facts: pa.Table, listed: Mapping[str, frozenset[str]], erased: Erased) -> Counts:
    """Records of FACTS by each value of `tier` and `surface` that is not in the list of its column.

    `facts`: with the values as they were read. Long values are cut.
    """
    found = Counts()
    for name, keys in (("user_key", erased.users), ("conversation_key", erased.conversations)):
        if keys:
            facts = facts.filter(pc.invert(pc.is_in(facts[name], value_set=pa.array(keys, KEY))))
    for name in LABELS:
        encoded = facts[name].combine_chunks().dictionary_encode()
        values = encoded.dictionary.to_pylist()
        odd = [{each for each in (value or "").split(THEN) if each} - listed[name] for value in values]
        if any(odd):
            numbers = np.bincount(encoded.indices.drop_null().to_numpy(), minlength=len(values))
            for some, number in zip(odd, numbers.tolist(), strict=True):
                if number:  # a dictionary can have values that no row has
                    found.update(dict.fromkeys(((name, _cut(each)) for each in some), number))
    return found


def most_frequent(counts: Counts, most: int = _MOST_VALUES) -> list[dict[str, Any]]:
    """Rows of `column`, `value` and `records`: the `most` frequent values of each column, then all others.

    The row of others has the value None. The order depends on values and numbers alone.
    """
    rows: list[dict[str, Any]] = []
    for name in LABELS:
        own = [(-number, value) for (column, value), number in counts.items() if column == name and value]
        others = counts[name, None]
        for place, (number, value) in enumerate(sorted(own)):
            if place < most:
                rows.append({"column": name, "value": value, "records": -number})
            else:
                others -= number
        if others:
            rows.append({"column": name, "value": None, "records": others})
    return rows


def _cut(value: str) -> str:
    return value if len(value) <= _MOST_CHARACTERS else f"{value[:_MOST_CHARACTERS]}..."
