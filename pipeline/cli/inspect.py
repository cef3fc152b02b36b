"""`chatsieve inspect`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pipeline.cli.options import Json, console
from schemas.errors import ConfigError
from schemas.formats import check_format

Format = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", help="Read the files as this format instead of detecting it."),
]


def inspect(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file, folder or glob.")],
    format_: Format = None,
    json_: Json = False,
) -> None:
    """Show the format and content of logs.

    Prints counts, unknown fields and the configuration to read the logs; no text and no ids. Exits with 1 if
    no file has a known format, if nothing in the files of a format can be read, or if a file of spans has no
    messages.
    """
    from pipeline.commands.inspect import inspect as inspect_files

    document = inspect_files(path, checked_format(format_))
    if json_:
        typer.echo(json.dumps(document))
    else:
        from pipeline.cli.terminal.inspect import print_inspection

        print_inspection(document, console())
    if not document["formats"] or any(map(_is_unread, document["formats"])):
        raise typer.Exit(1)


def _is_unread(found: dict[str, Any]) -> bool:
    """True if no session of the format could be read, or none of a file of spans."""
    quarantined = found["quarantined"]
    lost = quarantined or "dropped: span_without_messages" in found["accounts"]["records"]
    return "no_messages" in quarantined or (not found["sessions"] and bool(lost))


def checked_format(name: str | None) -> str | None:
    """The format itself; ConfigError for an unknown one."""
    if name is None:
        return None
    try:
        return check_format(name)
    except ValueError as error:
        raise ConfigError(f"--format {name}: {error}") from None
