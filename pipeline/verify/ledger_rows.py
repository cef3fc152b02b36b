"""Contradictions within one row of the ledger, or between it and the policy."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator
from typing import NamedTuple

from schemas.decisions import DEID_FAILED, RULES, Basis, Decision, Reason, RecordFault, decision_of
from schemas.policy import Policy
from transforms.decide.labels import UNKNOWN

#: Quarantine codes that a session can have; all others are of records that cannot be read.
_SESSION_CODES = frozenset({*map(str, RecordFault), DEID_FAILED})
_NUMBER = {str(rule.reason): rule.number for rule in RULES}
#: The last rule about unknown, and about excluded tiers and surfaces.
_SCOPE_RULES = 4
_EXCLUSION_RULES = 5


class Expected(NamedTuple):
    """What every row of a version must agree with."""

    policy: Policy
    policy_sha256: str
    as_of: dt.datetime
    known_until: dt.datetime


class RowKind(NamedTuple):
    """The columns of a row that have few values. `is_record`: a record that could not be read."""

    decision: str | None
    reason: str | None
    basis: str | None
    clause: str | None
    tier: str | None
    surface: str | None
    policy_id: str | None
    policy_sha256: str | None
    as_of: dt.datetime | None
    known_until: dt.datetime | None
    is_record: bool


def faults_of(row: RowKind, expected: Expected) -> Iterator[str]:
    """What is wrong with rows like this one."""
    stamp = (row.policy_id, row.policy_sha256, row.as_of, row.known_until)
    if stamp != (expected.policy.id, *expected[1:]):
        yield "its policy, as_of or known_until is not the manifest's"
    if row.reason is None or row.decision != decision_of(row.reason):
        yield "its decision is not that of its reason"
        return
    if row.clause != expected.policy.clause_by_reason().get(row.reason):
        yield "its clause is not the policy's for its reason"
    if row.is_record:
        if row.decision != Decision.QUARANTINED or row.reason in _SESSION_CODES:
            yield "has no date of creation, and its reason is not that of a record that cannot be read"
        if row.basis or row.tier or row.surface:
            yield "has basis, tier or surface, and is a record that cannot be read"
        return
    if row.decision == Decision.QUARANTINED and row.reason not in _SESSION_CODES:
        yield "its reason is that of a record that cannot be read, and it has a date of creation"
    yield from _scope_faults(row, expected.policy)


def _scope_faults(row: RowKind, policy: Policy) -> Iterator[str]:
    """Tier, surface and basis against the policy's lists, as rules 4 and 5 read them."""
    tier = _rank(row.tier, tuple(policy.tiers.included), tuple(policy.tiers.excluded))
    surface = _rank(row.surface, tuple(policy.surfaces.included), tuple(policy.surfaces.excluded))
    if "" in (tier, surface):
        yield "its tier or surface is not one of the policy's"
        return
    number = _NUMBER.get(row.reason or "", 99)
    wanted = {
        Reason.TIER_UNKNOWN: tier == UNKNOWN,
        Reason.SURFACE_UNKNOWN: surface == UNKNOWN,
        Reason.TIER_EXCLUDED: tier == "excluded",
        Reason.SURFACE_EXCLUDED: surface == "excluded",
    }
    if not wanted.get(row.reason, True):  # type: ignore[call-overload]
        yield "its tier or surface is not what its reason says"
    if number > _SCOPE_RULES and UNKNOWN in (tier, surface):
        yield "its tier or surface is unknown, and its reason is that of a later rule"
    outside = "excluded" in (tier, surface)
    if number > _EXCLUSION_RULES and outside and policy.separate_authorization == "ignore":
        yield "its tier or surface is excluded, and its reason is that of a later rule"
    if row.decision != Decision.ELIGIBLE:
        if row.basis is not None:
            yield "has a basis and is not eligible"
        return
    if row.basis != (Basis.SEPARATE_AUTHORIZATION if outside else Basis.USER_CONSENT):
        yield "its basis is not that of its tier and surface"
    if outside and row.surface not in policy.surfaces.authorizable:
        yield "its surface cannot be authorised"


@functools.cache
def _rank(word: str | None, included: tuple[str, ...], excluded: tuple[str, ...]) -> str:
    """included, excluded or unknown; empty for a word that no ledger has."""
    if word in excluded:
        return "excluded"
    if word in included:
        return "included"
    return UNKNOWN if word in (None, UNKNOWN) else ""
