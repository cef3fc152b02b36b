"""Records of one session made one: who its records are, and the union of their messages.

A session is a (user_key, conversation_key). Its records are ordered by activity (newest `sent_at`, else
`created_at`); ties by number of messages, then bytes of text, then (unit, row), so that how the input was cut
matters only between records that are alike. Its messages are the union by id: the earliest time of any copy,
everything else from the copy in the record with the newest activity (within one record, from the last copy).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.content import content_of
from transforms.instants import NEVER, Ints, column_micros, filled, whole

Bools = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Messages:
    """Messages of all sessions, those of a session together and in list order.

    List order over several records: through the records by their first message, each message where it
    stands first. `parent` is a position in these arrays, -1 for a root (no parent, or one that the session
    lacks); `linked` is true where the source names a parent at all. `record` is a position in the records,
    `index` the place in that record's own list.
    """

    session: Ints
    sent_at: Ints
    flags: Ints
    thread: Ints
    parent: Ints
    linked: Bools
    record: Ints
    index: Ints

    def __len__(self) -> int:
        return len(self.session)


@dataclasses.dataclass(frozen=True)
class Sessions:
    """Sessions in order of (conversation_key, user_key), null last.

    `records`: FACTS without the lists, by session, then by activity, newest last. `record_session` is the
    session of each; `first` and `newest` are each session's first and last record. `current` is the position
    in `messages` of the newest record's current message, -1 if it names none or none that the session has.
    """

    records: pa.Table
    record_session: Ints
    first: Ints
    newest: Ints
    messages: Messages
    current: Ints

    def __len__(self) -> int:
        return len(self.first)


def merge(facts: pa.Table) -> Sessions:
    """The sessions of FACTS rows; the same whatever the order of the rows."""
    lists = [name for name in facts.column_names if name.startswith("message_")]
    length = whole(pc.list_value_length(facts["message_id"]))
    record_of = np.repeat(np.arange(facts.num_rows), length)
    sent_at = _flat(facts, "message_sent_at")
    oldest, activity = _span(sent_at, record_of, column_micros(facts["created_at"]))
    order = _record_order(facts, activity, length)
    records = facts.drop_columns(lists).take(order).combine_chunks()
    session = _session_of(records)
    starts = np.flatnonzero(np.diff(session, prepend=-1))
    # Through a session's records by their first message: a partial copy cannot come before what it copies.
    reading = np.lexsort((np.arange(len(order)), oldest[order], session))
    messages, current = _union(facts, order, reading, session, length)
    newest = np.append(starts[1:], len(order))[: len(starts)] - 1
    return Sessions(records, session, starts, newest, messages, current[newest])


def _flat(facts: pa.Table, name: str) -> Ints:
    return whole(pc.list_flatten(facts[name]))


def activity_of(facts: pa.Table) -> Ints:
    """Each record's newest `sent_at`, else its `created_at`."""
    length = whole(pc.list_value_length(facts["message_id"]))
    record_of = np.repeat(np.arange(facts.num_rows), length)
    return _span(_flat(facts, "message_sent_at"), record_of, column_micros(facts["created_at"]))[1]


def _span(sent_at: Ints, record_of: Ints, created_at: Ints) -> tuple[Ints, Ints]:
    """Each record's oldest `sent_at`, NEVER without messages; and its newest, else its `created_at`."""
    oldest = np.full(len(created_at), NEVER)
    newest = np.full(len(created_at), -NEVER)
    np.minimum.at(oldest, record_of, sent_at)
    np.maximum.at(newest, record_of, sent_at)
    return oldest, np.where(oldest == NEVER, created_at, newest)


def _record_order(facts: pa.Table, activity: Ints, length: Ints) -> Ints:
    units = facts["unit"].combine_chunks().dictionary_encode()
    unit = whole(pc.rank(units.dictionary))[whole(units.indices)]
    # Of equal activity, messages and size, what the record says decides, and only for equal ones its place.
    place = (whole(facts["row"]), unit)
    content = np.zeros(facts.num_rows, np.uint64)
    several = np.flatnonzero(of_several(facts))
    if len(several):
        content[several] = content_of(facts.take(pa.array(several)))
    ties = (*place, content, whole(facts["text_bytes"]), length, activity)
    keys = [*key_words(facts["user_key"]), *key_words(facts["conversation_key"])]
    return np.lexsort((*ties, *keys))


