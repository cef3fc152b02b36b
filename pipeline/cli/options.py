"""What the commands of the command line share: options, how an error ends, where tables go."""

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
    typer.Option("--shareable", help="A report to pass on: it tells no count below audit.min_cell."),
]
Json = Annotated[bool, typer.Option("--json", help="Machine output on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no summary.")]
Debug = Annotated[bool, typer.Option("--debug", help="A traceback with an error.")]
Beam = Annotated[
    list[str] | None, typer.Argument(help="Beam options, after --.", metavar="[-- BEAM OPTIONS]")
]

_DEBUG: list[bool] = []


def console() -> Any:
    """Standard output for tables: as wide as the terminal, 80 columns where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 80, highlight=False, markup=False)


def note_debug(debug: bool) -> None:
    """Remembers --debug for when something fails."""
    _DEBUG.append(debug)


def fail(message: str, code: int) -> NoReturn:
    """Ends the program with one line on standard error, and a traceback before it with --debug."""
    if any(_DEBUG):
        traceback.print_exc()
    print(f"chatsieve: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - the error line itself
    sys.exit(code)
