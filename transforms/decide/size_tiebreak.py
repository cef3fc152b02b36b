"""Sizes of texts where only they tell which record of a session is the newest.

An audit leaves texts unread. Records of one session that tie in activity and messages are ordered by the size
of their texts (`merge`), and that decides nothing where they say the same. For the few that do not, the texts
are read after all, so that audits and runs decide alike.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import InputError
from schemas.tables import FACTS, TEXT_NOT_READ
from schemas.units import Unit
from transforms.decide.merge import activity_of, of_several
from transforms.decide.record_digest import content_of
from transforms.shuffle.instants import Bools, Ints, whole
from transforms.shuffle.key_order import key_words
from transforms.sources.base import Pointer, ReadContext
from transforms.sources.facts.messages import text_bytes
from transforms.sources.registry import read_sessions


def with_sizes(facts: pa.Table, context: ReadContext) -> pa.Table:
    """FACTS with the sizes of texts on which an order of records hangs; the others stay TEXT_NOT_READ."""
    sizes = whole(facts["text_bytes"])
    open_ones = np.flatnonzero(_in_doubt(facts, sizes))
    if not len(open_ones):
        return facts
    sizes = sizes.copy()
    for unit, places in _by_unit(facts, open_ones).items():
        sizes[places] = _sizes_in(unit, whole(facts["row"].take(pa.array(places))), context)
    return facts.set_column(FACTS.get_field_index("text_bytes"), "text_bytes", pa.array(sizes))


def _in_doubt(facts: pa.Table, sizes: Ints) -> Bools:
    """Unread records that tie with another of their session that says something else."""
    doubt = np.zeros(facts.num_rows, np.bool_)
    places = np.flatnonzero(of_several(facts))
    if not len(places) or not (sizes[places] == TEXT_NOT_READ).any():
        return doubt
    some = facts.take(pa.array(places))
    said = content_of(some.set_column(FACTS.get_field_index("text_bytes"), "text_bytes", _zeros(len(places))))
    length = whole(pc.list_value_length(some["message_id"]))
    ties = (*key_words(some["user_key"]), *key_words(some["conversation_key"]), activity_of(some), length)
    order = np.lexsort((said, *ties))
    tied = np.ones(max(0, len(order) - 1), np.bool_)
    for key in ties:
        tied &= key[order][1:] == key[order][:-1]
    first = np.cumsum(np.append(True, ~tied)) - 1
    differs = np.zeros(first[-1] + 1, np.bool_)
    differs[first[1:][tied & (said[order][1:] != said[order][:-1])]] = True
    doubt[places[order[differs[first]]]] = True
    doubt &= sizes == TEXT_NOT_READ
    return doubt


def _zeros(count: int) -> pa.Array:
    return pa.array(np.zeros(count, np.int64))


def _by_unit(facts: pa.Table, places: Ints) -> dict[str, Ints]:
    units = facts["unit"].take(pa.array(places)).combine_chunks().dictionary_encode()
    codes = whole(units.indices)
    return {unit: places[codes == code] for code, unit in enumerate(units.dictionary.to_pylist())}


def _sizes_in(unit: str, rows: Ints, context: ReadContext) -> Ints:
    """The size of each row's texts; TEXT_NOT_READ for all of a unit whose texts cannot be read."""
    pointers = [Pointer(row, 0, 0) for row in rows.tolist()]
    try:
        found = dict(read_sessions(Unit.decode(unit), context, pointers))
    except (OSError, pa.ArrowException, InputError):
        return np.full(len(rows), TEXT_NOT_READ)
    return np.array([sum(map(text_bytes, found[row].messages)) for row in rows.tolist()], np.int64)
