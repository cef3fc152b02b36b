"""The result of `chatsieve history`, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.pages.history import eligible_of, notes, reason_label
from pipeline.pages.page import count, points

_REASON_WIDTH, _SHARE_WIDTH, _MOVED_WIDTH = 24, 7, 8


def print_history(document: dict[str, Any], console: Console) -> None:
    """Prints the versions, the share of each reason in the newest ones, and notes on versions."""
    versions = document["versions"]
    if versions:
        console.print(_versions(versions, document["current"]))
        console.print()
        console.print(_reasons(versions, console.width))
    for line in notes(document):
        console.print(line)


def _versions(versions: list[dict[str, Any]], current: int) -> Table:
    table = Table(box=None, title="Versions (* current)", title_justify="left", title_style="bold")
    for name in ("", "as of", "sessions", "eligible", "%", "points", "rows", "warnings"):
        table.add_column(name, justify="left" if name == "as of" else "right")
    for one in versions:
        eligible = eligible_of(one)
        table.add_row(
            f"{'*' if one['version'] == current else ''}{one['version']}",
            one["as_of"][:10],
            count(one["sessions"]),
            count(eligible["sessions"]),
            _percent(eligible["share"]),
            points(eligible["moved"]),
            count(one["training_rows"]),
            str(len(one["warnings"]) + len(one["failed"])),
        )
    return table


def _reasons(versions: list[dict[str, Any]], width: int) -> Table:
    """Rows: reasons. Columns: their share in as many of the newest versions as fit, and the last change."""
    shown = versions[-max(1, (width - _REASON_WIDTH - _MOVED_WIDTH) // _SHARE_WIDTH) :]
    title = "Share of each reason in %, by version"
    table = Table(box=None, title=title, title_justify="left", title_style="bold")
    table.add_column("reason", overflow="fold")
    for one in shown:
        table.add_column(str(one["version"]), justify="right", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for place, row in enumerate(shown[-1]["reasons"]):
        shares = (_percent(one["reasons"][place]["share"]) for one in shown)
        table.add_row(reason_label(row), *shares, points(row["moved"]))
    return table


def _percent(fraction: float | None) -> str:
    return "\u2013" if fraction is None else f"{fraction * 100:.2f}"
