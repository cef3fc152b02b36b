"""`chatsieve sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.options import Quiet, tell


def sample(
    directory: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder.")],
    conversations: Annotated[
        int,
        typer.Option(
            "--conversations",
            metavar="N",
            min=0,
            help="The number of conversations. Some have several records or sessions.",
        ),
    ],
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The random seed; equal seeds give equal files.")
    ] = 0,
    input_format: Annotated[
        Literal["jsonl", "jsonl.gz", "jsonl.zst", "parquet"],
        typer.Option("--input-format", metavar="FORMAT", help="jsonl, jsonl.gz, jsonl.zst or parquet."),
    ] = "jsonl.gz",
    quiet: Quiet = False,
) -> None:
    """Generate synthetic logs and a configuration.

    The folder also gets consent snapshots, lists of deletions and authorisations, and the expected decisions.
    A conversation can have several records, and can occur as two sessions: with seed 7, 60 conversations give
    61 sessions in 63 records.

    Examples:
        chatsieve sample corpus --conversations 60 --seed 7
    """
    from pipeline.commands.sample import write_sample

    written = write_sample(directory, conversations=conversations, seed=seed, input_format=input_format)
    if not quiet:
        tell(f"{written.records} records in {written.files} files; to run the pipeline on them:", err=True)
        tell(f"  chatsieve run -c {directory}/config.yaml", err=True)
