"""`chatsieve convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.inspect import FieldsFile, Format, checked_format, fields_of
from pipeline.cli.options import Quiet, tell
from schemas.errors import ConfigError
from schemas.records import Defaults, Limits


def convert(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders or globs.")],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="The Parquet file to write. It must not exist.")
    ],
    format_: Format = None,
    fields: FieldsFile = None,
    default: Annotated[
        list[str] | None,
        typer.Option(
            "--default",
            metavar="NAME=VALUE",
            help="A value for records that lack one: user_id, organization_id, tier, surface or created_at. "
            "Can be repeated.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Convert logs of any supported format to canonical Parquet.

    The output contains unredacted text and ids (file mode 0600). Exits with 1 if records were quarantined.

    Examples:
        chatsieve convert logs --output logs.parquet
        Give a value to records that have none:
            chatsieve convert logs --default tier=pro --output logs.parquet
    """
    from pipeline.commands.convert import convert as write_canonical

    own = fields_of(fields, format_)
    name = None if own else checked_format(format_)
    schema = own.fields if own else None
    result = write_canonical(paths, output, name, _defaults(default or []), Limits(), schema)
    for code, count in result.quarantined.items():
        tell(f"chatsieve: {count} records were not converted: {code}", err=True)
    if not quiet:
        tell(f"{output}: {result.sessions} session records, unredacted", err=True)
    if result.quarantined:
        raise typer.Exit(1)


def _defaults(given: list[str]) -> Defaults:
    from pydantic import ValidationError

    from schemas.sections.inputs import InputDefaults
    from schemas.strict_yaml import fault_text

    pairs = [text.partition("=") for text in given]
    for text, (name, sign, _) in zip(given, pairs, strict=True):
        if not sign or not name:
            raise ConfigError(f"--default {text}: expected NAME=VALUE, such as --default tier=pro")
    try:
        made = InputDefaults.model_validate({name: value for name, _, value in pairs})
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ConfigError(f"--default {place}: {fault_text(error.errors()[0], None)}") from None
    return Defaults(**made.model_dump())
