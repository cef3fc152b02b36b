"""Which messages of a session are kept (eligibility.md, "Which messages of an eligible session are kept")."""

from __future__ import annotations

import dataclasses

import numpy as np

from schemas.policy import Policy
from schemas.tables import ANSWER, GRANTED, HUMAN, REFUSED
from transforms.branches import Branches
from transforms.instants import NEVER, Ints
from transforms.merge import Bools, Sessions
from transforms.timelines import States


@dataclasses.dataclass(frozen=True)
class Branch:
    """The messages of all active main branches, in branch order, with their states.

    `state`: a human message's own; any other message's is the worse of its own and of the human message it
    answers.
    """

    message: Ints
    session: Ints
    human: Bools
    answer: Bools
    sent_at: Ints
    state: States


@dataclasses.dataclass(frozen=True)
class Stretch:
    """What of each session's branch may be kept: `kept` by branch message, `gap` by session.

    `since` and `until` bound the stretch in time, for threads beside it: [since, until).
    """

    kept: Bools
    gap: Bools
    since: Ints
    until: Ints


def branch_of(sessions: Sessions, branches: Branches, own: States) -> Branch:
    """The main branch with states; `own` is the state of each branch message at its own instant."""
    messages, session = sessions.messages, branches.session
    flags = messages.flags[branches.message]
    human = (flags & HUMAN) != 0
    place = np.arange(len(session))
    asked = np.maximum.accumulate(np.where(human, place, -1)) if len(session) else place
    answers = (asked >= 0) & ~human
    answers[answers] = session[asked[answers]] == session[answers]
    state = own.copy()
    state[answers] = np.maximum(own[answers], own[asked[answers]])
    return Branch(
        branches.message,
        session,
        human,
        (flags & ANSWER) != 0,
        messages.sent_at[branches.message],
        state,
    )


def stretch_of(branch: Branch, count: int, policy: Policy) -> Stretch:
    """The stretch that partial consent and the resumption scope leave of each of `count` sessions."""
    session, place = branch.session, np.arange(len(branch.session))
    refused = branch.state == REFUSED
    spoken = branch.human & (branch.state == GRANTED)
    first_refused = _first(place[refused], session[refused], count)
    last_refused = _last(place[refused], session[refused], count)
    before = place < first_refused[session]
    good_before = _any(session[spoken & before], count)
    after = place > last_refused[session]
    first_after = _first(place[spoken & after], session[spoken & after], count)
    good_after = first_after != NEVER
    torn = first_refused != NEVER
    late = torn & ~good_before & good_after
    kept = np.where(late[session], after & (place >= first_after[session]), before)
    gap = torn & ~good_before & ~good_after
    if policy.partial_consent == "drop_session":
        gap = torn
    start = _first(place[spoken & kept], session[spoken & kept], count)
    if policy.resumption_scope == "from_resumption":
        kept = kept & (branch.state == GRANTED) & (place >= start[session])
    bounded = late | (policy.resumption_scope == "from_resumption")
    return Stretch(
        kept & ~gap[session],
        gap,
        np.where(bounded, _instant_at(branch, start), -NEVER),
        np.where(late, NEVER, _instant_at(branch, first_refused)),
    )


def exchanged(branch: Branch, kept: Bools, count: int) -> Bools:
    """True for each session in which a kept human message has a kept model answer after it."""
    place = np.arange(len(kept))
    asked = _first(place[kept & branch.human], branch.session[kept & branch.human], count)
    told = _last(place[kept & branch.answer], branch.session[kept & branch.answer], count)
    found: Bools = (asked != NEVER) & (told > asked)
    return found


def _instant_at(branch: Branch, place: Ints) -> Ints:
    found = place != NEVER
    instants = np.full(len(place), NEVER)
    instants[found] = branch.sent_at[place[found]]
    return instants


def _first(place: Ints, session: Ints, count: int) -> Ints:
    first = np.full(count, NEVER)
    np.minimum.at(first, session, place)
    return first


def _last(place: Ints, session: Ints, count: int) -> Ints:
    last = np.full(count, -1, np.int64)
    np.maximum.at(last, session, place)
    return last


def _any(session: Ints, count: int) -> Bools:
    found = np.zeros(count, np.bool_)
    found[session] = True
    return found
