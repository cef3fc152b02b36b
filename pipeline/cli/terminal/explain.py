"""The result of `chatsieve explain`, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_SHOWN_MESSAGES = 40
#: `_rules` prints "(yes)" for a rule that comes after the deciding one and would fire as well.
_FIRES = {"fires": "YES", "does not fire": "no", "not reached": "-", "not tried": "-"}
_STYLE = {
    "eligible": "bold green",
    "excluded": "bold red",
    "deferred": "bold yellow",
    "quarantined": "bold magenta",
    "fires": "bold red",
    "granted": "green",
    "refused": "red",
    "undecided": "yellow",
}


def print_explanation(document: dict[str, Any], console: Console) -> None:
    """Prints, for each session, the decision, consent, messages, rules, and what would change it."""
    console.print(f"conversation {document['conversation_key']}")
    console.print(
        f"as of {document['as_of']}, consent known until {document['known_until']}, "
        f"policy {document['policy']['id']}"
    )
    for entry in document["quarantined"]:
        console.print()
        console.print(_verdict(entry))
        console.print(f"  {entry['file']}, {entry['locator']}: the record cannot be read as a session")
        if entry["field"]:
            console.print(Text(f"  field {entry['field']}: {entry['kind']}"))
    for session in document["sessions"]:
        console.print()
        console.print(_verdict(session))
        for part in (_consent(session), _messages(session), _rules(session["rules"])):
            console.print()
            console.print(part)
        _print_changes(session["would_change"], console)
    if document["ledger"]:
        _print_ledger(document["ledger"], console)


def _verdict(entry: dict[str, Any]) -> Text:
    text = Text(entry["decision"].upper(), _STYLE[entry["decision"]])
    if entry["reason"] != entry["decision"]:
        text.append(f": {entry['reason']}", "default")
    for name in ("clause", "basis"):
        if entry.get(name):
            text.append(f", {name} {entry[name]}", "default")
    if "messages_seen" in entry:
        text.append(f", {entry['messages_kept']} of {entry['messages_seen']} messages kept", "default")
    return text


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _consent(session: dict[str, Any]) -> Table:
    consent = session["consent"]
    title = f"Consent timeline (state at as_of: {consent['state_at_as_of']})"
    table = _table(title, "decided at", "state", "first known", "snapshots")
    for event in consent["events"]:
        decided = event["decided_at"] or "not decided"
        table.add_row(decided, _state(event["state"]), event["first_known_at"], str(event["snapshots"]))
    if not consent["events"]:
        table.add_row("the user is in no known snapshot", "", "", "")
    return table


def _messages(session: dict[str, Any]) -> Table:
    lines = session["messages"]
    table = _table("Messages (text is never shown)", "#", "sent at", "author", "state", "kept", "why")
    half = _SHOWN_MESSAGES // 2
    shown = lines if len(lines) <= _SHOWN_MESSAGES else [*lines[:half], None, *lines[-half:]]
    for line in shown:
        if line is None:
            table.add_row("...", f"{len(lines) - 2 * half} more, see --json", "", "", "", "")
            continue
        author = "human" if line["human"] else "answer" if line["answer"] else line["origin"] or line["role"]
        state, kept = _state(line["state"] or line["own_state"]), "yes" if line["kept"] else "no"
        table.add_row(str(line["number"]), line["sent_at"], author, state, kept, line["why"])
    return table


def _rules(rules: list[dict[str, Any]]) -> Table:
    table = _table("Rules in order; the first that fires decides", "#", "rule", "fires", "why (clause)")
    for rule in rules:
        fires = "(yes)" if rule.get("would_fire") else _FIRES[rule["outcome"]]
        clause = f"({rule['clause']})" if rule["clause"] else ""
        text = f"{rule.get('because', '')} {clause}".strip()
        table.add_row(str(rule["number"]), rule["reason"], Text(fires, _STYLE.get(rule["outcome"], "")), text)
    return table


def _print_changes(changes: list[dict[str, Any]], console: Console) -> None:
    console.print()
    if not changes:
        console.print("No change that was tried gives another decision.")
        return
    console.print("Changes that give another decision (each was computed)", style="bold")
    for change in changes:
        reason = "" if change["reason"] == change["decision"] else f" ({change['reason']})"
        kept = f", {change['messages_kept']} messages kept" if change["messages_kept"] else ""
        console.print(f"  {change['decision']}{reason}{kept} if {' and '.join(change['if'])}")


def _print_ledger(ledger: dict[str, Any], console: Console) -> None:
    console.print()
    for row in ledger["rows"]:
        console.print(Text(f"Ledger of this {ledger['kind']}: ").append_text(_verdict(row)))
        if "rules" in row:
            console.print(_rules(row["rules"]))
    if ledger["agrees"] is not None:
        console.print("The ledger agrees." if ledger["agrees"] else "The ledger differs: the inputs changed.")


def _state(state: str) -> Text:
    return Text(state, _STYLE[state])
