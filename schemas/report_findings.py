"""Parts of report.json: what is known of the users, and what de-identification found."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.report_counts import Cell

#: What is known of a session's user at `as_of`; `unreadable` is for records that nothing is known of.
State = Literal["granted", "refused", "undecided", "no_record", "no_user_id", "unreadable", "*"]


class UserCounts(msgspec.Struct, frozen=True):
    """Users with sessions, by what the snapshots say of them at `as_of`; `total` of them all."""

    granted: Cell
    refused: Cell
    undecided: Cell
    no_record: Cell
    total: Cell


class StateCount(msgspec.Struct, frozen=True):
    """Sessions whose user has this state at `as_of`, by decision and basis."""

    state: State
    decision: str
    basis: str | None
    sessions: Cell


class Allowed(msgspec.Struct, frozen=True):
    """Sessions of users who refuse now that are eligible all the same, and the knob that says so."""

    name: Literal["prior_contributions"]
    text: str
    sessions: Cell


class RefusedEligible(msgspec.Struct, frozen=True):
    """Sessions of users who refuse at `as_of` that are eligible: `unexplained` must be 0.

    `sessions` is all of them; `exceptions` those that the policy keeps by name; the rest is unexplained.
    """

    sessions: Cell
    exceptions: list[Allowed]
    unexplained: Cell


class ActiveUsers(msgspec.Struct, frozen=True):
    """Users whose newest human message is later than an instant."""

    after: str
    users: Cell


class Consent(msgspec.Struct, frozen=True):
    """What is known of the users, counted from the snapshots and not from the verdicts.

    `undecided_after_deadline`: undecided users who wrote after the policy's deadline. `stale`: users who
    wrote after `known_until`: a later snapshot may say otherwise.
    """

    users: UserCounts
    sessions: list[StateCount]
    refused_eligible: RefusedEligible
    undecided_after_deadline: ActiveUsers
    stale: ActiveUsers


class EntityCount(msgspec.Struct, frozen=True):
    """Stretches of a type that were replaced."""

    type: str
    count: Cell
    per_thousand_characters: float | None


class SurfaceEntities(msgspec.Struct, frozen=True):
    """What was replaced in sessions of a surface; `characters` before masking."""

    surface: str | None
    sessions: Cell
    characters: int
    entities: list[EntityCount]


class Deid(msgspec.Struct, frozen=True):
    """De-identification of what was written; `characters` before masking."""

    sessions: Cell
    characters: int
    entities: list[EntityCount]
    by_surface: list[SurfaceEntities]


class Residual(msgspec.Struct, frozen=True):
    """What the second look over masked text found."""

    sessions: Cell
    characters: int
    masked_again: Cell
    masked_again_per_million_characters: float | None
    sessions_masked_again: Cell
    sessions_dropped: Cell


class Estimate(msgspec.Struct, frozen=True):
    """What a sample of eligible sessions holds, where an audit was asked for it."""

    sessions: Cell
    characters: int
    entities: dict[str, Cell]
    refused: dict[str, Cell]
