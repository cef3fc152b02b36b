"""The messages of a session's records as one list: the union by id.

Hardly any session has several records, or a message twice, or a parent that is not the message before: those
that have are looked at closely, and the others pass through as they stand.
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


def union(facts: pa.Table, record: Ints, session: Ints) -> tuple[Messages, Ints]:
    """The messages, and for each row of `facts` the position of its current message, -1 without one.

    `facts` has the lists of FACTS and `current_message`, in reading order; `record` is each row's place among
    its session's records, by activity; `session` its session, ascending.
    """
    size = whole(pc.list_value_length(facts["message_id"]))
    row = np.repeat(np.arange(len(size)), size)
    index = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    ids, sent_at, owner = _flat(facts, "message_id"), _flat(facts, "message_sent_at"), session[row]
    source = np.arange(len(row))
    alone = ~_several(session)
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
    """True where `group`, counted from 0, is one of the groups."""
    if not len(groups):
        return np.zeros(len(group), np.bool_)
    among = np.zeros(max(groups.max(), group.max(initial=0)) + 1, np.bool_)
    among[groups] = True
    found: Bools = among[group]
    return found


def _several(session: Ints) -> Bools:
    """True for a row whose session has another one."""
    if not len(session):
        return np.zeros(0, np.bool_)
    same = session[1:] == session[:-1]
    several: Bools = np.append(False, same) | np.append(same, False)
    return several


def _flat(facts: pa.Table, name: str) -> Ints:
    return whole(pc.list_flatten(facts[name]))


def _copies(
    rows: Ints, owner: Ints, ids: Ints, sent_at: Ints, record: Ints, index: Ints
) -> tuple[Ints, Ints, Ints]:
    """For each id of a session: where it stands first, the copy that counts, and the time of the earliest.

    `rows` are the messages of some sessions, all of each, ascending.
    """
    codes, count = _codes(ids[rows])
    key = owner[rows] * count + codes
    # Same key, same session: the newest record's copy sorts last, and within a record the last copy.
    by_key = np.lexsort((index[rows], record[rows], key))
    starts = np.flatnonzero(np.append(True, key[by_key][1:] != key[by_key][:-1]))
    first = rows[np.minimum.reduceat(by_key, starts)]
    winner = rows[by_key[np.append(starts[1:], len(key)) - 1]]
    return first, winner, np.minimum.reduceat(sent_at[rows][by_key], starts)


def _find(wanted: Ints, session: Ints, likely: Ints, ids: Ints, owner: Ints) -> Ints:
    """The position of each wanted id in its session, -1 where the session lacks it (0 is no id).

    `ids` and `owner` are the messages, no id twice in a session; `likely` is where the id may well be, any
    number for nowhere.
    """
    named = wanted != 0
    found = np.full(len(wanted), -1)
    if not len(ids) or not named.any():
        return found
    place = np.clip(likely, 0, len(ids) - 1)
    there = named & (ids[place] == wanted) & (owner[place] == session)
    found[there] = place[there]
    astray = np.flatnonzero(named & ~there)
    if len(astray):
        among = np.zeros(max(owner[-1], session[-1]) + 1, np.bool_)
        among[session[astray]] = True
        rows = np.flatnonzero(among[owner])
        codes, count = _codes(np.concatenate([ids[rows], wanted[astray]]))
        keys = owner[rows] * count + codes[: len(rows)]
        key = session[astray] * count + codes[len(rows) :]
        order = np.argsort(keys)
        place = np.searchsorted(keys[order], key)
        held = place < len(keys)
        held[held] = keys[order][place[held]] == key[held]
        found[astray[held]] = rows[order][place[held]]
    return found


def _codes(ids: Ints) -> tuple[Ints, int]:
    """Ids as small numbers, and how many there are."""
    encoded = pa.array(ids).dictionary_encode()
    return whole(encoded.indices), len(encoded.dictionary)
