"""The result of `chatsieve inspect`, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from schemas.mapped.placeholders import PLACEHOLDER

_LACKING = {
    "user_id": "a session without a user id is not eligible",
    "organization_id": "needed for separate authorisations only",
    "tier": "a session without a tier is not eligible",
    "surface": "a session without a surface is not eligible",
    "created_at": "consent applies to the time of a message",
}


def print_inspection(document: dict[str, Any], console: Console) -> None:
    """Prints, for each format, counts, unknown and missing fields, and the configuration to use."""
    console.print(f"{document['path']}: {_files(document['files'])}, {_size(document['bytes'])}")
    if document["empty_files"]:
        console.print(f"  {document['empty_files']:,} empty")
    for ending, count in document["not_recognized"].items():
        console.print(f"  {count:,} not recognized: *{ending}")
    for found in document["formats"]:
        console.print()
        _print_format(found, console)
    if not document["formats"]:
        console.print(
            "No file has a known format. Use --suggest for a schema of your own, or --format FORMAT."
        )


def _print_format(found: dict[str, Any], console: Console) -> None:
    console.print(f"{found['format']}: {_files(found['files'])}", style="bold")
    if found["also_possible"]:
        console.print(f"  could also be {', '.join(found['also_possible'])}; give --format to choose")
    console.print(
        f"  {found['sessions']:,} sessions in {found['records']:,} records, {found['messages']:,} messages"
    )
    if found["first_message"]:
        console.print(f"  messages from {found['first_message']} to {found['last_message']}")
    for title, name in (
        ("versions, by lines", "versions"),
        ("roles", "roles"),
        ("origins", "origins"),
        ("blocks", "blocks"),
        ("quarantined", "quarantined"),
    ):
        _print_counts(title, found[name], console)
    for fault, count in found["fields_at_fault"].items():
        console.print(f"    {fault} in {count:,} records")
    if "not_read" in found:
        title = f"fields that no path reads, in the first {found['not_read']['records']:,} records"
        _print_counts(title, found["not_read"]["fields"], console)
    for what, counts in found["accounts"].items():
        _print_counts(f"{what}, {sum(counts.values()):,} in all", counts, console)
    unknown = found["not_understood"]
    _print_counts("lines of unknown types, skipped", unknown["records"], console)
    _print_counts("blocks of unknown types, replaced by a placeholder", unknown["blocks"], console)
    for field, count in found["lacking"].items():
        console.print(f"  lacks {field} in {count:,} records: {_LACKING[field]}")
    console.print()
    console.print(yaml_of(found["inputs"]), soft_wrap=True)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _size(size: int) -> str:
    """The size in MB; in kB or bytes if it is smaller."""
    if size < 1_000:
        return f"{size} bytes"
    return f"{size / 1e3:,.1f} kB" if size < 1_000_000 else f"{size / 1e6:,.1f} MB"


def _print_counts(title: str, counts: dict[str, int], console: Console) -> None:
    if counts:
        console.print(f"  {title}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))


def yaml_of(inputs: list[dict[str, Any]]) -> str:
    """The `inputs` section of a configuration; values that the user must fill in are marked."""
    lines = ["inputs:"]
    for entry in inputs:
        lines += [f"  - path: {_quoted(entry['path'])}", f"    format: {entry['format']}"]
        if entry["format"] == "mapped":
            lines.append(f"    fields: {PLACEHOLDER}   # as in the file given")
        if entry.get("defaults"):
            lines.append("    defaults:")
            lines += [f"      {field}:   # fill in" for field in entry["defaults"]]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
