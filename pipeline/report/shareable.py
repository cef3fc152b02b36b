"""The shareable report: no count below `audit.min_cell` is in it or can be computed from it.

All tables of sessions are sums of the same blocks of one `PublishableCounts`, so differences reveal nothing.
Other counts are suppressed if they are small, or if they could be subtracted from a count of sessions.
Warnings and failures are computed from the remaining counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from msgspec.structs import replace

from pipeline.report.ledger_counts import LedgerCell
from pipeline.report.previous import share
from pipeline.report.rule_summaries import ELIGIBLE
from pipeline.report.shareable_tables import (
    mixed_sessions,
    shareable_counts,
    shareable_cube,
    shareable_funnel,
    shareable_quarantine,
    shareable_reasons,
    shareable_splits,
    shareable_states,
    suppress,
)
from pipeline.report.thresholds import failures_of
from pipeline.report.warnings import warnings_of
from schemas.config import RunConfig
from schemas.decisions import Reason
from schemas.errors import PipelineError
from schemas.policy import Policy
from schemas.reports.consent import ActiveUsers, Consent, UserCounts
from schemas.reports.counts import Cell, Counts, LanguageCount
from schemas.reports.document import Previous, ReasonMoved, Report, Shareable
from schemas.reports.masking import Deid, Estimate, Residual
from schemas.strict_yaml import parse_instant
from transforms.output.suppression import PublishableCounts

LEFT_OUT = [
    "groups",
    "retention",
    "shards",
    "lists",
    "not_understood",
    "inputs.records",
    "counts.parts",
    "counts.quarantined_parts",
    "deid.by_surface",
    "estimate.refused",
]
_USERS = ("granted", "refused", "undecided", "no_record")


def shareable(report: Report, cells: Sequence[LedgerCell], policy: Policy, config: RunConfig) -> Report:
    """The full report with small counts suppressed, and further counts that would reveal them.

    `cells`: the ledger cells of the report. Raises PipelineError if the report has eligible sessions of users
    who refuse that no setting allows, since such a report must not be shared.
    """
    if report.consent.refused_eligible.unexplained:
        raise PipelineError(
            "consent check: eligible sessions belong to users who refuse; omit --shareable to see how many"
        )
    least = config.audit.min_cell
    table = suppress(cells, policy, _moment(report), least)
    counts = _counts(report, table, least)
    shared = replace(
        report,
        shareable=Shareable(least, mixed_sessions(table), LEFT_OUT),
        inputs=[replace(item, records=None) for item in report.inputs],
        snapshots=replace(
            report.snapshots,
            files=[replace(file, rows=_alone(file.rows, least)) for file in report.snapshots.files],
        ),
        lists=None,
        counts=counts,
        funnel=shareable_funnel(report, table, counts),
        reasons=shareable_reasons(report, table, policy),
        groups=[],
        cube=shareable_cube(cells, table),
        by_month=shareable_splits(table, "created_month"),
        by_tier=shareable_splits(table, "tier"),
        by_surface=shareable_splits(table, "surface"),
        by_language=_languages(report, table, least),
        consent=_consent(report, table, least),
        retention=[],
        entities={kind: _alone(number, least) for kind, number in report.entities.items()},
        deid=_deid(report.deid, table, least),
        residual=_residual(report.residual, table, least),
        estimate=_estimate(report.estimate, table, least),
        quarantine=shareable_quarantine(table),
        not_understood=None,
        shards=None,
        previous=_previous(report.previous, table, least),
        warnings=[],
        failed=[],
    )
    shared = replace(shared, warnings=warnings_of(shared, config))
    return replace(shared, failed=failures_of(shared, config))


def _counts(report: Report, table: PublishableCounts, least: int) -> Counts:
    full, total, eligible = report.counts, table.total, table.exact_count(reason=ELIGIBLE)
    unreadable = table.exact_count(standing="unreadable")
    merged, more_rows = _less(full.records, full.ledger_rows), _less(full.training_rows, eligible)
    rows = full.training_rows if isinstance(eligible, int) and _is_large(more_rows, least) else None
    return Counts(
        records=total + merged if isinstance(total, int) and _is_large(merged, least) else None,
        quarantined_records=unreadable,
        sessions=_less(total, unreadable) if isinstance(total, int) and isinstance(unreadable, int) else None,
        ledger_rows=total,
        training_rows=rows if report.kind == "run" else 0,
        messages_kept=full.messages_kept if isinstance(eligible, int) else None,
        dropped_blocks=_alone(full.dropped_blocks, least),
        decisions=shareable_counts(table, "decision"),
        reasons=shareable_counts(table, "reason"),
        parts=None,
        quarantined_parts=None,
    )


def _languages(report: Report, table: PublishableCounts, least: int) -> list[LanguageCount] | None:
    """Sessions by language; None if their sum would reveal a suppressed count of eligible sessions."""
    if report.by_language is None or not isinstance(table.exact_count(reason=ELIGIBLE), int):
        return None
    counts = {(row.language,): _int(row.sessions) for row in report.by_language}
    by_language = PublishableCounts(counts, ["language"], ["language"], least)
    words = by_language.values("language")
    listed = [LanguageCount(word, by_language.count(language=word), None) for word in words]
    return sorted(listed, key=lambda row: (-_int(row.sessions), str(row.language)))


def _consent(report: Report, table: PublishableCounts, least: int) -> Consent:
    full = report.consent
    numbers = {(name,): _int(getattr(full.users, name)) for name in _USERS}
    users = PublishableCounts(numbers, ["state"], ["state"], least, {"state": _USERS}, whole=["state"])
    found = {name: users.exact_count(state=name) for name in _USERS}
    refused = full.refused_eligible
    if refused.sessions:  # allowed by a setting of the policy: suppressed like any other cell
        cell = table.count(standing="refused", decision="eligible")
        exceptions = [replace(allowed, sessions=cell) for allowed in refused.exceptions]
        refused = replace(refused, sessions=cell, exceptions=exceptions)
    late, stale = full.undecided_after_deadline, full.stale
    return Consent(
        users=UserCounts(**found, total=users.total),
        sessions=shareable_states(table),
        refused_eligible=refused,
        undecided_after_deadline=ActiveUsers(
            late.after, _within(late.users, full.users.undecided, found["undecided"], least)
        ),
        stale=ActiveUsers(stale.after, _within(stale.users, full.users.total, users.total, least)),
    )


def _deid(deid: Deid | None, table: PublishableCounts, least: int) -> Deid | None:
    if deid is None:
        return None
    entities = [
        row if _int(row.count) >= least else replace(row, count=f"<{least}", per_thousand_characters=None)
        for row in deid.entities
    ]
    return replace(deid, sessions=table.exact_count(reason=ELIGIBLE), entities=entities, by_surface=[])


def _residual(residual: Residual | None, table: PublishableCounts, least: int) -> Residual | None:
    """The residual check without `sessions`, from which the number of dropped sessions could be computed."""
    if residual is None:
        return None
    few = _int(residual.masked_again) < least
    return replace(
        residual,
        sessions=None,
        masked_again=_alone(residual.masked_again, least),
        masked_again_per_million_characters=None if few else residual.masked_again_per_million_characters,
        sessions_masked_again=None,
        sessions_dropped=table.exact_count(reason=str(Reason.RESIDUAL_PII)),
    )


def _estimate(estimate: Estimate | None, table: PublishableCounts, least: int) -> Estimate | None:
    """The estimate. A small sample can be all eligible sessions, so its size is suppressed with theirs."""
    if estimate is None:
        return None
    known = isinstance(table.exact_count(reason=ELIGIBLE), int)
    entities = {kind: _alone(number, least) for kind, number in estimate.entities.items()}
    sessions = _alone(estimate.sessions, least) if known else None
    return replace(estimate, sessions=sessions, entities=entities, refused={})


def _previous(previous: Previous | None, table: PublishableCounts, least: int) -> Previous | None:
    """The comparison, with reasons whose counts are not suppressed in either run."""
    if previous is None:
        return None
    counts = {(row.reason,): _int(row.then) for row in previous.reasons}
    before = PublishableCounts(counts, ["reason"], ["reason"], least, whole=["reason"])
    rows = []
    for row in previous.reasons:
        then, now = before.exact_count(reason=row.reason), table.exact_count(reason=row.reason)
        if isinstance(then, int) and isinstance(now, int) and then and now:
            share_then, share_now = share(then, _int(before.total)), share(now, _int(table.total))
            moved = round(share_now - share_then, 6)
            rows.append(ReasonMoved(row.decision, row.reason, then, now, share_then, share_now, moved))
    return replace(
        previous,
        sessions=before.total,
        reasons=sorted(rows, key=lambda row: (-abs(row.moved or 0), row.reason)),
        new_tiers=[tier for tier in previous.new_tiers if _int(table.count(tier=tier))],
        new_surfaces=[name for name in previous.new_surfaces if _int(table.count(surface=name))],
    )


def _within(number: Cell, whole: Cell, shown_whole: Cell, least: int) -> Cell:
    """A part of a whole that is printed as `shown_whole`; suppressed if it or the rest is small."""
    part, rest = _int(number), _int(whole) - _int(number)
    if not isinstance(shown_whole, int):
        return None
    if not shown_whole or part < least:
        return f"<{least}" if shown_whole else 0
    return part if _is_large(rest, least) else None


def _alone(number: Cell, least: int) -> Cell:
    """A count that is not a part of another one and has no parts."""
    return number if _int(number) >= least else f"<{least}"


def _is_large(number: int, least: int) -> bool:
    return number == 0 or number >= least


def _less(whole: Cell, part: Cell) -> int:
    return _int(whole) - _int(part)


def _int(count: Cell) -> int:
    return count if isinstance(count, int) else 0


def _moment(report: Report) -> dt.datetime:
    return parse_instant(report.as_of)
