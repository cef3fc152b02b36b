"""Options that several commands share, error lines, and the console for tables."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file (YAML).")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Decide for this instant (RFC 3339).")]
Input = Annotated[
    list[str] | None, typer.Option("--input", help="Read this path or glob instead; repeatable.")
]
Consent = Annotated[
    list[str] | None, typer.Option("--consent", help="Consent snapshots instead; repeatable.")
]
Output = Annotated[str | None, typer.Option("--output", help="Write here instead.")]
Policy = Annotated[str | None, typer.Option("--policy", help="Use this policy instead: its name or file.")]
Deid = Annotated[
    str | None, typer.Option("--deid", help="A de-identification config: its name or file. Default: default.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="Any other key: a.b=value; repeatable.")]
Compare = Annotated[
    Path | None, typer.Option("--compare", help="A run or audit that the report compares with.")
]
Shareable = Annotated[
    bool,
    typer.Option("--shareable", help="Suppress counts below audit.min_cell, for a report to pass on."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no progress and no summary.")]
# `fail` reads it from the arguments: an error may come before they are parsed.
Debug = Annotated[bool, typer.Option("--debug", help="Print a traceback with an error.")]
Beam = Annotated[
    list[str] | None, typer.Argument(help="Beam options, after --.", metavar="[-- BEAM OPTIONS]")
]


def console() -> Any:
    """Standard output for tables, as wide as the terminal; 80 columns if there is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 80, highlight=False, markup=False)


def error_line(message: str) -> None:
    """Prints one line on standard error."""
    print(f"chatsieve: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - the error line itself


def fail(message: str, code: int) -> NoReturn:
    """Ends the program with one line on standard error; with --debug, the traceback comes first."""
    if "--debug" in sys.argv:
        traceback.print_exc()
    error_line(message)
    sys.exit(code)