def of_several(facts: pa.Table) -> Bools:
    """False for the only record of its session; hardly ever true for another one."""
    low = key_words(facts["conversation_key"])[0]
    order = np.argsort(low, kind="stable")
    again = low[order][1:] == low[order][:-1]
    several = np.zeros(facts.num_rows, np.bool_)
    several[order[1:][again]] = several[order[:-1][again]] = True
    return several


def _session_of(records: pa.Table) -> Ints:
    """The session of each record, counted from 0, where records are sorted by key."""
    changed = np.zeros(records.num_rows, np.bool_)
    for word in (*key_words(records["user_key"]), *key_words(records["conversation_key"])):
        changed[1:] |= word[1:] != word[:-1]
    return np.cumsum(changed)


def key_words(keys: pa.ChunkedArray) -> tuple[npt.NDArray[np.uint64], ...]:
    """16-byte keys as sort keys, the least significant first: low word, high word, whether null."""
    null = keys.is_null().to_numpy()
    blank = pa.scalar(bytes(16), pa.binary(16))
    whole = pc.fill_null(keys, blank).combine_chunks()
    data = np.frombuffer(whole.buffers()[1], ">u8", count=2 * len(whole), offset=16 * whole.offset)
    words = data.reshape(-1, 2).astype(np.uint64)
    return words[:, 1], words[:, 0], null.astype(np.uint64)


def _union(facts: pa.Table, order: Ints, reading: Ints, session: Ints, length: Ints) -> tuple[Messages, Ints]:
    """The union of messages, and for each record the position of its current message or -1."""
    table = facts.take(order[reading])
    size = length[order][reading]
    record = np.repeat(reading, size)
    index = np.arange(len(record)) - np.repeat(np.cumsum(size) - size, size)
    codes, ids = _codes(table)
    key = session[record] * len(ids) + codes
    by_key = np.argsort(key)
    copies = np.append(True, key[by_key][1:] != key[by_key][:-1])[: len(key)]
    if copies.all():
        first = winner = by_key
        sent_at = _flat(table, "message_sent_at")[by_key]
    else:
        # Same key, same session: the newest record's copy sorts last, and within a record the last copy.
        by_key = np.lexsort((index, record, key))
        starts = np.flatnonzero(copies)
        first = np.minimum.reduceat(by_key, starts)
        winner = by_key[np.append(starts[1:], len(key)) - 1]
        sent_at = np.minimum.reduceat(_flat(table, "message_sent_at")[by_key], starts)
    keys = key[winner]
    place = np.argsort(first)
    position = np.empty(len(place), np.int64)
    position[place] = np.arange(len(place))
    winner = winner[place]
    parent_id = _flat(table, "message_parent")[winner]
    owner = session[record[winner]]
    messages = Messages(
        session=owner,
        sent_at=sent_at[place],
        flags=_flat(table, "message_flags")[winner],
        thread=_flat(table, "message_thread")[winner],
        parent=_find(parent_id, owner, ids, keys, position),
        linked=parent_id != 0,
        record=record[winner],
        index=index[winner],
    )
    current = np.empty(len(order), np.int64)
    current[reading] = _find(filled(table["current_message"], 0), session[reading], ids, keys, position)
    return messages, current


def _codes(table: pa.Table) -> tuple[Ints, pa.Array]:
    """Message ids as small numbers, ascending by first appearance, and the ids they stand for."""
    encoded = pc.list_flatten(table["message_id"]).combine_chunks().dictionary_encode()
    return whole(encoded.indices), encoded.dictionary


def _find(wanted: Ints, session: Ints, ids: pa.Array, keys: Ints, position: Ints) -> Ints:
    """The position of each wanted id in its session, -1 where the session lacks it (0 is no id)."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    code = filled(pc.index_in(pa.array(wanted), value_set=ids), -1)
    key = session * len(ids) + code
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    found = (code >= 0) & (wanted != 0) & (keys[place] == key)
    return np.where(found, position[place], -1)
