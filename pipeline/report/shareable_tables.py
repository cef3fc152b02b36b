"""The tables of sessions of a shareable report, all read off one `Disclosed`."""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from pipeline.report.consent import STATES, UNREADABLE
from pipeline.report.ledger_counts import CUBE, LedgerCell, summed, value_order
from pipeline.report.rule_summaries import ELIGIBLE, QUARANTINE_SUMMARIES, REASONS_IN_ORDER, rule_summary
from schemas.decisions import Decision, decision_of
from schemas.policy import Policy
from schemas.report import Report
from schemas.report_consent import StateCount
from schemas.report_counts import MIXED, Cell, Counts, Cube, QuarantineCount, ReasonCount, Split, Step
from transforms.decide.labels import UNKNOWN
from transforms.output.counts import KEYS, month_words
from transforms.output.suppression import Disclosed

#: What is given up first where cells are too small: the month, then what else tells sessions apart.
_ORDER = ("created_month", "surface", "tier", "standing", "basis", "reason", "decision")
#: What a reader is shown besides each column by itself.
_TABLES = (
    ("tier", "decision"),
    ("surface", "decision"),
    ("created_month", "decision"),
    ("standing", "decision"),
    ("standing", "decision", "basis"),
    ("reason", "standing"),
    CUBE[:5],
)
_NOT_APART = "Reasons that are not told apart"


def suppress(cells: Sequence[LedgerCell], policy: Policy, as_of: dt.datetime, least: int) -> Disclosed:
    """What may be told of the sessions; values that policy, program and `as_of` imply can be labelled."""
    counts = summed(_named(cells), KEYS)
    values = {
        "decision": [str(decision) for decision in Decision],
        "reason": [ELIGIBLE, *REASONS_IN_ORDER, *QUARANTINE_SUMMARIES],
        "standing": STATES,
        "tier": [*policy.tiers.included, *policy.tiers.excluded, UNKNOWN],
        "surface": [*policy.surfaces.included, *policy.surfaces.excluded, UNKNOWN],
        "created_month": month_words(as_of),
    }
    return Disclosed(counts, KEYS, _ORDER, least, values, _TABLES, ("decision", "reason", "standing"))


def mixed_sessions(told: Disclosed) -> int:
    """How many sessions are not told apart in some column of the cube."""
    places = [KEYS.index(name) for name in CUBE[:5]]
    return sum(block.sessions for block in told.blocks if any(block.key[place] == MIXED for place in places))


def shareable_counts(told: Disclosed, column: str) -> dict[str, Cell]:
    """The count of each value of a column, as far as it is exact, and what is not told apart under MIXED."""
    values = sorted(told.values(column) - {MIXED})
    mixed_in = {value: told.told(**{column: value}) for value in told.values(column) & {MIXED}}
    return {value: told.exact(**{column: value}) for value in values} | mixed_in


def shareable_reasons(report: Report, told: Disclosed, policy: Policy) -> list[ReasonCount]:
    """Every reason that may be told of, the most frequent first; messages only where its number is exact."""
    full = {row.reason: row for row in report.reasons}
    rows = []
    for reason in told.values("reason") - {MIXED}:
        number, clause, summary = rule_summary(reason, policy)
        row = full.get(reason) if _some(told.exact(reason=reason)) else None
        seen, kept = (row.messages_seen, row.messages_kept) if row else (None, None)
        decision, sessions = str(decision_of(reason)), told.told(reason=reason)
        rows.append(ReasonCount(decision, reason, clause, number, summary, sessions, seen, kept))
    rows.sort(key=lambda row: (-_some(row.sessions), row.decision, row.reason))
    for decision in sorted(told.values("decision")):
        sessions = told.told(decision=decision, reason=MIXED)
        if _some(sessions):
            rows.append(ReasonCount(decision, MIXED, None, None, _NOT_APART, sessions, None, None))
    return rows


