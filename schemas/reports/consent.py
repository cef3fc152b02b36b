"""Parts of report.json: consent states of users, and the check that no refusal was overridden."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.reports.counts import Cell

#: The consent state of a session's user at `as_of`. `unreadable`: the record could not be read.
State = Literal["granted", "refused", "undecided", "no_record", "no_user_id", "unreadable", "*"]


class UserCounts(msgspec.Struct, frozen=True):
    """Users with sessions, by consent state at `as_of`."""

    granted: Cell
    refused: Cell
    undecided: Cell
    no_record: Cell
    total: Cell


class StateCount(msgspec.Struct, frozen=True):
    """Sessions by consent state of the user at `as_of`, decision and basis."""

    state: State
    decision: str
    basis: str | None
    sessions: Cell


class Allowed(msgspec.Struct, frozen=True):
    """Eligible sessions of users who refuse, and the policy setting that keeps them."""

    name: Literal["prior_contributions"]
    text: str
    sessions: Cell


class RefusedEligible(msgspec.Struct, frozen=True):
    """Eligible sessions of users who refuse at `as_of`.

    `sessions`: all of them. `exceptions`: those that a setting of the policy keeps. `unexplained`: the rest,
    which must be 0.
    """

    sessions: Cell
    exceptions: list[Allowed]
    unexplained: Cell


class ActiveUsers(msgspec.Struct, frozen=True):
    """Users whose newest human message is later than `after`."""

    after: str
    users: Cell


class Consent(msgspec.Struct, frozen=True):
    """Consent states, counted from the snapshots and independently of the decisions.

    `undecided_after_deadline`: undecided users who wrote after the policy's decision deadline. `stale`: users
    who wrote after `known_until`; a later snapshot may contain another decision of theirs.
    """

    users: UserCounts
    sessions: list[StateCount]
    refused_eligible: RefusedEligible
    undecided_after_deadline: ActiveUsers
    stale: ActiveUsers
