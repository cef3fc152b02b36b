"""What `chatsieve inspect` found, as a person reads it on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console

_LACKING = {
    "user_id": "no session without a user is eligible",
    "organization_id": "needed only for authorisations",
    "tier": "no session without a tier is eligible",
    "surface": "no session without a surface is eligible",
    "created_at": "what was granted then depends on when it was said",
}


def print_inspection(document: dict[str, Any], console: Console) -> None:
    """Prints the document of `inspect`: for each format what there is, what is odd, and what to configure."""
    console.print(f"{document['path']}: {document['files']:,} files, {document['bytes'] / 1e6:,.1f} MB")
    if document["empty_files"]:
        console.print(f"  {document['empty_files']:,} empty")
    for ending, count in document["not_recognized"].items():
        console.print(f"  {count:,} of no format that is known: *{ending}")
    for found in document["formats"]:
        console.print()
        _print_format(found, console)
    if not document["formats"]:
        console.print("Nothing here can be read as a log; --format reads it as a format of your choice.")


def _print_format(found: dict[str, Any], console: Console) -> None:
    console.print(f"{found['format']}: {found['files']:,} files", style="bold")
    if found["also_possible"]:
        console.print(f"  could also be {', '.join(found['also_possible'])}: --format chooses")
    console.print(
        f"  {found['sessions']:,} sessions in {found['records']:,} records, {found['messages']:,} messages"
    )
    if found["first_message"]:
        console.print(f"  said from {found['first_message']} to {found['last_message']}")
    for title, name in (
        ("versions, by lines", "versions"),
        ("roles", "roles"),
        ("origins", "origins"),
        ("blocks", "blocks"),
        ("quarantined", "quarantined"),
    ):
        _print_counts(title, found[name], console)
    for what, counts in found["accounts"].items():
        _print_counts(f"{what}, {sum(counts.values()):,} in all", counts, console)
    unknown = found["not_understood"]
    _print_counts("lines of kinds not known, read past", unknown["records"], console)
    _print_counts("blocks of types not known, kept as a placeholder", unknown["blocks"], console)
    for field, count in found["lacking"].items():
        console.print(f"  lacks {field} in {count:,} records: {_LACKING[field]}")
    console.print()
    console.print(yaml_of(found["inputs"]), soft_wrap=True)


def _print_counts(title: str, counts: dict[str, int], console: Console) -> None:
    if counts:
        console.print(f"  {title}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))


def yaml_of(inputs: list[dict[str, Any]]) -> str:
    """The entry for a configuration's `inputs`, what the user has to fill in marked."""
    lines = ["inputs:"]
    for entry in inputs:
        lines += [f"  - path: {_quoted(entry['path'])}", f"    format: {entry['format']}"]
        if entry.get("defaults"):
            lines.append("    defaults:")
            lines += [f"      {field}:   # fill in" for field in entry["defaults"]]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
