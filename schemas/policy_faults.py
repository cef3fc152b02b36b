"""Faults of a policy pack as a whole: settings that contradict each other or cannot have an effect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import isodate

from schemas.decisions import RULES, Reason

if TYPE_CHECKING:
    from schemas.policy import Policy

Fault = tuple[tuple[str | int, ...], str]
_LONGEST = dt.timedelta(days=366 * 1000)
#: The ledger writes this for every value that is in no list, so a list cannot contain it.
_RESERVED = "unknown"


def faults_of(policy: Policy) -> Iterator[Fault]:
    """(keys, message) for each fault: the place in the file, what is wrong and what to do."""
    if policy.decision_deadline < policy.effective_at:
        yield ("decision_deadline",), "is before effective_at; users cannot decide before the terms exist"
    yield from _list_faults("tiers", policy.tiers.included, policy.tiers.excluded)
    yield from _list_faults("surfaces", policy.surfaces.included, policy.surfaces.excluded)
    yield from _authorizable_faults(policy)
    yield from _duration_faults(policy)
    yield from _clause_faults(policy)
    yield from _rule_faults(policy)


def _list_faults(name: str, included: Sequence[str], excluded: Sequence[str]) -> Iterator[Fault]:
    for kind, values in (("included", included), ("excluded", excluded)):
        yield from _value_faults((name, kind), values)
    for place, value in enumerate(excluded):
        if value in included:
            yield (name, "excluded", place), f"{value!r} is in two lists, included and excluded; keep one"
    if not included:
        yield (
            (name, "included"),
            "is empty: no session could be eligible by consent, rules 6 to 14 never fire; list one",
        )


def _value_faults(keys: tuple[str, ...], values: Sequence[str]) -> Iterator[Fault]:
    for place, value in enumerate(values):
        if not value.strip() or value != value.strip() or not value.isprintable():
            yield (*keys, place), "a value is empty, starts or ends with blanks, or cannot be printed"
        elif value == _RESERVED:
            yield (
                (*keys, place),
                f"{value!r} is reserved: the ledger writes it for values in no list; use another name",
            )
        elif value in values[:place]:
            yield (*keys, place), f"{value!r} is listed twice; remove one"


def _authorizable_faults(policy: Policy) -> Iterator[Fault]:
    keys = ("surfaces", "authorizable")
    surfaces = policy.surfaces
    yield from _value_faults(keys, surfaces.authorizable)
    for place, value in enumerate(surfaces.authorizable):
        if value not in (*surfaces.included, *surfaces.excluded):
            yield (
                (*keys, place),
                f"{value!r} is in neither list of surfaces, so rule 4 always fires first; add it to one",
            )
        elif value in surfaces.included and not policy.tiers.excluded:
            yield (
                (*keys, place),
                f"{value!r} is included and no tier is excluded, so there is nothing to authorise; remove it",
            )


def _duration_faults(policy: Policy) -> Iterator[Fault]:
    for name in ("granted", "refused"):
        yield from _size_faults(("retention", name), getattr(policy.retention, name), positive=True)
    yield from _size_faults(("clock_skew",), policy.clock_skew, positive=False)
    yield from _size_faults(("max_snapshot_age",), policy.max_snapshot_age, positive=True)


def _size_faults(
    keys: tuple[str, ...], duration: isodate.Duration | dt.timedelta, *, positive: bool
) -> Iterator[Fault]:
    rest = duration if isinstance(duration, dt.timedelta) else duration.tdelta
    parts = [rest.total_seconds()]
    if isinstance(duration, isodate.Duration):
        parts += [float(duration.years), float(duration.months)]
    if min(parts) < 0:
        yield keys, "is negative; give a positive duration such as P30D"
    elif positive and not any(parts):
        yield keys, "is zero; give a duration such as P30D"
    elif any(part % 1 for part in parts[1:]):
        yield keys, "a fraction of a year or month is ambiguous; use whole years and months"
    elif _about(duration) > _LONGEST:
        yield keys, "is longer than 1,000 years; give a shorter duration"


def _about(duration: isodate.Duration | dt.timedelta) -> dt.timedelta:
    if isinstance(duration, dt.timedelta):
        return duration
    months = float(duration.years) * 12 + float(duration.months)
    rest: dt.timedelta = duration.tdelta
    return _LONGEST * 2 if months > 12_000 else dt.timedelta(days=30 * months) + rest


def _clause_faults(policy: Policy) -> Iterator[Fault]:
    ids = [clause.id for clause in policy.clauses]
    cited = set(policy.clause_by_reason().values())
    for place, clause in enumerate(policy.clauses):
        if clause.id in ids[:place]:
            yield ("clauses", place, "id"), f"{clause.id!r} is listed twice; remove one"
        if clause.id not in cited:
            yield (
                ("clauses", place, "id"),
                f"{clause.id!r} is cited by no rule; remove it or cite it under rules",
            )
        for at, account in enumerate(clause.accounts):
            if policy.sources and account not in policy.sources:
                yield ("clauses", place, "accounts", at), f"{account!r} is not in sources; add it there"


def _rule_faults(policy: Policy) -> Iterator[Fault]:
    ids = {clause.id for clause in policy.clauses}
    reasons = {str(rule.reason) for rule in RULES} | {str(Reason.ELIGIBLE)}
    for reason in policy.rules:
        if reason not in reasons:
            yield ("rules", reason), "is not a reason; docs/reference/policy.md lists the reasons"
        elif cause := _unreachable(reason, policy):
            yield ("rules", reason), f"can never fire, because {cause}; remove it"
    for reason, clause in policy.clause_by_reason().items():
        if ids and clause not in ids and not (reason not in policy.rules and _unreachable(reason, policy)):
            where = ("rules", reason, "clause") if reason in policy.rules else ("rules",)
            yield where, f"{reason} cites clause {clause!r}, which is not in clauses; add it there"


def _unreachable(reason: str, policy: Policy) -> str | None:
    """Why a rule can never fire with these lists; None if it can. Other settings never rule it out."""
    tiers, surfaces = policy.tiers, policy.surfaces
    if reason == Reason.TIER_EXCLUDED and not tiers.excluded:
        return "tiers.excluded is empty"
    if reason == Reason.SURFACE_EXCLUDED and not surfaces.excluded:
        return "surfaces.excluded is empty"
    return None
