"""The result of `chatsieve run` and `chatsieve audit`, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.cli.terminal.increment import increment_lines
from pipeline.commands.commit import Outcome
from pipeline.report.unlisted import UNLISTED

_COLUMNS = 80
#: How many warnings are printed, the most important first; the report has all.
_WARNINGS = 3


def terminal() -> Console:
    """A console on standard error, at most 80 columns wide."""
    console = Console(stderr=True, highlight=False, markup=False)
    console.width = min(_COLUMNS, console.width)
    return console


def print_summary(outcome: Outcome, console: Console) -> None:
    """Prints decisions by reason, replaced spans, warnings, and the paths of the output."""
    report, counts = outcome.report, outcome.manifest.counts
    console.print(
        f"{outcome.manifest.kind} as of {report['as_of']}, consent known until {report['known_until']}: "
        f"{_count(counts['records'])} records, {_count(counts['sessions'])} sessions, "
        f"{_count(counts['quarantined_records'])} unreadable records"
    )
    console.print(_decisions(report))
    if outcome.manifest.entities:
        console.print(f"replaced spans: {_listed(outcome.manifest.entities)}")
    estimate = report["estimate"]
    if estimate:
        found = _listed(estimate["entities"]) or "nothing"
        console.print(f"in {_count(estimate['sessions'])} sampled eligible sessions: {found}")
    for warning in report["warnings"][:_WARNINGS]:
        about = f" ({warning['subject']})" if warning["subject"] else ""
        console.print(f"! {warning['text']}{about}", style="yellow")
    for line in increment_lines(outcome.manifest.increment):
        console.print(line, style="yellow" if line.startswith("!") else None)
    if outcome.manifest.kind == "run":
        text = f"Training rows: {_count(counts['training_rows'])} in {outcome.folder}/data"
        console.print(text, soft_wrap=True)
    console.print(f"Decisions: {outcome.folder}/ledger", soft_wrap=True)
    if any(file.path == UNLISTED for file in outcome.manifest.files):
        text = f"Tiers and surfaces that the policy does not list: {outcome.folder}/{UNLISTED}"
        console.print(text, soft_wrap=True)
    console.print(f"Report: {outcome.folder}/report/report.html", soft_wrap=True)


def one_line(outcome: Outcome) -> str:
    """The summary for a log: how many sessions are eligible, and the path of the report."""
    counts = outcome.report["counts"]
    eligible = counts["decisions"].get("eligible", 0)
    more = "".join(f"; {line.lstrip('! ')}" for line in increment_lines(outcome.manifest.increment))
    return (
        f"{outcome.manifest.kind}: {_count(eligible)} of {_count(counts['sessions'])} sessions are eligible"
        f"{more}; see {outcome.folder}/report/report.html"
    )


def _decisions(report: dict[str, Any]) -> Table:
    """One row per reason, with its share of all ledger rows."""
    total = report["counts"]["ledger_rows"]
    table = Table(box=None, pad_edge=False)
    table.add_column("decision", style="dim")
    table.add_column("reason", overflow="fold")
    table.add_column("clause", overflow="fold", style="dim")
    table.add_column("sessions", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    for row in report["reasons"]:
        known = isinstance(row["sessions"], int) and isinstance(total, int)
        part = f"{row['sessions'] / total:.1%}" if known and total else ""
        table.add_row(row["decision"], row["reason"], row["clause"] or "", _count(row["sessions"]), part)
    return table


def _listed(entities: dict[str, Any]) -> str:
    return ", ".join(f"{kind} {_count(number)}" for kind, number in entities.items())


def _count(count: int | str | None) -> str:
    """A number with separators; text such as "<10" unchanged; a dash for a suppressed count."""
    return "-" if count is None else count if isinstance(count, str) else f"{count:,}"
