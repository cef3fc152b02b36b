"""Reads text sizes in an audit where the order of records depends on them.

An audit does not read texts. Records of one session with equal activity and number of messages are ordered by
the size of their texts (see `merge`). If such records differ, their texts are read, so that an audit decides
as a run does.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import PipelineError, StoreError
from schemas.tables import FACTS, TEXT_NOT_READ
from schemas.units import Unit
from transforms.decide.merge import activity_of, may_share_session
from transforms.decide.record_digest import content_digests
from transforms.shuffle.instants import Bools, Ints, whole
from transforms.shuffle.key_order import key_words
from transforms.sources.base import Pointer, ReadContext
from transforms.sources.facts.messages import text_bytes
from transforms.sources.registry import read_sessions


def with_sizes(facts: pa.Table, context: ReadContext) -> pa.Table:
    """FACTS with the text sizes on which the order of records depends; other sizes stay TEXT_NOT_READ."""
    sizes = whole(facts["text_bytes"])
    unclear = np.flatnonzero(_needs_size(facts, sizes))
    if not len(unclear):
        return facts
    sizes = sizes.copy()
    for unit, places in _by_unit(facts, unclear).items():
        sizes[places] = _sizes_in(unit, whole(facts["row"].take(pa.array(places))), context)
    return facts.set_column(FACTS.get_field_index("text_bytes"), "text_bytes", pa.array(sizes))


def _needs_size(facts: pa.Table, sizes: Ints) -> Bools:
    """True for unread records that tie with a record of their session that has other content."""
    doubt = np.zeros(facts.num_rows, np.bool_)
    places = np.flatnonzero(may_share_session(facts))
    if not len(places) or not (sizes[places] == TEXT_NOT_READ).any():
        return doubt
    some = facts.take(pa.array(places))
    digest = content_digests(
        some.set_column(FACTS.get_field_index("text_bytes"), "text_bytes", _zeros(len(places)))
    )
    length = whole(pc.list_value_length(some["message_id"]))
    ties = (*key_words(some["user_key"]), *key_words(some["conversation_key"]), activity_of(some), length)
    order = np.lexsort((digest, *ties))
    tie = np.ones(max(0, len(order) - 1), np.bool_)
    for key in ties:
        tie &= key[order][1:] == key[order][:-1]
    first = np.cumsum(np.append(True, ~tie)) - 1
    differs = np.zeros(first[-1] + 1, np.bool_)
    differs[first[1:][tie & (digest[order][1:] != digest[order][:-1])]] = True
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
    """The text size of each row; TEXT_NOT_READ for all rows if the unit cannot be read."""
    pointers = [Pointer(row, 0, 0) for row in rows.tolist()]
    try:
        found = dict(read_sessions(Unit.decode(unit), context, pointers))
    except StoreError:
        raise
    except PipelineError:
        return np.full(len(rows), TEXT_NOT_READ)
    return np.array([sum(map(text_bytes, found[row].messages)) for row in rows.tolist()], np.int64)
