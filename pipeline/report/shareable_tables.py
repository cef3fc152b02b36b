"""The tables of sessions in a shareable report, all computed from one `PublishableCounts`."""

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
from schemas.reports.consent import StateCount
from schemas.reports.counts import MIXED, Cell, Counts, Cube, QuarantineCount, ReasonCount, Split, Step
from schemas.reports.document import Report
from transforms.decide.labels import UNKNOWN
from transforms.output.counts import KEYS, month_names
from transforms.output.suppression import PublishableCounts

#: The order in which columns are merged when cells are too small: the month first.
_ORDER = ("created_month", "surface", "tier", "standing", "basis", "reason", "decision")
#: The combinations of columns that the report shows, besides each single column.
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


def suppress(
    cells: Sequence[LedgerCell], policy: Policy, as_of: dt.datetime, least: int
) -> PublishableCounts:
    """The cells, with small counts merged or suppressed.

    Values that follow from the policy, the program or `as_of` may be shown with a label such as "<10". Other
    values may not: the value itself would reveal that such a session exists.
    """
    counts = summed(_named(cells), KEYS)
    values = {
        "decision": [str(decision) for decision in Decision],
        "reason": [ELIGIBLE, *REASONS_IN_ORDER, *QUARANTINE_SUMMARIES],
        "standing": STATES,
        "tier": [*policy.tiers.included, *policy.tiers.excluded, UNKNOWN],
        "surface": [*policy.surfaces.included, *policy.surfaces.excluded, UNKNOWN],
        "created_month": month_names(as_of),
    }
    return PublishableCounts(counts, KEYS, _ORDER, least, values, _TABLES, ("decision", "reason", "standing"))


def mixed_sessions(table: PublishableCounts) -> int:
    """The number of sessions with MIXED in some column of the cube."""
    places = [KEYS.index(name) for name in CUBE[:5]]
    return sum(block.sessions for block in table.blocks if any(block.key[place] == MIXED for place in places))


def shareable_counts(table: PublishableCounts, column: str) -> dict[str, Cell]:
    """The exact count of each value of a column, and the count of merged values under MIXED."""
    values = sorted(table.values(column) - {MIXED})
    mixed_in = {value: table.count(**{column: value}) for value in table.values(column) & {MIXED}}
    return {value: table.exact_count(**{column: value}) for value in values} | mixed_in


def shareable_reasons(report: Report, table: PublishableCounts, policy: Policy) -> list[ReasonCount]:
    """A row per reason that can be shown, the most frequent first; messages only if its count is exact."""
    full = {row.reason: row for row in report.reasons}
    rows = []
    for reason in table.values("reason") - {MIXED}:
        number, clause, summary = rule_summary(reason, policy)
        row = full.get(reason) if _some(table.exact_count(reason=reason)) else None
        seen, kept = (row.messages_seen, row.messages_kept) if row else (None, None)
        decision, sessions = str(decision_of(reason)), table.count(reason=reason)
        rows.append(ReasonCount(decision, reason, clause, number, summary, sessions, seen, kept))
    rows.sort(key=lambda row: (-_some(row.sessions), row.decision, row.reason))
    for decision in sorted(table.values("decision")):
        sessions = table.count(decision=decision, reason=MIXED)
        if _some(sessions):
            rows.append(ReasonCount(decision, MIXED, None, None, _NOT_APART, sessions, None, None))
    return rows


def shareable_cube(cells: Sequence[LedgerCell], table: PublishableCounts) -> Cube:
    """The blocks; messages only where the reason is not merged."""
    kept_of = summed(_named(cells), KEYS, "messages_kept")
    sessions: collections.Counter[tuple[Any, ...]] = collections.Counter()
    kept: collections.Counter[tuple[Any, ...]] = collections.Counter()
    places = [KEYS.index(name) for name in CUBE[:5]]
    for block in table.blocks:
        key = tuple(block.key[place] for place in places)
        sessions[key] += block.sessions
        kept[key] += sum(kept_of[cell] for cell in block.cells)
    order = sorted(sessions, key=lambda key: [str(part) for part in key])
    rows = [[*key, sessions[key], None if key[0] == MIXED else kept[key]] for key in order]
    return Cube(list(CUBE), rows if _some(table.total) else [])


def shareable_splits(table: PublishableCounts, column: str) -> list[Split]:
    """Sessions by decision for each value of a column that can be shown, MIXED last.

    Months range from the first to the last that has a count.
    """
    values = sorted(table.values(column) - {MIXED}, key=value_order)
    if column == "created_month":
        shown = [place for place, value in enumerate(values) if _some(table.count(created_month=value))]
        values = values[shown[0] : shown[-1] + 1] if shown else []
    rows = []
    for value in [*values, *({MIXED} & table.values(column))]:
        counts = {str(d): table.count(**{column: value, "decision": str(d)}) for d in Decision}
        rows.append(Split(value=value, **counts, sessions=table.count(**{column: value})))
    return rows


def shareable_states(table: PublishableCounts) -> list[StateCount]:
    """Sessions by consent state of the user, decision and basis."""
    found: collections.Counter[tuple[Any, ...]] = collections.Counter()
    places = [KEYS.index(name) for name in ("standing", "decision", "basis")]
    for block in table.blocks:
        found[tuple(block.key[place] for place in places)] += block.sessions
    order = sorted(found, key=lambda key: [str(part) for part in key])
    if not _some(table.total):
        return []
    return [
        StateCount(state, decision, basis, found[state, decision, basis]) for state, decision, basis in order
    ]


def shareable_quarantine(table: PublishableCounts) -> list[QuarantineCount]:
    """Quarantined records and sessions by code."""
    codes = sorted(reason for reason in table.values("reason") - {MIXED} if reason in QUARANTINE_SUMMARIES)
    return [QuarantineCount(code, table.count(reason=code), None) for code in codes]


def shareable_funnel(report: Report, table: PublishableCounts, counts: Counts) -> list[Step]:
    """The steps; `left` is computed from both ends, up to the first suppressed step."""
    codes = sorted(table.values("reason") - {MIXED, *REASONS_IN_ORDER, ELIGIBLE})
    steps: list[Step] = []
    for step in report.funnel:
        if step.step == "merged":
            for code in codes:
                dropped = table.exact_count(reason=code)
                steps.append(
                    Step("unreadable", "records", code, 0, None, QUARANTINE_SUMMARIES[code], dropped, None)
                )
            merged = counts.records, counts.ledger_rows
            steps.append(replace(step, dropped=_less(*merged), left=counts.sessions))
        elif step.step == "rule":
            steps.append(replace(step, dropped=table.exact_count(reason=step.reason), left=None))
        elif step.step == "eligible":
            steps.append(replace(step, left=table.exact_count(reason=ELIGIBLE)))
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
    """The count, or 0 if it is suppressed."""
    return count if isinstance(count, int) else 0


def _left(step: Step, left: Cell) -> Step:
    return replace(step, left=left) if step.left is None and step.step != "rows" else step


def _less(whole: Cell, part: Cell) -> Cell:
    return whole - part if isinstance(whole, int) and isinstance(part, int) else None


def _more(whole: Cell, part: Cell) -> Cell:
    return whole + part if isinstance(whole, int) and isinstance(part, int) else None
