"""The warnings of a report, ranked by weight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from pipeline.report.previous import share
from schemas.config import RunConfig
from schemas.decisions import Reason
from schemas.reports.counts import Cell, Split
from schemas.reports.document import Caution, Report, WarningCode
from transforms.decide.labels import UNKNOWN

#: The age of the newest snapshot above which there is a warning.
OLD_SECONDS = 24 * 3600
#: A change of a reason's share, since the run compared with, above which there is a warning.
MOVED = 0.1


class _Warning(NamedTuple):
    weight: int
    unit: str | None
    text: str
    action: str


#: The text of `quarantine_high` where the limit itself is passed.
_OVER_THE_LIMIT = "The share of quarantined rows is above limits.max_quarantined_fraction."

_WARNINGS: dict[WarningCode, _Warning] = {
    "refused_eligible": _Warning(
        100,
        "sessions",
        "Sessions of users who refuse are eligible, and the policy keeps none of them by name.",
        "Release nothing, and report it: two counts of the same snapshots disagree.",
    ),
    "nothing_read": _Warning(
        95, None, "No record was read.", "Check the paths of `inputs` and that the export ran."
    ),
    "nothing_eligible": _Warning(
        90, None, "No session is eligible.", "Look at the largest reasons; check snapshots and policy."
    ),
    "snapshot_old": _Warning(
        80,
        None,
        "The newest consent snapshot is more than a day older than the moment decided for: later refusals "
        "are not known.",
        "Run again with a newer snapshot.",
    ),
    "reason_moved": _Warning(
        70,
        "sessions",
        "The share of sessions with this reason moved by more than a tenth since the run compared with.",
        "See with `chatsieve diff` which sessions changed, and by which rule.",
    ),
    "quarantine_high": _Warning(
        65,
        "sessions",
        "The share of quarantined rows is above half of limits.max_quarantined_fraction.",
        "See the codes under Quarantine on this page.",
    ),
    "tier_unlisted": _Warning(
        60,
        "sessions",
        "Sessions have a tier that the policy lists nowhere; they are excluded.",
        "List the tier in the policy, as included or as excluded; restricted/unlisted.json names it.",
    ),
    "surface_unlisted": _Warning(
        60,
        "sessions",
        "Sessions have a surface that the policy lists nowhere; they are excluded.",
        "List the surface in the policy, as included or as excluded; restricted/unlisted.json names it.",
    ),
    "undecided_after_deadline": _Warning(
        50,
        "users",
        "Users who have not decided wrote after the policy's decision deadline.",
        "Ask why they could go on without a decision; their sessions are excluded.",
    ),
    "residual_found": _Warning(
        45,
        "sessions",
        "Personal data was left after masking in sessions that were dropped for it.",
        "Find what was missed with `chatsieve scrub --explain`, and add a recognizer.",
    ),
    "tier_new": _Warning(
        40,
        "sessions",
        "Sessions have a tier that the run compared with had none of.",
        "Check that they are meant to be there.",
    ),
    "surface_new": _Warning(
        40,
        "sessions",
        "Sessions have a surface that the run compared with had none of.",
        "Check that they are meant to be there.",
    ),
    "users_stale": _Warning(
        30,
        "users",
        "Users wrote after the newest consent snapshot; what they decided since is not known.",
        "Run again with a newer snapshot to decide these sessions.",
    ),
}


def warnings_of(report: Report, config: RunConfig) -> list[Caution]:
    """The warnings that follow from the counts of a report, by weight, then by count, highest first."""
    found = [*_of_sessions(report, config), *_of_users(report), *_of_comparison(report)]
    return sorted(found, key=lambda row: (-row.weight, -_number(row.count), row.code, row.subject or ""))


def _of_sessions(report: Report, config: RunConfig) -> Iterator[Caution]:
    total, decisions = _number(report.counts.ledger_rows), report.counts.decisions
    if report.counts.ledger_rows == 0:
        yield _warning("nothing_read")
    elif decisions.get("eligible", 0) == 0:
        yield _warning("nothing_eligible")
    if report.snapshots.age_seconds > OLD_SECONDS:
        yield _warning("snapshot_old")
    parts = _number(report.counts.quarantined_parts)
    quarantined = _number(decisions.get("quarantined", 0)) - parts
    yield from _quarantine_high(((quarantined, total - parts), (parts, _number(report.counts.parts))), config)
    unlisted: tuple[tuple[WarningCode, list[Split]], ...] = (
        ("tier_unlisted", report.by_tier),
        ("surface_unlisted", report.by_surface),
    )
    for code, splits in unlisted:
        if _sessions(splits, UNKNOWN):
            yield _warning(code, UNKNOWN, _sessions(splits, UNKNOWN), total)
    dropped = _number(report.counts.reasons.get(str(Reason.RESIDUAL_PII), 0))
    if dropped:
        yield _warning("residual_found", None, dropped, total)


def _quarantine_high(counted: Iterable[tuple[int, int]], config: RunConfig) -> Iterator[Caution]:
    """At most one warning, for the first (quarantined, of how many) above half of the limit."""
    limit = config.limits.max_quarantined_fraction
    for quarantined, total in counted:
        if quarantined > limit / 2 * total:
            found = _warning("quarantine_high", None, quarantined, total)
            over = quarantined > limit * total
            yield msgspec.structs.replace(found, text=_OVER_THE_LIMIT) if over else found
            return


def _of_users(report: Report) -> Iterator[Caution]:
    consent, users = report.consent, _number(report.consent.users.total)
    if consent.refused_eligible.unexplained:
        total = _number(report.counts.ledger_rows)
        yield _warning("refused_eligible", None, _number(consent.refused_eligible.unexplained), total)
    if _number(consent.undecided_after_deadline.users):
        late = _number(consent.undecided_after_deadline.users)
        yield _warning("undecided_after_deadline", None, late, users)
    if _number(consent.stale.users):
        yield _warning("users_stale", None, _number(consent.stale.users), users)


def _of_comparison(report: Report) -> Iterator[Caution]:
    previous, total = report.previous, _number(report.counts.ledger_rows)
    if previous is None:
        return
    for row in previous.reasons:
        if row.moved is not None and abs(row.moved) > MOVED:
            moved = _warning("reason_moved", row.reason, _number(row.now), total)
            yield msgspec.structs.replace(moved, share=row.moved)
    for tier in previous.new_tiers:
        yield _warning("tier_new", tier, _sessions(report.by_tier, tier), total)
    for surface in previous.new_surfaces:
        yield _warning("surface_new", surface, _sessions(report.by_surface, surface), total)


def _warning(
    code: WarningCode, subject: str | None = None, count: int | None = None, total: int = 0
) -> Caution:
    warning = _WARNINGS[code]
    fraction = None if count is None else share(count, total)
    return Caution(code, warning.weight, subject, warning.text, count, warning.unit, fraction, warning.action)


def _sessions(splits: list[Split], value: str) -> int:
    return sum(_number(row.sessions) for row in splits if row.value == value)


def _number(count: Cell) -> int:
    return count if isinstance(count, int) else 0
