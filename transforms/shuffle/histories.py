"""Records that repeat the whole history of another record of the same user, under an id of their own.

A chat log may hold a record per request, each with all turns so far. Message ids of such records are digests
of all turns up to the message, so a history begins another one if its last id is among that one's ids.

The longest record is the conversation. A record that it begins with is part of it. A record that begins
several conversations which then differ (a greeting, or an edited prompt) is part of none: its messages are in
these conversations already, and it is decided without messages. Of equal records the one with the least key
is the conversation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.formats import REPEAT_HISTORY
from schemas.tables import FACTS, JOINS, KEY, NAMES
from schemas.units import Unit
from transforms.shuffle.instants import Bools, Ints, whole


def joins_of(histories: pa.Table) -> pa.Table:
    """JOINS of HISTORIES rows, which are all of their users; their order has no effect.

    A conversation is joined only if each of its records is repeated.
    """
    rows = histories.filter(pc.greater(pc.list_value_length(histories["message_id"]), 0)).combine_chunks()
    if not rows.num_rows:
        return JOINS.empty_table()
    user, key = _ranks(rows["user_key"]), _ranks(rows["conversation_key"])
    target = _longest(user, key, whole(pc.list_value_length(rows["message_id"])), rows["message_id"])
    if target is None:
        return JOINS.empty_table()
    key_of_target = np.where(target < 0, -1, key[target])
    order = np.lexsort((key, user))
    begins = np.flatnonzero(np.diff(user[order], prepend=-1) | np.diff(key[order], prepend=-1))
    stays = np.logical_or.reduceat((key_of_target == key)[order], begins)
    least = np.minimum.reduceat(key_of_target[order], begins)
    most = np.maximum.reduceat(key_of_target[order], begins)
    first, joined = order[begins], np.where(least == most, target[order[begins]], -1)
    first, joined = first[~stays], joined[~stays]
    found = rows.select(["user_key", "conversation_key"]).take(pa.array(first))
    into = rows["conversation_key"].take(pa.array(np.maximum(joined, 0), mask=joined < 0))
    return pa.table([found["user_key"], found["conversation_key"], into], schema=JOINS)


def _longest(user: Ints, key: Ints, length: Ints, ids: pa.ChunkedArray) -> Ints | None:
    """The row of the one longest record that begins with each record, -1 if there are several.

    None if no record begins another one, or equals it.
    """
    codes = pa.array(whole(pc.list_flatten(ids))).dictionary_encode()
    row = np.repeat(np.arange(len(length)), length)
    turn = user[row] * len(codes.dictionary) + whole(codes.indices)
    is_last = np.zeros(len(row), np.bool_)
    is_last[np.cumsum(length) - 1] = True
    last, is_inner = turn[is_last], np.isin(turn[is_last], turn[~is_last])
    by_last = np.lexsort((key, last))
    is_first = np.append(True, last[by_last][1:] != last[by_last][:-1])
    if is_first.all() and not is_inner.any():
        return None
    # Of records with an equal history, the one with the least key.
    target = by_last[is_first][np.cumsum(is_first) - 1][np.argsort(by_last)]
    is_longest = ~is_inner & (target == np.arange(len(target)))
    begun = np.unique(last[is_inner])
    among = is_longest[row] & ~is_last & np.isin(turn, begun)
    place = np.searchsorted(begun, turn[among])
    longest = np.full(len(begun), -1)
    longest[place] = row[among]
    longest[np.bincount(place, minlength=len(begun)) > 1] = -1
    target[is_inner] = longest[np.searchsorted(begun, last[is_inner])]
    found: Ints = target
    return found


def _ranks(keys: pa.ChunkedArray) -> Ints:
    """Numbers from 0 in the order of the keys."""
    encoded = keys.combine_chunks().cast(pa.binary()).dictionary_encode()
    ranks = np.empty(len(encoded.dictionary), np.int64)
    ranks[whole(pc.array_sort_indices(encoded.dictionary))] = np.arange(len(ranks))
    return ranks[whole(encoded.indices)]


def names_of_joins(joins: pa.Table) -> pa.Table:
    """NAMES of the conversations that have the records of others."""
    return joins.filter(joins["conversation_key"].is_valid()).select(NAMES.names)


def with_joins(facts: pa.Table, joins: pa.Table) -> pa.Table:
    """FACTS rows with the keys of the conversations that they are part of.

    A record that begins several conversations loses its messages.
    """
    if not joins.num_rows or not facts.num_rows:
        return facts
    keys = facts["conversation_key"].combine_chunks()
    places = np.flatnonzero(pc.is_in(keys, value_set=joins["key"].combine_chunks()))
    names = ("user_key", "conversation_key")
    held = zip(*(facts[name].take(pa.array(places)).to_pylist() for name in names), strict=True)
    into = {(row["user_key"], row["key"]): row["conversation_key"] for row in joins.to_pylist()}
    found = {place: into[one] for place, one in zip(places.tolist(), held, strict=True) if one in into}
    given: list[Any] = keys.to_pylist() if found else []
    for place, key in found.items():
        given[place] = key or given[place]
    if not found:
        return facts
    facts = _with(facts, "conversation_key", pa.array(given, KEY))
    emptied = np.zeros(len(keys), np.bool_)
    emptied[[place for place, key in found.items() if key is None]] = True
    return _without_messages(facts, emptied & _repeats_history(facts)) if emptied.any() else facts


def _repeats_history(facts: pa.Table) -> Bools:
    units = facts["unit"].combine_chunks().dictionary_encode()
    own = [Unit.decode(unit).format in REPEAT_HISTORY for unit in units.dictionary.to_pylist()]
    found: Bools = np.array(own, np.bool_)[whole(units.indices)]
    return found


def _without_messages(facts: pa.Table, where: Bools) -> pa.Table:
    rows = pa.array(np.where(where, len(where), np.arange(len(where))))
    for field in FACTS:
        if field.name.startswith("message_"):
            column = facts[field.name].combine_chunks()
            facts = _with(
                facts, field.name, pa.concat_arrays([column, pa.array([[]], field.type)]).take(rows)
            )
    return facts


def _with(facts: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return facts.set_column(facts.schema.get_field_index(name), FACTS.field(name), column)
