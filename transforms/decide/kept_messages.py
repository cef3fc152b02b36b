"""Selects the messages of the active branches that consent allows to keep.

Places are positions in a branch's arrays. `before` and `after` are in branch order, not in time.
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
    """Consent applied to the main branches.

    `kept` and `state` have one value per element of `Branches.message`, the others one per session.
    """

    kept: Bools
    state: States
    granted_human: Bools
    refused_human: Bools
    any_human: Bools
    gap: Bools


def apply_consent(
    branches: Branches, messages: Messages, own: States, policy: Policy, granted_only: Bools
) -> MainBranchConsent:
    """The kept messages of each main branch, and the states of its human messages.

    `own` is the state at the instant of each branch message. `granted_only` (one per session) keeps granted
    messages only. The policy's `from_resumption` also drops all before the first granted human message.
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
    """The kept messages of all other threads: one value per element of `threads.message`.

    The prompt of a message is the newest human message of the main branch that is not later. The state of a
    message is the worst of its own, of its prompt's, and of the nearest human message before it in its
    thread. A message is kept if its prompt is kept and its state allows it. If the thread has refused
    messages, only those before the first one are kept; if there are none, those after the last one.
    `drop_session` drops a thread with a refused message. A message without a prompt is not kept.
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
    """True for each session with a kept model answer somewhere after a kept human message."""
    session, count = branches.session, len(branches.run_session)
    flags = messages.flags[branches.message]
    first_human, _ = _ends(kept & ((flags & HUMAN) > 0), session, count)
    _, last_answer = _ends(kept & ((flags & ANSWER) > 0), session, count)
    exchange: Bools = first_human < last_answer
    return exchange


def _with_prompt(own: States, human: Bools, run: Ints) -> States:
    """The worse of each message's own state and that of the nearest human message before it in its run."""
    prompt = np.maximum.accumulate(np.where(human, np.arange(len(own)), -1))
    answers = ~human & (prompt >= 0)
    answers[answers] = run[prompt[answers]] == run[answers]
    state = own.copy()
    state[answers] = np.maximum(own[answers], own[prompt[answers]])
    return state


def _prompt_in_time(threads: Branches, main: Branches, messages: Messages) -> Ints:
    """The place in `main` of each thread message's prompt, -1 if no human message is early enough."""
    humans = np.flatnonzero((messages.flags[main.message] & HUMAN) > 0)
    order = np.lexsort((humans, messages.sent_at[main.message[humans]], main.session[humans]))
    humans = humans[order]
    if not len(humans):
        return np.full(len(threads.message), -1, np.int64)
    human_at, sent_at = messages.sent_at[main.message[humans]], messages.sent_at[threads.message]
    # One sortable number per (session, instant), as in Timelines.
    instants = np.unique(human_at)
    stride = len(instants) + 1
    places = main.session[humans] * stride + np.searchsorted(instants, human_at, side="right")
    wanted = threads.session * stride + np.searchsorted(instants, sent_at, side="right")
    place = np.searchsorted(places, wanted, side="right") - 1
    found = (place >= 0) & (main.session[humans[place]] == threads.session)
    return np.where(found, humans[place], -1)


def _ends(where: Bools, run: Ints, count: int) -> tuple[Ints, Ints]:
    """The first and last true place of each run; len(where) and -1 for a run without one."""
    places = np.flatnonzero(where)
    first, last = np.full(count, len(where)), np.full(count, -1)
    np.minimum.at(first, run[places], places)
    np.maximum.at(last, run[places], places)
    return first, last


def _any(where: Bools, run: Ints, count: int) -> Bools:
    found = np.zeros(count, np.bool_)
    found[run[where]] = True
    return found
