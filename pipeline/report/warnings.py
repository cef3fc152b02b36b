"""Warnings of a report, ranked by weight: what a privacy officer would want to be asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pipeline.report.previous import share
from schemas.config import RunConfig
from schemas.decisions import Reason
from schemas.report import Caution, Report, WarningCode
from schemas.report_counts import Cell, Split
from transforms.decide.labels import UNKNOWN

OLD_SECONDS = 24 * 3600
#: A reason whose share moved by more than this since the run compared with.
MOVED = 0.1


class _Words(NamedTuple):
    weight: int
    unit: str | None
    text: str
    action: str


_WORDS: dict[WarningCode, _Words] = {
    "refused_eligible": _Words(
        100,
        "sessions",
        "Sessions of users who refuse are eligible, and the policy keeps none of them by name.",
        "Release nothing, and report it: two counts of the same snapshots disagree.",
    ),
    "nothing_read": _Words(
        95, None, "No record was read.", "Check the paths of `inputs` and that the export ran."
    ),
    "nothing_eligible": _Words(
        90, None, "No session is eligible.", "Look at the largest reasons; check snapshots and policy."
    ),
    "snapshot_old": _Words(
        80,
        None,
        "The newest consent snapshot is more than a day older than the moment decided for: later refusals "
        "are not known.",
        "Run again with a newer snapshot.",
    ),
    "reason_moved": _Words(
        70,
        "sessions",
        "The share of sessions with this reason moved by more than a tenth since the run compared with.",
        "See with `chatsieve diff` which sessions changed, and by which rule.",
    ),
    "quarantine_high": _Words(
        65,
        "sessions",
        "More than half of what limits.max_quarantined_fraction allows could not be used.",
        "See the codes here and the places in quarantine/.",
    ),
    "tier_unlisted": _Words(
        60,
        "sessions",
        "Sessions have a tier that the policy lists nowhere; they are excluded.",
        "List the tier in the policy, as included or as excluded.",
    ),
    "surface_unlisted": _Words(
        60,
        "sessions",
        "Sessions have a surface that the policy lists nowhere; they are excluded.",
        "List the surface in the policy, as included or as excluded.",
    ),
    "undecided_after_deadline": _Words(
        50,
        "users",
        "Users who have not decided wrote after the policy's decision deadline.",
        "Ask why they could go on without a decision; their sessions are excluded.",
    ),
    "residual_found": _Words(
        45,
        "sessions",
        "Personal data was left after masking in sessions that were dropped for it.",
        "Find what was missed with `chatsieve scrub --explain`, and add a recognizer.",
    ),
    "tier_new": _Words(
        40,
        "sessions",
        "Sessions have a tier that the run compared with had none of.",
        "Check that they are meant to be there.",
    ),
    "surface_new": _Words(
        40,
        "sessions",
        "Sessions have a surface that the run compared with had none of.",
        "Check that they are meant to be there.",
    ),
    "users_stale": _Words(
        30,
        "users",
        "Users wrote after the newest consent snapshot; what they decided since is not known.",
        "Run again with a newer snapshot to decide these sessions.",
    ),
}


def warnings_of(report: Report, config: RunConfig) -> list[Caution]:
    """The warnings of a report, by the numbers that it tells, the weightiest first.

    Of one weight, the one that counts most comes first.
    """
    found = [*_of_sessions(report, config), *_of_users(report), *_of_comparison(report)]
    return sorted(found, key=lambda row: (-row.weight, -_number(row.count), row.code, row.subject or ""))


def _of_sessions(report: Report, config: RunConfig) -> Iterator[Caution]:
    total, decisions = _number(report.counts.ledger_rows), report.counts.decisions
    if report.counts.ledger_rows == 0:
        yield _caution("nothing_read")
    elif decisions.get("eligible", 0) == 0:
        yield _caution("nothing_eligible")
    if report.snapshots.age_seconds > OLD_SECONDS:
        yield _caution("snapshot_old")
    quarantined = _number(decisions.get("quarantined", 0))
    if quarantined > config.limits.max_quarantined_fraction / 2 * total:
        yield _caution("quarantine_high", None, quarantined, total)
    unlisted: tuple[tuple[WarningCode, list[Split]], ...] = (
        ("tier_unlisted", report.by_tier),
        ("surface_unlisted", report.by_surface),
    )
    for code, splits in unlisted:
        if _sessions(splits, UNKNOWN):
            yield _caution(code, UNKNOWN, _sessions(splits, UNKNOWN), total)
    dropped = _number(report.counts.reasons.get(str(Reason.RESIDUAL_PII), 0))
    if dropped:
        yield _caution("residual_found", None, dropped, total)


def _of_users(report: Report) -> Iterator[Caution]:
    consent, users = report.consent, _number(report.consent.users.total)
    if consent.refused_eligible.unexplained:
        total = _number(report.counts.ledger_rows)
        yield _caution("refused_eligible", None, _number(consent.refused_eligible.unexplained), total)
    if _number(consent.undecided_after_deadline.users):
        late = _number(consent.undecided_after_deadline.users)
        yield _caution("undecided_after_deadline", None, late, users)
    if _number(consent.stale.users):
        yield _caution("users_stale", None, _number(consent.stale.users), users)


def _of_comparison(report: Report) -> Iterator[Caution]:
    previous, total = report.previous, _number(report.counts.ledger_rows)
    if previous is None:
        return
    for row in previous.reasons:
        if row.moved is not None and abs(row.moved) > MOVED:
            moved = _caution("reason_moved", row.reason, _number(row.now), total)
            yield msgspec.structs.replace(moved, share=row.moved)
    for tier in previous.new_tiers:
        yield _caution("tier_new", tier, _sessions(report.by_tier, tier), total)
    for surface in previous.new_surfaces:
        yield _caution("surface_new", surface, _sessions(report.by_surface, surface), total)


def _caution(
    code: WarningCode, subject: str | None = None, count: int | None = None, total: int = 0
) -> Caution:
    words = _WORDS[code]
    fraction = None if count is None else share(count, total)
    return Caution(code, words.weight, subject, words.text, count, words.unit, fraction, words.action)


def _sessions(splits: list[Split], value: str) -> int:
    return sum(_number(row.sessions) for row in splits if row.value == value)


def _number(count: Cell) -> int:
    return count if isinstance(count, int) else 0
