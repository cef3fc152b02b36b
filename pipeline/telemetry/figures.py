"""The metrics of a committed version, from its report and manifest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from schemas.decisions import Reason, decision_of
from schemas.manifest import Manifest
from schemas.reports.counts import Cell, Counts
from schemas.reports.document import Failure, Report, WarningCode
from schemas.strict_yaml import parse_instant
from schemas.telemetry import metrics
from schemas.telemetry.metrics import Metric, Sample


def samples_of(report: Report, manifest: Manifest, committed_at: dt.datetime) -> Iterator[Sample]:
    """One sample or more of each metric of a version; `report` has all counts, none is suppressed."""
    as_of, known_until = parse_instant(report.as_of), parse_instant(report.known_until)
    counts, consent = report.counts, report.consent
    yield _one(metrics.DATASET_VERSION, manifest.dataset_version)
    yield _one(metrics.AS_OF, as_of.timestamp())
    yield _one(metrics.LATENESS, (committed_at - as_of).total_seconds())
    yield _one(metrics.SNAPSHOT_TIME, known_until.timestamp())
    yield _one(metrics.SNAPSHOT_AGE, report.snapshots.age_seconds)
    yield _one(metrics.INPUT_FILES, sum(each.files for each in report.inputs))
    yield _one(metrics.INPUT_SIZE, sum(each.bytes for each in report.inputs))
    yield from _days(manifest.arguments["inputs"])
    yield _one(metrics.RECORDS, number(counts.records))
    yield _one(metrics.QUARANTINED_RECORDS, number(counts.quarantined_records))
    yield _one(metrics.QUARANTINED_SHARE, _quarantined_share(counts))
    yield _one(metrics.QUARANTINED_LIMIT, manifest.arguments["limits"]["max_quarantined_fraction"])
    yield _one(metrics.TRAINING_ROWS, number(counts.training_rows))
    yield _one(metrics.MESSAGES_KEPT, number(counts.messages_kept))
    yield from _sessions(counts.reasons)
    for state in ("granted", "refused", "undecided", "no_record"):
        yield Sample(metrics.USERS, (state,), number(getattr(consent.users, state)))
    allowed = {"prior_contributions": 0} | {
        each.name: number(each.sessions) for each in consent.refused_eligible.exceptions
    }
    refused = {**allowed, "nothing": number(consent.refused_eligible.unexplained)}
    yield from _labelled(metrics.REFUSED_ELIGIBLE, refused)
    yield _one(metrics.UNDECIDED_USERS, number(consent.undecided_after_deadline.users))
    yield _one(metrics.STALE_USERS, number(consent.stale.users))
    if report.previous is not None:
        for row in report.previous.reasons:
            yield Sample(metrics.REASON_MOVED, (row.reason,), row.moved or 0)
    if report.residual is not None:
        residual = {
            "masked_again": number(report.residual.sessions_masked_again),
            "dropped": number(report.residual.sessions_dropped),
        }
        yield from _labelled(metrics.RESIDUAL_SESSIONS, residual)
    yield from _labelled(metrics.MASKED_SPANS, manifest.entities)
    found = [warning.code for warning in report.warnings]
    yield from _labelled(metrics.WARNINGS, {code: found.count(code) for code in get_args(WarningCode)})
    yield _one(metrics.THRESHOLDS_CROSSED, len(report.failed))


def unchanged_samples(manifest: Manifest, failed: Sequence[Failure]) -> Iterator[Sample]:
    """What holds of a current version to which a run added nothing: its number, snapshot and thresholds."""
    yield _one(metrics.DATASET_VERSION, manifest.dataset_version)
    yield _one(metrics.SNAPSHOT_TIME, parse_instant(manifest.known_until).timestamp())
    yield _one(metrics.THRESHOLDS_CROSSED, len(failed))


def number(count: Cell) -> int:
    """The count; 0 for one that is suppressed."""
    return count if isinstance(count, int) else 0


def _days(inputs: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    """What the windows of inputs with dates in their paths cover."""
    windows = [each["window"] for each in inputs if "window" in each]
    yield _one(metrics.MISSING_DATES, sum(len(window["days_without_files"]) for window in windows))
    if windows:
        newest = max(dt.date.fromisoformat(window["last"]) for window in windows)
        start = dt.datetime.combine(newest, dt.time(), dt.UTC)
        yield _one(metrics.NEWEST_DAY, start.timestamp())


def _quarantined_share(counts: Counts) -> float:
    """The larger share of what limits.max_quarantined_fraction limits: of records, and of their parts."""
    parts, unreadable = number(counts.parts), number(counts.quarantined_parts)
    records = number(counts.records) - unreadable
    return max(
        (number(counts.quarantined_records) - unreadable) / records if records else 0,
        unreadable / parts if parts else 0,
    )


def _sessions(reasons: Mapping[str, Cell]) -> Iterator[Sample]:
    """Every reason, so that a series does not end when no session has it; quarantine codes if any has."""
    for reason in {str(each): None for each in (*Reason, *reasons)}:
        labels = (str(decision_of(reason)), reason)
        yield Sample(metrics.SESSIONS, labels, number(reasons.get(reason, 0)))


def _one(metric: Metric, value: float) -> Sample:
    return Sample(metric, (), value)


def _labelled(metric: Metric, values: Mapping[str, int]) -> Iterator[Sample]:
    for label, value in values.items():
        yield Sample(metric, (label,), value)
