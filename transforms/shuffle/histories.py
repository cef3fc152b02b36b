"""Records that repeat the whole history of another record of the same user, under an id of their own.

A chat log may hold a record per request, each with all turns so far. Message ids of such records are digests
of all turns up to the message, so a history begins another one if its last id is among that one's ids.

The longest record is the conversation. A record that it begins with is part of it. A record that begins
several conversations which then differ (a greeting, or an edited prompt) is part of none: its messages are in
these conversations already, and it is decided without messages. Of equal records the one with the least key
is the conversation. Every conversation that begins with a record has the record's id as a further id, and its
messages have the record's time if that is earlier.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.formats import REPEAT_HISTORY
from schemas.tables import FACTS, HISTORIES, INSTANT, JOINS, KEY, NAMES
from transforms.shuffle.instants import Bools, Ints, column_micros, whole


def histories_of(facts: pa.Table, source_format: str) -> pa.Table:
    """HISTORIES of the FACTS rows of one format that have a user."""
    found = facts.filter(facts["user_key"].is_valid()).select(HISTORIES.names)
    if source_format in REPEAT_HISTORY:
        return found
    field = HISTORIES.field("message_id")
    return found.set_column(3, field, pa.nulls(found.num_rows, field.type))


def joins_of(histories: pa.Table) -> pa.Table:
    """JOINS of HISTORIES rows, which are all of their users; their order has no effect."""
    length = pc.list_value_length(histories["message_id"])
    rows = histories.filter(pc.fill_null(pc.greater(length, 0), True)).combine_chunks()
    user, key = _ranks(rows["user_key"]), _ranks(rows["conversation_key"])
    own = user * len(key) + key  # a number for each user and key
    is_other = rows["message_id"].is_null().to_numpy()
    records = np.flatnonzero(~is_other)
    ids = rows["message_id"].take(pa.array(records)).combine_chunks()
    if not len(records):
        return JOINS.empty_table()
    size = whole(pc.list_value_length(ids))
    begun, longest = _begun(user[records], key[records], size, ids)
    if not len(begun):
        return JOINS.empty_table()
    stays = np.isin(own, np.concatenate([own[is_other], own[np.delete(records, np.unique(begun))]]))
    last = whole(pc.list_flatten(ids))[np.cumsum(size) - 1]
    record, into = records[begun], records[longest]
    differ = own[record] != own[into]
    record, into, last = record[differ], into[differ], last[begun[differ]]
    found = pa.table(
        {
            "user_key": rows["user_key"].take(pa.array(record)),
            "key": rows["conversation_key"].take(pa.array(record)),
            "conversation_key": rows["conversation_key"].take(pa.array(into)),
            "stays": stays[record],
            "last": last,
            "created_at": rows["created_at"].take(pa.array(record)),
        }
    )
    names = [name for name in JOINS.names if name != "created_at"]
    earliest = found.group_by(names, use_threads=False).aggregate([("created_at", "min")])
    return earliest.rename_columns([*names, "created_at"]).select(JOINS.names).cast(JOINS)


def _begun(user: Ints, key: Ints, length: Ints, ids: pa.Array) -> tuple[Ints, Ints]:
    """(record, a longest record that begins with it), for each record that another one repeats.

    Both are row numbers. Of longest records with an equal history, only the one with the least key occurs.
    """
    codes = pa.array(whole(pc.list_flatten(ids))).dictionary_encode()
    row = np.repeat(np.arange(len(length)), length)
    turn = user[row] * len(codes.dictionary) + whole(codes.indices)
    is_last = np.zeros(len(row), np.bool_)
    is_last[np.cumsum(length) - 1] = True
    last, is_inner = turn[is_last], np.isin(turn[is_last], turn[~is_last])
    by_last = np.lexsort((key, last))
    is_first = np.append(True, last[by_last][1:] != last[by_last][:-1])
    # Of records with an equal history, the one with the least key, and of its rows one.
    least = by_last[is_first][np.cumsum(is_first) - 1][np.argsort(by_last)]
    is_longest = ~is_inner & (least == np.arange(len(least)))
    equal = np.flatnonzero(~is_inner & ~is_longest)
    inner = np.flatnonzero(is_inner)
    among = np.flatnonzero(is_longest[row] & ~is_last & np.isin(turn, last[inner]))
    among = among[np.argsort(turn[among], kind="stable")]
    start, end = (np.searchsorted(turn[among], last[inner], side) for side in ("left", "right"))
    many = end - start
    place = np.arange(many.sum()) + np.repeat(start - (np.cumsum(many) - many), many)
    return np.concatenate([equal, np.repeat(inner, many)]), np.concatenate([least[equal], row[among[place]]])


def _ranks(keys: pa.ChunkedArray) -> Ints:
    """Numbers from 0 in the order of the keys."""
    encoded = keys.combine_chunks().cast(pa.binary()).dictionary_encode()
    ranks = np.empty(len(encoded.dictionary), np.int64)
    ranks[whole(pc.array_sort_indices(encoded.dictionary))] = np.arange(len(ranks))
    return ranks[whole(encoded.indices)]


def names_of_joins(joins: pa.Table) -> pa.Table:
    """NAMES of the conversations that begin with the records of others."""
    return joins.select(NAMES.names).group_by(NAMES.names, use_threads=False).aggregate([])


def with_joins(facts: pa.Table, joins: pa.Table) -> pa.Table:
    """FACTS rows with the keys of the conversations that they are part of, and their earliest times.

    A record that begins several conversations loses its messages. Where a record does not become part of a
    conversation that begins with it, its time is given to the messages of that conversation.
    """
    if not joins.num_rows or not facts.num_rows:
        return facts
    moving = begun_by(joins)
    facts = _with_earliest_times(facts, joins, {own for own, into in moving.items() if into})
    keys = facts["conversation_key"].combine_chunks()
    places = np.flatnonzero(pc.is_in(keys, value_set=pa.array({key for _, key in moving}, KEY)))
    names = ("user_key", "conversation_key")
    held = zip(*(facts[name].take(pa.array(places)).to_pylist() for name in names), strict=True)
    found = {place: moving[one] for place, one in zip(places.tolist(), held, strict=True) if one in moving}
    if not found:
        return facts
    given: list[Any] = keys.to_pylist()
    emptied = np.zeros(len(keys), np.bool_)
    for place, into in found.items():
        given[place] = into or given[place]
        emptied[place] = into is None
    facts = _with(facts, "conversation_key", pa.array(given, KEY))
    return _without_messages(facts, emptied) if emptied.any() else facts


def begun_by(joins: pa.Table) -> dict[tuple[bytes, bytes], bytes | None]:
    """The conversation that records of a (user, key) are part of, None if they begin several.

    A key that stays is left out.
    """
    own = ["user_key", "key"]
    moving = joins.filter(pc.invert(joins["stays"]))
    pairs = moving.group_by([*own, "conversation_key"], use_threads=False).aggregate([])
    found = pairs.group_by(own, use_threads=False).aggregate([([], "count_all"), ("conversation_key", "one")])
    columns = (found[name].to_pylist() for name in (*own, "conversation_key_one", "count_all"))
    return {(user, key): one if many == 1 else None for user, key, one, many in zip(*columns, strict=True)}


def _with_earliest_times(facts: pa.Table, joins: pa.Table, moved: set[tuple[bytes, bytes]]) -> pa.Table:
    """The facts; messages up to the last one of a record have the time of the record if it is earlier.

    Records of `moved` keys give theirs when the records of a session are merged.
    """
    names = ["user_key", "key", "last"]
    joins = joins.group_by(names, use_threads=False).aggregate([("created_at", "min")])
    own = zip(joins["user_key"].to_pylist(), joins["key"].to_pylist(), strict=True)
    joins = joins.filter(pa.array([one not in moved for one in own], pa.bool_()))
    if not joins.num_rows:
        return facts
    ids = facts["message_id"].combine_chunks()
    flat = whole(pc.list_flatten(ids))
    hits = np.flatnonzero(np.isin(flat, whole(joins["last"])))
    if not len(hits):
        return facts
    lasts, moments = whole(joins["last"]), column_micros(joins["created_at_min"])
    earliest: dict[tuple[bytes, int], int] = {}
    for one, at in zip(zip(joins["user_key"].to_pylist(), lasts.tolist(), strict=True), moments, strict=True):
        earliest[one] = min(at, earliest.get(one, at))
    row = whole(pc.list_parent_indices(ids))
    users = facts["user_key"].take(pa.array(row[hits])).to_pylist()
    first = np.searchsorted(row, row[hits])
    column = facts["message_sent_at"].combine_chunks()
    sent_at = whole(pc.list_flatten(column)).copy()
    for hit, start, user in zip(hits.tolist(), first.tolist(), users, strict=True):
        at = earliest.get((user, int(flat[hit])))
        if at is not None:
            sent_at[start : hit + 1] = np.minimum(sent_at[start : hit + 1], at)
    times = pa.array(sent_at, pa.int64()).cast(INSTANT)
    offsets = np.append(0, np.cumsum(whole(pc.list_value_length(column))))
    return _with(facts, "message_sent_at", pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), times))


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
