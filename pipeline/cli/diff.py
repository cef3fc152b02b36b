"""`chatsieve diff`."""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import Annotated

import typer

from pipeline.cli.options import Json, console
from transforms.storage.places import location


def diff(
    run_a: Annotated[
        PurePath,
        typer.Argument(metavar="A", parser=location, help="A dataset or audit folder; @N names a version."),
    ],
    run_b: Annotated[
        PurePath,
        typer.Argument(metavar="B", parser=location, help="Another one, made with the same key."),
    ],
    keys: Annotated[
        int,
        typer.Option("--keys", metavar="N", min=0, help="List up to N conversation keys per kind of change."),
    ] = 20,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write all changed sessions to this Parquet file."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the comparison to this HTML page.")
    ] = None,
    json_: Json = False,
) -> None:
    """Compare the decisions of two runs or audits.

    Prints how many sessions changed, by reason, tier and surface, and the rule that made the difference.

    Examples:
        chatsieve diff out/dataset@1 out/dataset@2
        Write the comparison to a page:
            chatsieve diff out/dataset@1 out/dataset@2 --html diff.html
    """
    from pipeline.cli.terminal.diff import print_diff
    from pipeline.commands.diff import diff as compare

    document = compare(run_a, run_b, keys, out)
    if html is not None:
        from pipeline.pages.diff import write_diff_page

        write_diff_page(document, html)
    if json_:
        typer.echo(json.dumps(document))
    else:
        print_diff(document, console())
