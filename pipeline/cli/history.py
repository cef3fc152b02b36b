"""`chatsieve history`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.datasets import Dataset
from pipeline.cli.options import Json, console


def history(
    dataset: Dataset,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page", metavar="FILE", help="Write an HTML page with the trend of each reason, to a new file."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Show the decisions and reasons of every version.

    `points`: the change of a share since the version before, in percentage points.

    A version that cannot be read is named, and the exit code is 1.

    Examples:
        chatsieve history out/dataset
        Write a page with charts:
            chatsieve history out/dataset --page history.html
    """
    from pipeline.cli.terminal.history import print_history
    from pipeline.commands.history import history as read

    document = read(dataset)
    if page is not None:
        from pipeline.pages.history import write_history_page

        write_history_page(document, page)
    if json_:
        typer.echo(json.dumps(document))
    else:
        print_history(document, console())
    if document["damaged"]:
        raise typer.Exit(1)
