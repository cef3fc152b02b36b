"""Commands that read logs without a configuration: inspect, convert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Debug, Json, Quiet, console
from schemas.errors import ConfigError
from schemas.formats import check_format
from schemas.records import Defaults, Limits

Format = Annotated[str | None, typer.Option("--format", help="Read as this format, instead of detecting it.")]


def inspect(
    path: Annotated[str, typer.Argument(help="A file, a folder or a glob.")],
    format_: Format = None,
    json_: Json = False,
    _debug: Debug = False,
) -> None:
    """Shows the format and contents of logs, what cannot be read, and what a configuration must add."""
    from pipeline.commands.inspect import inspect as look

    document = look(path, _checked(format_))
    if json_:
        typer.echo(json.dumps(document))
    else:
        from pipeline.cli.terminal.inspect import print_inspection

        print_inspection(document, console())
    if not document["formats"]:
        raise typer.Exit(1)


def convert(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders or globs.")],
    output: Annotated[Path, typer.Option("--output", help="The Parquet file to write; it must not exist.")],
    format_: Format = None,
    default: Annotated[
        list[str] | None,
        typer.Option(
            "--default",
            help="Values for records without them: user_id=, organization_id=, tier=, surface=, created_at=",
        ),
    ] = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Writes canonical Parquet with unredacted text (mode 0600). Exit code 1 if records were left out."""
    from pipeline.commands.convert import convert as write

    done = write(paths, output, _checked(format_), _defaults(default or []), Limits())
    for code, count in done.quarantined.items():
        typer.echo(f"chatsieve: left out as {code}: {count} records", err=True)
    if not quiet:
        typer.echo(f"{output}: {done.sessions} records of sessions, with unredacted text", err=True)
    if done.quarantined:
        raise typer.Exit(1)


def _checked(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        return check_format(name)
    except ValueError as error:
        raise ConfigError(f"--format {name}: {error}") from None


def _defaults(given: list[str]) -> Defaults:
    from pydantic import ValidationError

    from schemas.config import InputDefaults

    pairs = [text.partition("=") for text in given]
    if bad := next(
        (text for text, (name, sign, _) in zip(given, pairs, strict=True) if not sign or not name), None
    ):
        raise ConfigError(f"--default {bad}: expected NAME=VALUE")
    try:
        made = InputDefaults.model_validate({name: value for name, _, value in pairs})
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ConfigError(f"--default {place}: {error.errors()[0]['msg']}") from None
    return Defaults(**made.model_dump())
