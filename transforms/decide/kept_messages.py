"""What consent leaves of a session: which messages of the active branches may be kept.

Places are positions in a branch's arrays; `before` and `after` follow the branch, not the clock.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from schemas.policy import Policy
from schemas.tables import ANSWER, GRANTED, HUMAN, REFUSED
from transforms.consent.timelines import States
from transforms.decide.branches import Branches
from transforms.decide.union import Messages
from transforms.shuffle.instants import Bools, Ints


@dataclasses.dataclass(frozen=True)
class MainBranchConsent:
    """The main branches read against consent. Arrays beside `Branches.message`, then one value a session."""

    kept: Bools
    state: States
    granted_human: Bools
    refused_human: Bools
    any_human: Bools
    gap: Bools


def apply_consent(
    branches: Branches, messages: Messages, own: States, policy: Policy, granted_only: Bools
) -> MainBranchConsent:
    """The kept messages of each session's main branch, and what its human messages apply_consent to.

    `own` is the state of each branch message's own instant. `granted_only` (one a session) keeps granted
    messages only; `from_resumption` does so for all, and from the first granted human message on.
    """
    session, count = branches.session, len(branches.run_session)
    human = (messages.flags[branches.message] & HUMAN) > 0
    state = _with_prompt(own, human, session)
    granted = human & (own == GRANTED)
    first_refused, last_refused = _ends(state == REFUSED, session, count)
    place = np.arange(len(session))
    before = place < first_refused[session]
    after = place > last_refused[session]
    first_before, _ = _ends(granted & before, session, count)
    first_after, _ = _ends(granted & after, session, count)
    has_before, has_after = first_before < len(session), first_after < len(session)
    refused = last_refused >= 0
    start = np.where(~refused | has_before, first_before, first_after)
    kept = np.where((~refused | has_before)[session], before, after & (place >= start[session]))
    strict = granted_only[session]
    kept &= ~strict | (state == GRANTED)
    if policy.resumption_scope == "from_resumption":
        kept &= place >= start[session]
    gap = refused & ((policy.partial_consent == "drop_session") | ~(has_before | has_after))
    return MainBranchConsent(
        kept=kept & ~gap[session],
        state=state,
        granted_human=_any(granted, session, count),
        refused_human=_any(human & (own == REFUSED), session, count),
        any_human=_any(human, session, count),
        gap=gap,
    )


def apply_consent_to_threads(
    threads: Branches,
    main: Branches,
    main_kept: Bools,
    messages: Messages,
    own: States,
    main_own: States,
    policy: Policy,
    granted_only: Bools,
) -> Bools:
    """The kept messages of the threads beside the main one, beside `threads.message`.

    A message belongs to the newest human message of the main branch that is not later than it, and has the
    worst state of its own, of that message's, and of the nearest human message before it in its thread. It is
    kept where that human message is kept and its own state allows it, in the stretch before the thread's
    first refused message, else in that after the last; `drop_session` drops a thread with a refused message
    whole. A message before any human one is not kept.
    """
    prompt = _prompt_in_time(threads, main, messages)
    has = prompt >= 0
    human = (messages.flags[threads.message] & HUMAN) > 0
    state = _with_prompt(own, human, threads.run)
    state[has] = np.maximum(state[has], main_own[prompt[has]])
    run, count = threads.run, len(threads.run_session)
    first_refused, last_refused = _ends(state == REFUSED, run, count)
    allowed = has.copy()
    allowed[has] = main_kept[prompt[has]]
    allowed &= (state == GRANTED) | ((state != REFUSED) & ~granted_only[threads.session])
    place = np.arange(len(run))
    before = allowed & (place < first_refused[run])
    after = allowed & (place > last_refused[run])
    kept = np.where(_any(before, run, count)[run], before, after)
    if policy.partial_consent == "drop_session":
        kept &= (last_refused < 0)[run]
    return kept


def has_exchange(branches: Branches, messages: Messages, kept: Bools) -> Bools:
    """True for a session where a kept model answer stands somewhere after a kept human message."""
    session, count = branches.session, len(branches.run_session)
    flags = messages.flags[branches.message]
    first_human, _ = _ends(kept & ((flags & HUMAN) > 0), session, count)
    _, last_answer = _ends(kept & ((flags & ANSWER) > 0), session, count)
    exchange: Bools = first_human < last_answer
    return exchange


def _with_prompt(own: States, human: Bools, run: Ints) -> States:
    """The state of each message: its own, or that of the nearest human one before it in its run if worse."""
    prompt = np.maximum.accumulate(np.where(human, np.arange(len(own)), -1))
    answers = ~human & (prompt >= 0)
    answers[answers] = run[prompt[answers]] == run[answers]
    state = own.copy()
    state[answers] = np.maximum(own[answers], own[prompt[answers]])
    return state


def _prompt_in_time(threads: Branches, main: Branches, messages: Messages) -> Ints:
    """The place in `main` of each thread message's human message, -1 where none is as early."""
    humans = np.flatnonzero((messages.flags[main.message] & HUMAN) > 0)
    order = np.lexsort((humans, messages.sent_at[main.message[humans]], main.session[humans]))
    humans = humans[order]
    if not len(humans):
        return np.full(len(threads.message), -1, np.int64)
    human_at, sent_at = messages.sent_at[main.message[humans]], messages.sent_at[threads.message]
    # One sortable number a (session, instant), as in timelines.
    instants = np.unique(human_at)
    stride = len(instants) + 1
    places = main.session[humans] * stride + np.searchsorted(instants, human_at, side="right")
    wanted = threads.session * stride + np.searchsorted(instants, sent_at, side="right")
    place = np.searchsorted(places, wanted, side="right") - 1
    found = (place >= 0) & (main.session[humans[place]] == threads.session)
    return np.where(found, humans[place], -1)


def _ends(where: Bools, run: Ints, count: int) -> tuple[Ints, Ints]:
    """The first and the last place of each run where true; len(where) and -1 in a run without one."""
    places = np.flatnonzero(where)
    first, last = np.full(count, len(where)), np.full(count, -1)
    np.minimum.at(first, run[places], places)
    np.maximum.at(last, run[places], places)
    return first, last


def _any(where: Bools, run: Ints, count: int) -> Bools:
    found = np.zeros(count, np.bool_)
    found[run[where]] = True
    return found
