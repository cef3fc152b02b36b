"""Kept messages, and where they lie: the `records` and `kept` of a decision."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from schemas.policy import Policy
from schemas.tables import GRANTED, HUMAN, KEPT_MESSAGE, RECORD_POINTER, REFUSED
from transforms.branches import thread_branches
from transforms.instants import NEVER, Ints
from transforms.kept import Branch, Stretch
from transforms.merge import Bools, Sessions
from transforms.timelines import States


@dataclasses.dataclass(frozen=True)
class Kept:
    """Kept messages of eligible sessions, in order of session; main branch first, then thread by thread."""

    session: Ints
    message: Ints
    eligible: Bools


def kept_messages(
    sessions: Sessions,
    branch: Branch,
    kept: Bools,
    stretch: Stretch,
    eligible: Bools,
    authorized: Bools,
    states: Callable[[Ints, Ints], States],
    policy: Policy,
) -> Kept:
    """The kept messages of the eligible sessions; with `threads: all`, those of their other threads too."""
    main = kept & eligible[branch.session]
    session, message = branch.session[main], branch.message[main]
    if policy.threads == "all":
        beside, more = _threads(sessions, branch, stretch, eligible, authorized, states, policy)
        session, message = np.append(session, beside), np.append(message, more)
    order = np.argsort(session, kind="stable")
    return Kept(session[order], message[order], eligible)


def pointer_columns(sessions: Sessions, chosen: Kept) -> tuple[pa.Array, pa.Array]:
    """`records` (the newest first, then those that contribute) and `kept`, a list for each session."""
    count, total = len(sessions), sessions.records.num_rows
    record = sessions.messages.record[chosen.message]
    newest = np.flatnonzero(chosen.eligible)
    # Records of a session stand by activity, so counting down from the last gives the newest first.
    keys = np.unique(
        np.append(chosen.session, newest) * total + (total - 1 - np.append(record, sessions.newest[newest]))
    )
    owner, place = keys // max(total, 1), total - 1 - keys % max(total, 1)
    starts = np.searchsorted(owner, np.arange(count + 1))
    rows = sessions.records.select(["unit", "row", "offset", "length"]).take(pa.array(place)).combine_chunks()
    pointers = pa.StructArray.from_arrays(
        [rows[name].combine_chunks() for name in rows.column_names], fields=list(RECORD_POINTER)
    )
    records = pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), pointers)
    position = np.searchsorted(keys, chosen.session * total + (total - 1 - record)) - starts[chosen.session]
    messages = pa.StructArray.from_arrays(
        [
            pa.array(position.astype(np.int32)),
            pa.array(sessions.messages.index[chosen.message].astype(np.int32)),
            pa.array(sessions.messages.thread[chosen.message]),
        ],
        fields=list(KEPT_MESSAGE),
    )
    offsets = np.searchsorted(chosen.session, np.arange(count + 1))
    return records, pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), messages)


def _threads(
    sessions: Sessions,
    branch: Branch,
    stretch: Stretch,
    eligible: Bools,
    authorized: Bools,
    states: Callable[[Ints, Ints], States],
    policy: Policy,
) -> tuple[Ints, Ints]:
    """(session, message) of other threads: up to the first refused, within the time the main stretch spans.

    A message's state is the worse of its own and of the human message of the main branch before it in time.
    """
    threads = thread_branches(sessions.messages, sessions.current)
    session, message = threads.session, threads.message
    sent_at = sessions.messages.sent_at[message]
    own = states(session, sent_at)
    human = (sessions.messages.flags[message] & HUMAN) != 0
    asked = _asked(branch, session, sent_at)
    state = (
        np.where((asked >= 0) & ~human, np.maximum(own, branch.state[asked]), own)
        if len(branch.state)
        else own
    )
    place = np.arange(len(message))
    stop = np.full(len(threads.run_session), NEVER)
    np.minimum.at(stop, threads.run[state == REFUSED], place[state == REFUSED])
    allowed = (
        (place < stop[threads.run]) & (sent_at >= stretch.since[session]) & (sent_at < stretch.until[session])
    )
    if policy.resumption_scope == "from_resumption":
        allowed &= state == GRANTED
    allowed = (allowed | authorized[session]) & eligible[session] & ~threads.cyclic[threads.run]
    return session[allowed], message[allowed]


def _asked(branch: Branch, session: Ints, sent_at: Ints) -> Ints:
    """The branch place of the last human message at or before each instant in its session, else -1."""
    places = np.flatnonzero(branch.human)
    order = np.lexsort((places, branch.sent_at[places], branch.session[places]))
    places = places[order]
    instants = np.unique(branch.sent_at[places])
    stride = len(instants) + 1
    keys = branch.session[places] * stride + np.searchsorted(instants, branch.sent_at[places], side="right")
    wanted = session * stride + np.searchsorted(instants, sent_at, side="right")
    at = np.searchsorted(keys, wanted, side="right") - 1
    found = at >= 0
    found[found] = branch.session[places[at[found]]] == session[found]
    asked = np.full(len(session), -1, np.int64)
    asked[found] = places[at[found]]
    return asked
