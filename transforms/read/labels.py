"""Hides tiers and surfaces that no policy of the run lists: they come from logs and could be personal."""

from __future__ import annotations

import pyarrow as pa

from schemas.keys import KeyedHasher
from schemas.tables import CATEGORY
from transforms.sources.identities import THEN

_LABELS = ("tier", "surface")


def without_unlisted(facts: pa.Table, listed: frozenset[str], hasher: KeyedHasher) -> pa.Table:
    """FACTS with a keyed digest in place of each tier or surface that is not in `listed`.

    Equal values have equal digests, so that the order of records does not depend on where facts come from. A
    digest is in no list either, so that decisions stay. Of several values in one field each counts alone.
    """
    for name in _LABELS:
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
