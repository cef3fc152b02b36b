"""Commands that need no configuration: keygen, sample, scrub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from pipeline.cli.options import Debug, Deid, Json, Quiet
from pipeline.inputs.config import deid_argument
from schemas.errors import ConfigError, InputError


def keygen(
    path: Annotated[
        Path | None, typer.Argument(help="Write the key to this file (mode 0600) instead of standard output.")
    ] = None,
    _debug: Debug = False,
) -> None:
    """Generates a key: 64 hex digits from the system's random source."""
    from pipeline.inputs.key_file import make_key, write_key

    if path is None:
        typer.echo(make_key())
    else:
        write_key(path)
        typer.echo(
            f"{path}: key written. Keep it: the keys of a dataset cannot be computed without it", err=True
        )


def sample(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    conversations: Annotated[int, typer.Option("--conversations", min=0, help="How many sessions.")],
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal bytes.")] = 0,
    input_format: Annotated[str, typer.Option(help="jsonl, jsonl.gz, jsonl.zst or parquet.")] = "jsonl.gz",
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Writes synthetic logs, consent, lists, the planted truth, and a config.yaml to run it."""
    from pipeline.commands.sample import write_sample

    if input_format not in ("jsonl", "jsonl.gz", "jsonl.zst", "parquet"):
        raise ConfigError("--input-format: expected jsonl, jsonl.gz, jsonl.zst or parquet")
    written = write_sample(
        directory, conversations=conversations, seed=seed, input_format=cast(Any, input_format)
    )
    if not quiet:
        typer.echo(f"{written.records} records in {written.files} files; run it with:", err=True)
        typer.echo(f"  chatsieve run -c {directory}/config.yaml", err=True)


def scrub(
    file: Annotated[Path | None, typer.Argument(help="The text; standard input if not given.")] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='JSON Lines of {"text": ...}; each is a separate session.')
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="List what was masked.")] = False,
    json_: Json = False,
    deid: Deid = None,
    _debug: Debug = False,
) -> None:
    """De-identifies text from a file or standard input to standard output."""
    from pipeline.commands import scrub as command

    data = command.read_input(file)
    engine = command.scrub_engine(deid_argument(deid))
    if jsonl:
        for line in command.scrub_lines(engine, data.splitlines(), explain):
            typer.echo(line.decode())
        return
    try:
        scrubbed = command.scrub_text(engine, data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{file or 'standard input'}: is not UTF-8 text") from None
    if json_:
        spans = [list(span) for span in scrubbed.spans]
        typer.echo(
            json.dumps({"text": scrubbed.text, **({"spans": spans} if explain else {})}, ensure_ascii=False)
        )
        return
    typer.echo(scrubbed.text, nl=False)
    if explain:
        typer.echo(command.explain_table(scrubbed.spans), err=True)
