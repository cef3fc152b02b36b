"""What a run or audit ends with on a terminal: what was decided, what to look at, and where the rest is."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.commands.commit import Outcome

_COLUMNS = 80
#: The weightiest warnings; the report has all.
_WARNINGS = 3


def terminal() -> Console:
    """Standard error, 80 columns wide at most, without colors where it is no terminal."""
    console = Console(stderr=True, highlight=False, markup=False)
    console.width = min(_COLUMNS, console.width)
    return console


def print_summary(outcome: Outcome, console: Console) -> None:
    """Prints the table of decisions, what was replaced, warnings, and paths, which are never cut."""
    report, counts = outcome.report, outcome.manifest.counts
    console.print(
        f"{outcome.manifest.kind} as of {report['as_of']}, consent known until {report['known_until']}: "
        f"{_count(counts['records'])} records, {_count(counts['sessions'])} sessions, "
        f"{_count(counts['quarantined_records'])} unreadable"
    )
    console.print(_decisions(report))
    if outcome.manifest.entities:
        console.print(f"replaced: {_listed(outcome.manifest.entities)}")
    estimate = report["estimate"]
    if estimate:
        found = _listed(estimate["entities"]) or "nothing"
        console.print(f"in {_count(estimate['sessions'])} sampled eligible sessions: {found}")
    for warning in report["warnings"][:_WARNINGS]:
        about = f" ({warning['subject']})" if warning["subject"] else ""
        console.print(f"! {warning['text']}{about}", style="yellow")
    if outcome.manifest.kind == "run":
        text = f"Training rows: {_count(counts['training_rows'])} in {outcome.folder}/data"
        console.print(text, soft_wrap=True)
    console.print(f"Why each session: {outcome.folder}/ledger", soft_wrap=True)
    console.print(f"To read: {outcome.folder}/report/report.html", soft_wrap=True)


def one_line(outcome: Outcome) -> str:
    """What is told where there is no terminal: how many are eligible, and where the report is."""
    counts = outcome.report["counts"]
    eligible = counts["decisions"].get("eligible", 0)
    return (
        f"{outcome.manifest.kind}: {_count(eligible)} of {_count(counts['sessions'])} sessions are eligible; "
        f"see {outcome.folder}/report/report.html"
    )


def _decisions(report: dict[str, Any]) -> Table:
    """One line a reason, with its share of all."""
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
    """A number with separators; "<10" as it is; a dash for what is withheld."""
    return "-" if count is None else count if isinstance(count, str) else f"{count:,}"
