"""Merges the records of each session and takes the union of their messages.

A session is a (user_key, conversation_key). Its records are ordered by activity (newest `sent_at`, else
`created_at`), then by number of messages, bytes of text, content and place. The place is last, so the layout
of the input only orders records that are equal. The union is by message id: the time is the earliest of all
copies, everything else comes from the copy in the record with the newest activity (in one record, from the
last copy).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.decide.record_digest import content_digests
from transforms.decide.union import Messages, in_groups, union
from transforms.shuffle.instants import NEVER, Bools, Ints, column_micros, whole
from transforms.shuffle.key_order import key_words, order_by_key


@dataclasses.dataclass(frozen=True)
class Sessions:
    """Sessions in order of (conversation_key, user_key), null last.

    `records` is FACTS without the lists, by session, then by activity, newest last. `record_session` is the
    session of each record; `first` and `newest` are the first and last record of each session. `current` is
    the position in `messages` of the newest record's current message, -1 if the session has no such message.
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
    """The sessions of FACTS rows; the order of the rows has no effect."""
    facts = facts.combine_chunks()
    lists = [name for name in facts.column_names if name.startswith("message_")]
    for name in ("row", "text_bytes"):
        whole(facts[name])  # these order records, so a null is an error
    oldest, activity = _span(facts)
    order = _record_order(facts, activity)
    records = facts.drop_columns(lists).take(order).combine_chunks()
    session = _session_of(records)
    starts = np.flatnonzero(np.diff(session, prepend=-1))
    newest = np.append(starts[1:], len(order))[: len(starts)] - 1
    reading = np.arange(len(order))
    several = np.flatnonzero(in_groups(session[1:][session[1:] == session[:-1]], session))
    # Reading order is by first message, so that a partial copy does not come before its original.
    reading[several] = several[np.lexsort((several, oldest[order][several], session[several]))]
    messages, found = union(facts.select([*lists, "current_message"]).take(order[reading]), reading, session)
    current = np.empty(len(order), np.int64)
    current[reading] = found
    return Sessions(records, session, starts, newest, messages, current[newest])


def activity_of(facts: pa.Table) -> Ints:
    """The newest `sent_at` of each record, its `created_at` without messages."""
    return _span(facts)[1]


def _span(facts: pa.Table) -> tuple[Ints, Ints]:
    """The oldest `sent_at` of each record (NEVER without messages), and its activity."""
    sent_at = whole(pc.list_flatten(facts["message_sent_at"]))
    length = whole(pc.list_value_length(facts["message_sent_at"]))
    oldest, newest = np.full(len(length), NEVER), column_micros(facts["created_at"])
    some = np.flatnonzero(length)
    if len(some):
        starts = (np.cumsum(length) - length)[some]
        newest = newest.copy()
        oldest[some] = np.minimum.reduceat(sent_at, starts)
        newest[some] = np.maximum.reduceat(sent_at, starts)
    return oldest, newest


def _record_order(facts: pa.Table, activity: Ints) -> Ints:
    """The records by session, then by activity."""
    return order_by_key(
        facts["conversation_key"], lambda rows: _whole_order(facts.take(pa.array(rows)), activity[rows])
    )


def _whole_order(facts: pa.Table, activity: Ints) -> Ints:
    units = facts["unit"].combine_chunks().dictionary_encode()
    unit = whole(pc.rank(units.dictionary))[whole(units.indices)]
    length = whole(pc.list_value_length(facts["message_id"]))
    # If activity, messages and size are equal, the content decides; for equal content, the place.
    place = (whole(facts["row"]), unit)
    ties = (*place, content_digests(facts), whole(facts["text_bytes"]), length, activity)
    keys = [*key_words(facts["user_key"]), *key_words(facts["conversation_key"])]
    return np.lexsort((*ties, *keys))


def may_share_session(facts: pa.Table) -> Bools:
    """True for each record that may share its session with another one: no false negatives, rare false
    positives.
    """
    low = key_words(facts["conversation_key"])[0]
    ordered = np.sort(low)
    if not (ordered[1:] == ordered[:-1]).any():
        return np.zeros(facts.num_rows, np.bool_)
    order = np.argsort(low, kind="stable")
    again = low[order][1:] == low[order][:-1]
    several = np.zeros(facts.num_rows, np.bool_)
    several[order[1:][again]] = several[order[:-1][again]] = True
    return several


def _session_of(records: pa.Table) -> Ints:
    """The session number of each record, from 0; records are sorted by key."""
    changed = np.zeros(records.num_rows, np.bool_)
    for word in (*key_words(records["user_key"]), *key_words(records["conversation_key"])):
        changed[1:] |= word[1:] != word[:-1]
    return np.cumsum(changed)