def shareable_cube(cells: Sequence[LedgerCell], told: Disclosed) -> Cube:
    """The blocks; messages of those whose reason is told."""
    kept_of = summed(_named(cells), KEYS, "messages_kept")
    sessions: collections.Counter[tuple[Any, ...]] = collections.Counter()
    kept: collections.Counter[tuple[Any, ...]] = collections.Counter()
    places = [KEYS.index(name) for name in CUBE[:5]]
    for block in told.blocks:
        key = tuple(block.key[place] for place in places)
        sessions[key] += block.sessions
        kept[key] += sum(kept_of[cell] for cell in block.cells)
    order = sorted(sessions, key=lambda key: [str(part) for part in key])
    rows = [[*key, sessions[key], None if key[0] == MIXED else kept[key]] for key in order]
    return Cube(list(CUBE), rows if _some(told.total) else [])


def shareable_splits(told: Disclosed, column: str) -> list[Split]:
    """Sessions by decision for each value of a column that may be told of, MIXED last.

    Of months, those from the first that is told to the last.
    """
    values = sorted(told.values(column) - {MIXED}, key=value_order)
    if column == "created_month":
        shown = [place for place, value in enumerate(values) if _some(told.told(created_month=value))]
        values = values[shown[0] : shown[-1] + 1] if shown else []
    rows = []
    for value in [*values, *({MIXED} & told.values(column))]:
        counts = {str(d): told.told(**{column: value, "decision": str(d)}) for d in Decision}
        rows.append(Split(value=value, **counts, sessions=told.told(**{column: value})))
    return rows


def shareable_states(told: Disclosed) -> list[StateCount]:
    """Sessions by where their user stands, decision and basis."""
    found: collections.Counter[tuple[Any, ...]] = collections.Counter()
    places = [KEYS.index(name) for name in ("standing", "decision", "basis")]
    for block in told.blocks:
        found[tuple(block.key[place] for place in places)] += block.sessions
    order = sorted(found, key=lambda key: [str(part) for part in key])
    if not _some(told.total):
        return []
    return [
        StateCount(state, decision, basis, found[state, decision, basis]) for state, decision, basis in order
    ]


def shareable_quarantine(told: Disclosed) -> list[QuarantineCount]:
    """Quarantined records and sessions by code."""
    codes = sorted(reason for reason in told.values("reason") - {MIXED} if reason in QUARANTINE_SUMMARIES)
    return [QuarantineCount(code, told.told(reason=code), None) for code in codes]


def shareable_funnel(report: Report, told: Disclosed, counts: Counts) -> list[Step]:
    """The steps; what is left is told from the start to the first step that is not, and back from the end."""
    codes = sorted(told.values("reason") - {MIXED, *REASONS_IN_ORDER, ELIGIBLE})
    steps: list[Step] = []
    for step in report.funnel:
        if step.step == "merged":
            for code in codes:
                dropped = told.exact(reason=code)
                steps.append(
                    Step("unreadable", "records", code, 0, None, QUARANTINE_SUMMARIES[code], dropped, None)
                )
            merged = counts.records, counts.ledger_rows
            steps.append(replace(step, dropped=_less(*merged), left=counts.sessions))
        elif step.step == "rule":
            steps.append(replace(step, dropped=told.exact(reason=step.reason), left=None))
        elif step.step == "eligible":
            steps.append(replace(step, left=told.exact(reason=ELIGIBLE)))
        elif step.step != "unreadable":
            steps.append(replace(step, left=counts.records if step.step == "start" else counts.training_rows))
    for place in range(1, len(steps)):
        steps[place] = _left(steps[place], _less(steps[place - 1].left, steps[place].dropped))
    for place in range(len(steps) - 1, 0, -1):
        if steps[place].step in ("rule", "eligible"):
            steps[place - 1] = _left(steps[place - 1], _more(steps[place].left, steps[place].dropped))
    return steps


def _named(cells: Sequence[LedgerCell]) -> Iterator[LedgerCell]:
    return (cell._replace(standing=cell.standing or UNREADABLE) for cell in cells)


def _some(count: Cell) -> int:
    """The number of sessions that a count tells of."""
    return count if isinstance(count, int) else 0


def _left(step: Step, left: Cell) -> Step:
    return replace(step, left=left) if step.left is None and step.step != "rows" else step


def _less(whole: Cell, part: Cell) -> Cell:
    return whole - part if isinstance(whole, int) and isinstance(part, int) else None


def _more(whole: Cell, part: Cell) -> Cell:
    return whole + part if isinstance(whole, int) and isinstance(part, int) else None
