"""`chatsieve scrub`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Deid, Json
from schemas.errors import InputError


def scrub(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The text to de-identify. [default: stdin]")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read lines of {"text": ...}; each line is a session of its own.')
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="List type, place and score of each replaced span.")
    ] = False,
    json_: Json = False,
    deid: Deid = None,
) -> None:
    """De-identify text and print it to standard output.

    Examples:
        chatsieve scrub notes.txt
        List what was replaced, too:
            chatsieve scrub notes.txt --explain
    """
    from pipeline.commands import scrub as command
    from pipeline.inputs.config import deid_argument

    data = command.read_input(file)
    engine = command.scrub_engine(deid_argument(deid))
    if jsonl:
        for line in command.scrub_lines(engine, data.splitlines(), explain):
            typer.echo(line.decode())
        return
    try:
        scrubbed = command.scrub_text(engine, data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{file or 'standard input'}: expected UTF-8 text; convert it first") from None
    if json_:
        spans = [list(span) for span in scrubbed.spans]
        typer.echo(
            json.dumps({"text": scrubbed.text, **({"spans": spans} if explain else {})}, ensure_ascii=False)
        )
        return
    typer.echo(scrubbed.text, nl=False)
    if explain:
        typer.echo(command.explain_table(scrubbed.spans), err=True)
