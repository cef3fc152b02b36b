"""`chatsieve inspect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.completion import formats
from pipeline.cli.options import Json, console, tell
from schemas.errors import ConfigError
from schemas.formats import check_format

if TYPE_CHECKING:
    from pipeline.inputs.fields_file import OwnFields

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        autocompletion=formats,
        help="Read the files as this format instead of detecting it.",
    ),
]


FieldsFile = Annotated[
    Path | None,
    typer.Option(
        "--fields", metavar="FILE", help="Read the files as an own schema: a YAML file with its `fields`."
    ),
]


def inspect(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file, folder or glob.")],
    format_: Format = None,
    fields: FieldsFile = None,
    suggest: Annotated[
        bool,
        typer.Option(
            "--suggest", help="Print a proposed `inputs` section for the configuration, also for own schemas."
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Show the format and content of logs.

    Prints counts, unknown fields and the configuration to read the logs; no text and no ids. Exits with 1 if
    no file has a known format, if nothing in the files of a format can be read, or if a file of spans has no
    messages.

    Examples:
        chatsieve inspect logs
        Propose the section `inputs` of a configuration:
            chatsieve inspect logs --suggest
    """
    if suggest:
        if fields is not None or json_:
            raise ConfigError("--suggest prints YAML from the files alone; leave --fields and --json out")
        _print_suggestion(path, "mapped" if format_ == "mapped" else checked_format(format_))
        return
    from pipeline.commands.inspect import inspect as inspect_files

    own = fields_of(fields, format_)
    if own is None:
        document = inspect_files(path, checked_format(format_))
    else:
        document = inspect_files(path, None, own.fields, own.defaults)
    if json_:
        typer.echo(json.dumps(document))
    else:
        from pipeline.cli.terminal.inspect import print_inspection

        print_inspection(document, console())
    if not document["formats"] or any(map(_is_unread, document["formats"])):
        raise typer.Exit(1)


def _print_suggestion(path: str, source_format: str | None) -> None:
    from pipeline.commands.suggest import suggest

    if source_format not in (None, "mapped"):
        raise ConfigError(f"--suggest: format {source_format} has no fields to propose; leave --format out")
    made = suggest(path, source_format)
    if made.yaml:
        typer.echo(made.yaml)
    for ending, count in made.without.items():
        files = "1 file" if count == 1 else f"{count:,} files"
        tell(
            f"chatsieve: {files} *{ending}: no messages were found in records of JSON or Parquet; convert "
            "other formats first, or write `fields` by hand (docs/how-to/own-schema.md)",
            err=True,
        )
    if not made.yaml or made.without:
        raise typer.Exit(1)


def _is_unread(found: dict[str, Any]) -> bool:
    """True if no session of the format could be read, or none of a file of spans."""
    quarantined = found["quarantined"]
    lost = quarantined or "dropped: span_without_messages" in found["accounts"]["records"]
    return "no_messages" in quarantined or (not found["sessions"] and bool(lost))


def fields_of(path: Path | None, source_format: str | None) -> OwnFields | None:
    """The fields of an own schema in a file; ConfigError for another format."""
    if path is None:
        return None
    if source_format not in (None, "mapped"):
        raise ConfigError(f"--fields is for format mapped; --format is {source_format}")
    from pipeline.inputs.fields_file import fields_at

    return fields_at(path)


def checked_format(name: str | None) -> str | None:
    """The format itself; ConfigError for an unknown one."""
    if name is None:
        return None
    if name == "mapped":
        raise ConfigError("--format mapped: needs --fields FILE; `inspect PATH --suggest` proposes one")
    try:
        return check_format(name)
    except ValueError as error:
        raise ConfigError(f"--format {name}: {error}") from None
