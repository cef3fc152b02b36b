"""The union of the messages of a session's records, by id.

Few sessions have several records, repeated messages, or a parent that is not the message before. Only these
take the slow path.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.shuffle.instants import Bools, Ints, filled, whole
from transforms.shuffle.repeats import repeats


@dataclasses.dataclass(frozen=True)
class Messages:
    """Messages of all sessions, those of a session together and in list order.

    List order goes through the records by their first message; a repeated message has its first place.
    `parent` is a position in these arrays, -1 for a root (without a parent, or with one that the session does
    not have). `linked` is true if the source names a parent. `record` is a position in the records, `index`
    the position in that record's own list.
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


def union(facts: pa.Table, record: Ints, session: Ints) -> tuple[Messages, Ints]:
    """The messages, and for each row of `facts` the position of its current message, -1 without one.

    `facts` has the list columns of FACTS and `current_message`, in reading order. `record` is the position of
    each row in the order by activity, `session` its session, ascending.
    """
    size = whole(pc.list_value_length(facts["message_id"]))
    row = np.repeat(np.arange(len(size)), size)
    index = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    ids, sent_at, owner = _flat(facts, "message_id"), _flat(facts, "message_sent_at"), session[row]
    source = np.arange(len(row))
    alone = ~_shares_session(session)
    twice = repeats(owner, ids) if alone.all() else repeats(owner[alone[row]], ids[alone[row]])
    again = np.flatnonzero(in_groups(np.concatenate([session[~alone], twice]), owner))
    if len(again):
        first, winner, earliest = _copies(again, owner, ids, sent_at, record[row], index)
        source[first] = winner
        sent_at = sent_at.copy()
        sent_at[first] = earliest
        stays = np.ones(len(row), np.bool_)
        stays[again] = False
        stays[first] = True
        source, sent_at, owner, ids = source[stays], sent_at[stays], owner[stays], ids[stays]
    parent_id = _flat(facts, "message_parent")[source]
    messages = Messages(
        session=owner,
        sent_at=sent_at,
        flags=_flat(facts, "message_flags")[source],
        thread=_flat(facts, "message_thread")[source],
        parent=_find(parent_id, owner, np.arange(len(owner)) - 1, ids, owner),
        linked=parent_id != 0,
        record=record[row[source]],
        index=index[source],
    )
    last = np.searchsorted(owner, session, side="right") - 1
    return messages, _find(filled(facts["current_message"], 0), session, last, ids, owner)


def in_groups(groups: Ints, group: Ints) -> Bools:
    """True for each element of `group` (numbers from 0) that is one of `groups`."""
    if not len(groups):
        return np.zeros(len(group), np.bool_)
    among = np.zeros(max(groups.max(), group.max(initial=0)) + 1, np.bool_)
    among[groups] = True
    found: Bools = among[group]
    return found


def _shares_session(session: Ints) -> Bools:
    """True for each row whose session has another row."""
    if not len(session):
        return np.zeros(0, np.bool_)
    same = session[1:] == session[:-1]
    shared: Bools = np.append(False, same) | np.append(same, False)
    return shared


def _flat(facts: pa.Table, name: str) -> Ints:
    return whole(pc.list_flatten(facts[name]))


def _copies(
    rows: Ints, owner: Ints, ids: Ints, sent_at: Ints, record: Ints, index: Ints
) -> tuple[Ints, Ints, Ints]:
    """For each id of a session: its first row, the row that counts, and the earliest time of all copies.

    `rows` are all messages of some sessions, ascending.
    """
    codes, count = _codes(ids[rows])
    key = owner[rows] * count + codes
    # Of the copies with one key, the newest record's sorts last, and within a record the last one.
    by_key = np.lexsort((index[rows], record[rows], key))
    starts = np.flatnonzero(np.append(True, key[by_key][1:] != key[by_key][:-1]))
    first = rows[np.minimum.reduceat(by_key, starts)]
    winner = rows[by_key[np.append(starts[1:], len(key)) - 1]]
    return first, winner, np.minimum.reduceat(sent_at[rows][by_key], starts)


def _find(wanted: Ints, session: Ints, likely: Ints, ids: Ints, owner: Ints) -> Ints:
    """The position of each wanted id in its session, -1 if the session does not have it (0 is no id).

    `ids` and `owner` are the ids and sessions of the messages; an id occurs once in a session. `likely` is a
    guess of each position; a wrong guess only costs time.
    """
    named = wanted != 0
    found = np.full(len(wanted), -1)
    if not len(ids) or not named.any():
        return found
    place = np.clip(likely, 0, len(ids) - 1)
    there = named & (ids[place] == wanted) & (owner[place] == session)
    found[there] = place[there]
    missed = np.flatnonzero(named & ~there)
    if len(missed):
        among = np.zeros(max(owner[-1], session[-1]) + 1, np.bool_)
        among[session[missed]] = True
        rows = np.flatnonzero(among[owner])
        codes, count = _codes(np.concatenate([ids[rows], wanted[missed]]))
        keys = owner[rows] * count + codes[: len(rows)]
        key = session[missed] * count + codes[len(rows) :]
        order = np.argsort(keys)
        place = np.searchsorted(keys[order], key)
        held = place < len(keys)
        held[held] = keys[order][place[held]] == key[held]
        found[missed[held]] = rows[order][place[held]]
    return found


def _codes(ids: Ints) -> tuple[Ints, int]:
    """Ids as numbers from 0, and the count of distinct ids."""
    encoded = pa.array(ids).dictionary_encode()
    return whole(encoded.indices), len(encoded.dictionary)
