"""`chatsieve demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Quiet, tell
from pipeline.cli.run import execute_and_print


def demo(
    directory: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="A new or empty folder."),
    ] = Path("chatsieve-demo"),
    quiet: Quiet = False,
) -> None:
    """Run the included example.

    Copies the example and its configuration to the folder, and writes the dataset to out/demo in it.

    Examples:
        chatsieve demo
    """
    from pipeline.inputs.packaged import copy_demo

    config = copy_demo(directory)
    execute_and_print("run", config, {}, [], False, quiet)
    if not quiet:
        tell(f"configuration: {config}", err=True)
