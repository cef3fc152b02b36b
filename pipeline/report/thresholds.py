"""Checks the thresholds of the configuration (`audit.fail_if`) against a report."""

from __future__ import annotations

from collections.abc import Iterator

import isodate

from pipeline.report.previous import share
from pipeline.report.units import counted
from schemas.config import RunConfig
from schemas.reports.counts import Cell, Counts
from schemas.reports.document import Failure, Report
from schemas.sections.audit import FailIf
from schemas.strict_yaml import parse_instant
from transforms.shuffle.instants import later

_KEY = "audit.fail_if"


def failures_of(report: Report, config: RunConfig) -> list[Failure]:
    """The crossed thresholds; counts that a shareable report suppresses are not checked."""
    fail_if = config.audit.fail_if
    found = [
        _limits(report, config),
        _nothing_read(report),
        _shares(report, fail_if),
        _numbers(report, fail_if),
        _moved(report, fail_if),
        _age(report, fail_if),
        _warnings(report, fail_if),
    ]
    return [failure for some in found for failure in some]


def crossed_line(failure: Failure, kind: str) -> str:
    """A crossed threshold as `run` and `audit` print it."""
    if failure.threshold.startswith("limits."):
        written = "dataset" if kind == "run" else "audit"
        return f"{failure.text}. The {written} was written; see quarantine/."
    return f"{failure.text} ({failure.threshold})"


def _limits(report: Report, config: RunConfig) -> Iterator[Failure]:
    key, limit = "limits.max_quarantined_fraction", config.limits.max_quarantined_fraction
    for what, quarantined, total in unreadable_of(report.counts):
        if quarantined > limit * total:
            text = f"{quarantined} of {total} {what} could not be read; {key} is {limit:g}"
            yield Failure(key, limit, share(quarantined, total), text)


def _nothing_read(report: Report) -> Iterator[Failure]:
    """Inputs of spans with content, of which nothing is read."""
    for number, item in enumerate(report.inputs):
        if item.format == "otel-genai" and item.bytes and item.records == 0:
            text = f"no span or log record of inputs[{number}] has messages in a form that is known"
            yield Failure(f"inputs[{number}]", 1, 0, text)


def unreadable_of(counts: Counts) -> Iterator[tuple[str, int, int]]:
    """What `limits.max_quarantined_fraction` compares: how many could not be read, of how many.

    Records that could not be read, of all records; a file that is cut off or cannot be read is one. Apart
    from them, lines and messages that a session is read without, of all lines and messages.
    """
    parts = _number(counts.quarantined_parts)
    if isinstance(counts.records, int):
        yield "records", _number(counts.quarantined_records) - parts, counts.records - parts
    yield "lines or messages", parts, _number(counts.parts)


def _shares(report: Report, fail_if: FailIf) -> Iterator[Failure]:
    total, counts, least = report.counts.ledger_rows, report.counts, fail_if.min_eligible_share
    eligible = counts.decisions.get("eligible", 0)
    if not isinstance(total, int):
        return
    if (
        least is not None
        and isinstance(eligible, int)
        and (eligible < least * total or (least and not total))
    ):
        text = f"{_part(eligible, total)} are eligible, less than {_percent(least)}"
        yield Failure(f"{_KEY}.min_eligible_share", least, share(eligible, total), text)
    limits = {f"max_share.{word}": (word, limit) for word, limit in fail_if.max_share.items()}
    by_decision = {"quarantined": fail_if.max_quarantined_share, "deferred": fail_if.max_deferred_share}
    limits |= {f"max_{word}_share": (word, limit) for word, limit in by_decision.items() if limit is not None}
    of = {**counts.reasons, **counts.decisions}
    for key, (word, limit) in limits.items():
        number = _number(of.get(word))
        if number > limit * total:
            text = f"{_part(number, total)} are {word}, more than {_percent(limit)}"
            yield Failure(f"{_KEY}.{key}", limit, share(number, total), text)


def _numbers(report: Report, fail_if: FailIf) -> Iterator[Failure]:
    total, least, consent = report.counts.ledger_rows, fail_if.min_sessions, report.consent
    if least is not None and isinstance(total, int) and total < least:
        text = f"{counted(total, 'sessions')} {'was' if total == 1 else 'were'} read, fewer than {least}"
        yield Failure(f"{_KEY}.min_sessions", least, total, text)
    counts = (
        (
            "max_undecided_users_after_deadline",
            consent.undecided_after_deadline.users,
            "undecided users",
            "wrote after the deadline",
        ),
        ("max_stale_users", consent.stale.users, "users", "wrote after the newest consent snapshot"),
        (
            "refused_eligible",
            consent.refused_eligible.unexplained,
            "eligible sessions",
            "of users who refuse, kept by no rule of the policy",
        ),
    )
    for key, count, unit, what in counts:
        limit, number = getattr(fail_if, key), _number(count)
        if limit is not None and number > limit:
            text = f"{counted(number, unit)} {what}, more than {limit}"
            yield Failure(f"{_KEY}.{key}", limit, number, text)


def _moved(report: Report, fail_if: FailIf) -> Iterator[Failure]:
    limit = fail_if.max_moved_share
    if limit is None or report.previous is None:
        return
    for row in report.previous.reasons:
        if row.moved is not None and abs(row.moved) > limit:
            then, now = _percent(row.then_share or 0), _percent(row.now_share or 0)
            text = f"the share of {row.reason} moved from {then} to {now}, by more than {_percent(limit)}"
            yield Failure(f"{_KEY}.max_moved_share", limit, row.moved, text)


def _age(report: Report, fail_if: FailIf) -> Iterator[Failure]:
    age = fail_if.max_snapshot_age
    if age is not None and later(parse_instant(report.known_until), age) < parse_instant(report.as_of):
        words = isodate.duration_isoformat(age)
        text = f"the newest consent snapshot is of {report.known_until}, older than {words} at {report.as_of}"
        yield Failure(f"{_KEY}.max_snapshot_age", words, report.snapshots.age_seconds, text)


def _warnings(report: Report, fail_if: FailIf) -> Iterator[Failure]:
    for warning in report.warnings:
        if warning.code in fail_if.warnings:
            about = f" ({warning.subject})" if warning.subject else ""
            text = f"warning {warning.code}{about}: {warning.text}"
            yield Failure(f"{_KEY}.warnings", warning.code, None, text)


def _part(number: int, total: int) -> str:
    return f"{number} of {counted(total, 'sessions')}, {_percent(share(number, total))},"


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.4g} %"


def _number(count: Cell) -> int:
    return count if isinstance(count, int) else 0
