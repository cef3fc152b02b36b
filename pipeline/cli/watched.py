"""The options with which a scheduled command is watched, and the `Watch` that they ask for.

The options are read before the command line is parsed, so that a command line that cannot be parsed is
logged and counted too.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.options import extended

if TYPE_CHECKING:
    from pipeline.telemetry.watch import Watch

#: The commands that are watched.
WATCHED = ("run", "audit", "forget", "expire", "gc", "verify")
_FORMAT, _FORMAT_VARIABLE = "--log-format", "CHATSIEVE_LOG_FORMAT"
_FILE, _FILE_VARIABLE = "--metrics-file", "CHATSIEVE_METRICS_FILE"
_WATCH: contextvars.ContextVar[Watch | None] = contextvars.ContextVar("watch", default=None)

LogFormat = Annotated[
    Literal["text", "json"],
    typer.Option(
        _FORMAT,
        metavar="text|json",
        envvar=_FORMAT_VARIABLE,
        show_envvar=False,
        help=f"Log text, or one JSON object a line, to standard error. [variable: {_FORMAT_VARIABLE}]",
    ),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option(
        _FILE,
        envvar=_FILE_VARIABLE,
        show_envvar=False,
        metavar="FILE",
        help="Write metrics to this file, for the textfile collector of Prometheus. Its name without the "
        f"extension is the label `dataset`. [variable: {_FILE_VARIABLE}]",
    ),
]


def watched(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options --log-format and --metrics-file."""

    @functools.wraps(command)
    def wrapped(log_format: str, metrics_file: Path | None, **arguments: Any) -> None:
        # Both are in effect already: see `begin`. Here they are checked and shown in the help.
        del log_format, metrics_file
        command(**arguments)

    added = (("log_format", LogFormat, "text"), ("metrics_file", MetricsFile, None))
    return extended(wrapped, command, added)


def begin(arguments: Sequence[str], environment: Mapping[str, str]) -> Watch | None:
    """The watch of the command that the arguments name, or None; `watch` gives it to the command."""
    command = arguments[0] if arguments else ""
    if command not in WATCHED:
        return None
    from pipeline.telemetry.log import JsonLog
    from pipeline.telemetry.watch import Watch, new_run_id

    run_id = new_run_id()
    file = _given(arguments, _FILE) or environment.get(_FILE_VARIABLE)
    shown = _given(arguments, _FORMAT) or environment.get(_FORMAT_VARIABLE)
    log = JsonLog(run_id, command) if shown == "json" else None
    begun = Watch(command, run_id, log, Path(file) if file else None, environment)
    _WATCH.set(begun)
    return begun


def watch() -> Watch:
    """The watch of the running command; one that does nothing outside of `main`."""
    from pipeline.telemetry.watch import Watch

    return _WATCH.get() or Watch()


def _given(arguments: Sequence[str], option: str) -> str | None:
    """The value of an option, the last one if it is repeated."""
    value = None
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == option and position + 1 < len(arguments):
            value = arguments[position + 1]
        elif argument.startswith(f"{option}="):
            value = argument.removeprefix(f"{option}=")
    return value
