"""`chatsieve verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Json, Quiet


def verify(
    run: Annotated[Path, typer.Argument(metavar="FOLDER", help="The output folder of a run or audit.")],
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check the files of a dataset.

    Checks the manifest, file digests, schemas and ledger counts, and searches the training rows for personal
    data. Exits with 1 if a check fails, with one line per finding.
    """
    from pipeline.commands.verify import verify as find

    findings = find(run)
    if json_:
        typer.echo(json.dumps({"ok": not findings, "findings": [finding._asdict() for finding in findings]}))
    for finding in findings:
        typer.echo(f"chatsieve: {finding.kind}: {finding.where}: {finding.what}", err=True)
    if findings:
        raise typer.Exit(1)
    if not quiet:
        typer.echo(f"{run}: verified, no findings", err=True)
