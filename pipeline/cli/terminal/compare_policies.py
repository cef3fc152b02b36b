"""The result of `chatsieve audit` with several policies, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def print_policy_comparison(document: dict[str, Any], console: Console) -> None:
    """Prints the counts of each policy side by side, and the rules by which each differs from the first."""
    console.print(f"as of {document['as_of']}, consent known until {document['known_until']}")
    for number, policy in enumerate(document["policies"], start=1):
        console.print(f"  {number}  {policy['id']}")
    table = Table(box=None)
    table.add_column("sessions by reason")
    for number in range(1, len(document["policies"]) + 1):
        table.add_column(str(number), justify="right")
    for row in document["reasons"]:
        decision = "" if row["decision"] == row["reason"] else f"{row['decision']}: "
        table.add_row(f"{decision}{row['reason']}", *map(str, row["sessions"]))
    table.add_row("messages kept", *(str(policy["messages_kept"]) for policy in document["policies"]))
    console.print(table)
    for number, flips in enumerate(document["against_first"], start=2):
        console.print(
            f"{flips['sessions']['changed']} sessions are decided differently by policies 1 and {number}"
        )
        for row in flips["changed"]:
            side = 1 if row["fires_in"] == "a" else number
            rule = f"{row['rule']} fires under {side} only"
            reasons = f"{row['a_reason'] or '-'} -> {row['b_reason'] or '-'}"
            console.print(f"  {row['sessions']:>9}  {reasons}: {rule}")
