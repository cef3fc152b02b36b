"""The ledger as a small table of counts (cells), and the report tables that are sums of its cells."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pipeline.report.rule_summaries import ELIGIBLE, REASONS_IN_ORDER, rule_summary
from schemas.decisions import Decision
from schemas.policy import Policy
from schemas.reports.counts import EARLIER, LATER, Cube, Group, QuarantineCount, ReasonCount, Split, Step
from transforms.output.counts import KEYS, MEASURES

#: Entries of files and counts that the graph wrote, by kind; see `transforms.shuffle.entries`.
Catalog = dict[str, list[dict[str, Any]]]
#: The columns of the cube.
CUBE = ("reason", "tier", "surface", "created_month", "basis", "sessions", "messages_kept")


class LedgerCell(NamedTuple):
    """The number of ledger rows with equal KEYS (`transforms.output.counts`), and of their messages.

    `standing`: the consent status of the user; None for a record that could not be read.
    """

    decision: str
    reason: str
    tier: str | None
    surface: str | None
    created_month: str | None
    basis: str | None
    standing: str | None
    sessions: int
    messages_seen: int
    messages_kept: int


def cells_of(catalog: Catalog) -> list[LedgerCell]:
    """The cells of all ledger parts, with equal keys added up, in a fixed order."""
    total: dict[tuple[Any, ...], list[int]] = {}
    for part in catalog.get("ledger", []):
        columns = [part["cells"][name] for name in (*KEYS, *MEASURES)]
        for row in zip(*columns, strict=True):
            key, numbers = row[: len(KEYS)], row[len(KEYS) :]
            held = total.setdefault(key, [0] * len(MEASURES))
            total[key] = [a + b for a, b in zip(held, numbers, strict=True)]
    ordered = sorted(total.items(), key=lambda item: [str(value) for value in item[0]])
    return [LedgerCell(*key, *numbers) for key, numbers in ordered]


def summed(cells: Iterable[LedgerCell], names: Sequence[str], measure: str = "sessions") -> dict[Any, int]:
    """The sum of `measure` by the values of columns: a tuple, or the value itself for a single column."""
    total: collections.Counter[Any] = collections.Counter()
    for cell in cells:
        key = tuple(getattr(cell, name) for name in names)
        total[key if len(names) > 1 else key[0]] += getattr(cell, measure)
    return dict(total)


def reasons_of(cells: Sequence[LedgerCell], policy: Policy) -> list[ReasonCount]:
    """A row per reason, the most frequent first."""
    seen, kept = (summed(cells, ["reason"], name) for name in ("messages_seen", "messages_kept"))
    rows = []
    for (decision, reason), sessions in summed(cells, ["decision", "reason"]).items():
        rule = rule_summary(reason, policy)
        rows.append(
            ReasonCount(
                decision,
                reason,
                rule.clause,
                rule.number,
                rule.summary,
                sessions,
                seen[reason],
                kept[reason],
            )
        )
    return sorted(rows, key=lambda row: (-int(row.sessions or 0), row.decision, row.reason))


def groups_of(cells: Sequence[LedgerCell]) -> list[Group]:
    """Sessions by decision, reason, tier and surface, in order of their names."""
    found = summed(cells, ["decision", "reason", "tier", "surface"])
    rows = sorted(found.items(), key=lambda item: [str(part) for part in item[0]])
    return [Group(decision, reason, tier, surface, n) for (decision, reason, tier, surface), n in rows]


def cube_of(cells: Sequence[LedgerCell]) -> Cube:
    """The cells, summed over the consent status."""
    keys = CUBE[:5]
    sessions, kept = summed(cells, keys), summed(cells, keys, "messages_kept")
    order = sorted(sessions, key=lambda key: [str(part) for part in key])
    return Cube(list(CUBE), [[*key, sessions[key], kept[key]] for key in order])


def splits_of(cells: Sequence[LedgerCell], name: str) -> list[Split]:
    """Sessions by decision for each value of the column `name`, in order; months from the oldest."""
    found = summed(cells, [name, "decision"])
    values = sorted({value for value, _ in found}, key=value_order)
    rows = []
    for value in values:
        counts = {str(decision): found.get((value, str(decision)), 0) for decision in Decision}
        rows.append(Split(value=value, **counts, sessions=sum(counts.values())))
    return rows


def quarantine_of(cells: Sequence[LedgerCell], catalog: Catalog) -> list[QuarantineCount]:
    """Quarantined records and sessions by code; bytes for records that could not be read."""
    sizes: collections.Counter[str] = collections.Counter()
    for part in catalog.get("ledger", []):
        for code, _, size in part["unreadable"]:
            sizes[code] += size
    found = summed((cell for cell in cells if cell.decision == Decision.QUARANTINED), ["reason"])
    return [QuarantineCount(code, found[code], sizes.get(code)) for code in sorted(found)]


def funnel_of(
    cells: Sequence[LedgerCell], policy: Policy, records: int, training_rows: int | None
) -> list[Step]:
    """All steps from records to eligible sessions, and to training rows unless `training_rows` is None."""
    unreadable = summed((cell for cell in cells if cell.standing is None), ["reason"])
    reasons = summed((cell for cell in cells if cell.standing is not None), ["reason"])
    sessions = sum(reasons.values())
    left = records
    steps = [Step("start", "records", None, None, None, "Records read", 0, left)]
    for code, dropped in sorted(unreadable.items()):
        left -= dropped
        rule = rule_summary(code, policy)
        steps.append(Step("unreadable", "records", code, 0, rule.clause, rule.summary, dropped, left))
    merged, left = left - sessions, sessions
    summary = "Records of one session, taken as one"
    steps.append(Step("merged", "sessions", None, None, None, summary, merged, left))
    for reason in REASONS_IN_ORDER:
        dropped = reasons.get(reason, 0)
        left -= dropped
        number, clause, summary = rule_summary(reason, policy)
        steps.append(Step("rule", "sessions", reason, number, clause, summary, dropped, left))
    eligible = rule_summary(ELIGIBLE, policy)
    steps.append(Step("eligible", "sessions", ELIGIBLE, None, eligible.clause, "Eligible sessions", 0, left))
    if training_rows is not None:
        steps.append(Step("rows", "rows", None, None, None, "Training rows written", 0, training_rows))
    return steps


def value_order(value: str | None) -> tuple[int, str]:
    """A sort key: no value, "earlier", the values, "later"."""
    place = {None: 0, EARLIER: 1, LATER: 3}.get(value, 2)
    return (place, value or "")
