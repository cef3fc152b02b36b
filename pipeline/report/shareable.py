"""A report that may be passed on: no count below the threshold is in it, or can be computed from what is.

All tables of sessions are read off one `Disclosed`, so they are sums of the same blocks. Counts that belong
to no table of sessions stand alone, or are left out where they could be subtracted from one that does.
Warnings and failures are made anew from what is left, so they tell nothing that the report does not.
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
from schemas.report import Previous, ReasonMoved, Report, Shareable
from schemas.report_consent import ActiveUsers, Consent, UserCounts
from schemas.report_counts import Cell, Counts, LanguageCount
from schemas.report_masking import Deid, Estimate, Residual
from schemas.strict_yaml import parse_instant
from transforms.output.suppression import Disclosed

LEFT_OUT = ["groups", "retention", "shards", "inputs.records", "deid.by_surface", "estimate.refused"]
_USERS = ("granted", "refused", "undecided", "no_record")


def shareable(report: Report, cells: Sequence[LedgerCell], policy: Policy, config: RunConfig) -> Report:
    """The full report with every small count hidden, and whatever else would tell it; `cells` are behind it.

    Raises PipelineError where eligible sessions are of users who refuse and nothing explains them: that is
    not to be passed on, but to be looked into.
    """
    if report.consent.refused_eligible.unexplained:
        raise PipelineError(
            "consent check: eligible sessions are of users who refuse; see how many without --shareable"
        )
    least = config.audit.min_cell
    told = suppress(cells, policy, _moment(report), least)
    counts = _counts(report, told, least)
    shared = replace(
        report,
        shareable=Shareable(least, mixed_sessions(told), LEFT_OUT),
        inputs=[replace(item, records=None) for item in report.inputs],
        snapshots=replace(
            report.snapshots,
            files=[replace(file, rows=_alone(file.rows, least)) for file in report.snapshots.files],
        ),
        counts=counts,
        funnel=shareable_funnel(report, told, counts),
        reasons=shareable_reasons(report, told, policy),
        groups=[],
        cube=shareable_cube(cells, told),
        by_month=shareable_splits(told, "created_month"),
        by_tier=shareable_splits(told, "tier"),
        by_surface=shareable_splits(told, "surface"),
        by_language=_languages(report, told, least),
        consent=_consent(report, told, least),
        retention=[],
        entities={kind: _alone(number, least) for kind, number in report.entities.items()},
        deid=_deid(report.deid, told, least),
        residual=_residual(report.residual, told, least),
        estimate=_estimate(report.estimate, told, least),
        quarantine=shareable_quarantine(told),
        shards=None,
        previous=_previous(report.previous, told, least),
        warnings=[],
        failed=[],
    )
    shared = replace(shared, warnings=warnings_of(shared, config))
    return replace(shared, failed=failures_of(shared, config))


def _counts(report: Report, told: Disclosed, least: int) -> Counts:
    full, total, eligible = report.counts, told.total, told.exact(reason=ELIGIBLE)
    unreadable = told.exact(standing="unreadable")
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
        decisions=shareable_counts(told, "decision"),
        reasons=shareable_counts(told, "reason"),
    )


def _languages(report: Report, told: Disclosed, least: int) -> list[LanguageCount] | None:
    """By language alone; nothing where their sum would tell how many sessions are eligible."""
    if report.by_language is None or not isinstance(told.exact(reason=ELIGIBLE), int):
        return None
    counts = {(row.language,): _int(row.sessions) for row in report.by_language}
    by_language = Disclosed(counts, ["language"], ["language"], least)
    words = by_language.values("language")
    listed = [LanguageCount(word, by_language.told(language=word), None) for word in words]
    return sorted(listed, key=lambda row: (-_int(row.sessions), str(row.language)))


def _consent(report: Report, told: Disclosed, least: int) -> Consent:
    full = report.consent
    numbers = {(name,): _int(getattr(full.users, name)) for name in _USERS}
    users = Disclosed(numbers, ["state"], ["state"], least, {"state": _USERS}, whole=["state"])
    found = {name: users.exact(state=name) for name in _USERS}
    through = full.refused_eligible
    if through.sessions:  # kept by name: told as any other cell
        cell = told.told(standing="refused", decision="eligible")
        exceptions = [replace(allowed, sessions=cell) for allowed in through.exceptions]
        through = replace(through, sessions=cell, exceptions=exceptions)
    late, stale = full.undecided_after_deadline, full.stale
    return Consent(
        users=UserCounts(**found, total=users.total),
        sessions=shareable_states(told),
        refused_eligible=through,
        undecided_after_deadline=ActiveUsers(
            late.after, _within(late.users, full.users.undecided, found["undecided"], least)
        ),
        stale=ActiveUsers(stale.after, _within(stale.users, full.users.total, users.total, least)),
    )


def _deid(deid: Deid | None, told: Disclosed, least: int) -> Deid | None:
    if deid is None:
        return None
    entities = [
        row if _int(row.count) >= least else replace(row, count=f"<{least}", per_thousand_characters=None)
        for row in deid.entities
    ]
    return replace(deid, sessions=told.exact(reason=ELIGIBLE), entities=entities, by_surface=[])


def _residual(residual: Residual | None, told: Disclosed, least: int) -> Residual | None:
    """Sessions that were looked at are the eligible and the dropped: their number would tell the latter."""
    if residual is None:
        return None
    few = _int(residual.masked_again) < least
    return replace(
        residual,
        sessions=None,
        masked_again=_alone(residual.masked_again, least),
        masked_again_per_million_characters=None if few else residual.masked_again_per_million_characters,
        sessions_masked_again=None,
        sessions_dropped=told.exact(reason=str(Reason.RESIDUAL_PII)),
    )


def _estimate(estimate: Estimate | None, told: Disclosed, least: int) -> Estimate | None:
    """A sample is of all eligible sessions where they are few: its size tells their number."""
    if estimate is None:
        return None
    known = isinstance(told.exact(reason=ELIGIBLE), int)
    entities = {kind: _alone(number, least) for kind, number in estimate.entities.items()}
    sessions = _alone(estimate.sessions, least) if known else None
    return replace(estimate, sessions=sessions, entities=entities, refused={})


def _previous(previous: Previous | None, told: Disclosed, least: int) -> Previous | None:
    """Reasons whose numbers then and now can both be told."""
    if previous is None:
        return None
    counts = {(row.reason,): _int(row.then) for row in previous.reasons}
    before = Disclosed(counts, ["reason"], ["reason"], least, whole=["reason"])
    rows = []
    for row in previous.reasons:
        then, now = before.exact(reason=row.reason), told.exact(reason=row.reason)
        if isinstance(then, int) and isinstance(now, int) and then and now:
            share_then, share_now = share(then, _int(before.total)), share(now, _int(told.total))
            moved = round(share_now - share_then, 6)
            rows.append(ReasonMoved(row.decision, row.reason, then, now, share_then, share_now, moved))
    return replace(
        previous,
        sessions=before.total,
        reasons=sorted(rows, key=lambda row: (-abs(row.moved or 0), row.reason)),
        new_tiers=[tier for tier in previous.new_tiers if _int(told.told(tier=tier))],
        new_surfaces=[name for name in previous.new_surfaces if _int(told.told(surface=name))],
    )


def _within(number: Cell, whole: Cell, told: Cell, least: int) -> Cell:
    """A part of a whole that is told as `told`: neither it nor what it leaves may be small."""
    part, rest = _int(number), _int(whole) - _int(number)
    if not isinstance(told, int):
        return None
    if not told or part < least:
        return f"<{least}" if told else 0
    return part if _is_large(rest, least) else None


def _alone(number: Cell, least: int) -> Cell:
    """A count that no other is a part of, nor part of any."""
    return number if _int(number) >= least else f"<{least}"


def _is_large(number: int, least: int) -> bool:
    return number == 0 or number >= least


def _less(whole: Cell, part: Cell) -> int:
    return _int(whole) - _int(part)


def _int(count: Cell) -> int:
    return count if isinstance(count, int) else 0


def _moment(report: Report) -> dt.datetime:
    return parse_instant(report.as_of)
