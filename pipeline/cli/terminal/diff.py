"""The result of `chatsieve diff`, for a terminal."""

from __future__ import annotations

import collections
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.decisions import listing_order

_SHOWN_KEYS = 2


def print_diff(document: dict[str, Any], console: Console) -> None:
    """Prints both sides, the matrix of reasons, the changes with their rules, and counts by group."""
    console.print(_sides(document))
    sessions, keyless = document["sessions"], document["records_without_key"]
    console.print(
        f"{sessions['in_both']} ledger rows in both, {sessions['changed']} with another decision; "
        f"{sessions['only_in_a']} only in A, {sessions['only_in_b']} only in B; "
        f"{sessions['same_reason_other_messages_kept']} have the same reason but keep other messages"
    )
    for side, found in keyless.items():
        if found:
            listed = ", ".join(f"{reason} {number}" for reason, number in found.items())
            console.print(f"not compared, records of {side.upper()} without a readable id: {listed}")
    console.print()
    _print_matrix(document["matrix"], console)
    if document["changed"]:
        console.print()
        _print_flips(document["changed"], console)
        for name in ("tier", "surface"):
            console.print()
            console.print(_balance(name, document[f"by_{name}"]))


def _sides(document: dict[str, Any]) -> Table:
    table = Table(box=None)
    for column in ("", "A", "B"):
        table.add_column(column, overflow="fold")
    for name in ("path", "kind", "policy_id", "as_of", "known_until", "ledger_rows"):
        a, b = str(document["a"][name]), str(document["b"][name])
        table.add_row(name.replace("_", " "), a, b if b != a else "the same")
    return table


def _print_matrix(matrix: list[dict[str, Any]], console: Console) -> None:
    """Rows: reasons in A. Columns: sessions with the same reason in B, then the other reasons in B."""
    count: collections.Counter[tuple[str, str]] = collections.Counter()
    for row in matrix:
        count[row["a_reason"] or "-", row["b_reason"] or "-"] += row["sessions"]
    moved: collections.Counter[str] = collections.Counter()
    for (was, now), number in count.items():
        moved[now] += number * (was != now)
    fitting = _fitting([reason for reason, number in moved.most_common() if number], console.width)
    across = sorted(fitting, key=listing_order)
    others = any(number for reason, number in moved.items() if reason not in across)
    title = "Sessions by reason (rows: A, columns: B, -: not in the ledger)"
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for column in ("A \\ B", "same", *across, *(["others"] if others else [])):
        table.add_column(column, justify="left" if column == "A \\ B" else "right", no_wrap=True)
    for reason in sorted({was for was, _ in count}, key=listing_order):
        cells = [count[reason, reason], *(count[reason, now] if now != reason else 0 for now in across)]
        if others:
            cells.append(
                sum(n for (was, now), n in count.items() if was == reason and now not in (was, *across))
            )
        table.add_row(reason, *(f"{cell:,}" if cell else "." for cell in cells))
    console.print(table)


def _fitting(reasons: list[str], width: int) -> list[str]:
    """The first of the reasons, as many as fit into `width` as column heads."""
    room = width - 46
    fitting = []
    for reason in reasons:
        room -= max(len(reason), 9) + 2
        if room < 0:
            break
        fitting.append(reason)
    return fitting


def _print_flips(changed: list[dict[str, Any]], console: Console) -> None:
    console.print("Changes, and the rule that made the difference", style="bold")
    for row in changed:
        console.print(
            f"{row['sessions']:>9,}  {row['a_reason'] or '-'} -> {row['b_reason'] or '-'}: "
            f"{row['rule']} fires in {row['fires_in'].upper()} only"
        )
        if row["keys"]:
            console.print(f"           {' '.join(row['keys'][:_SHOWN_KEYS])}")
    console.print("Use --json to list more keys, --out FILE to write all of them.")


def _balance(name: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Eligible by {name}", title_justify="left", title_style="bold", box=None)
    for column in (name, "in A", "in B", "changed"):
        table.add_column(column, justify="left" if column == name else "right")
    for row in rows:
        table.add_row(row["value"], str(row["eligible_in_a"]), str(row["eligible_in_b"]), str(row["changed"]))
    return table
