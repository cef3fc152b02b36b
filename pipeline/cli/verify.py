"""`chatsieve verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.datasets import Numbered
from pipeline.cli.options import Json, Quiet, tell
from pipeline.cli.watched import watch


def verify(
    dataset: Numbered,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="The key of the run, to check HMACs. [default: CHATSIEVE_KEY, if it is set]",
        ),
    ] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a version of a dataset or audit.

    Checks catalog, manifest, files, schemas, ledger, training rows, index and report against each other, and
    searches the training rows for personal data. Exits with 1 if a check fails, with one line per finding.

    Examples:
        chatsieve verify out/dataset
        Check version 1, and its HMAC with the key of the run:
            chatsieve verify out/dataset@1 --key-file chatsieve.key
    """
    from pipeline.commands.verify import key_given
    from pipeline.commands.verify import verify as check

    outcome = check(dataset, key_given(key_file))
    findings = outcome.in_order()
    number = outcome.name.rpartition("@")[2]
    version = int(number) if number.isdecimal() else None
    watch().verified(version, findings, outcome.checked, [one.what for one in outcome.not_checked])
    if json_:
        document = {
            "ok": not findings,
            "version": outcome.name,
            "checked": outcome.checked,
            "not_checked": [one._asdict() for one in outcome.not_checked],
            "notes": outcome.notes,
            "findings": [finding._asdict() for finding in findings],
        }
        typer.echo(json.dumps(document))
    for finding in findings:
        tell(f"chatsieve: {finding.kind}: {finding.where}: {finding.what}", err=True)
    if not quiet:
        for note in outcome.notes:
            tell(f"{outcome.name}: note: {note}", err=True)
        for one in outcome.not_checked:
            tell(f"{outcome.name}: not checked: {one.what}: {one.why}", err=True)
        result = "1 finding" if len(findings) == 1 else f"{len(findings) or 'no'} findings"
        tell(f"{outcome.name}: checked {', '.join(outcome.checked)}: {result}", err=True)
    if findings:
        raise typer.Exit(1)
