"""The command line: `chatsieve COMMAND`. Results go to standard output, everything else to standard error.

Heavy modules are imported when a command needs them, so that `--help` is instant.
"""

from __future__ import annotations

import importlib.metadata
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.completion import VARIABLE, complete, completion
from pipeline.cli.convert import convert
from pipeline.cli.datasets import gc, path, versions
from pipeline.cli.demo import demo
from pipeline.cli.diff import diff
from pipeline.cli.doctor import doctor
from pipeline.cli.erasure import expire, forget
from pipeline.cli.evaluate import evaluate
from pipeline.cli.explain import explain
from pipeline.cli.help import Command, Group, usage_error
from pipeline.cli.history import history
from pipeline.cli.init import init
from pipeline.cli.inspect import inspect
from pipeline.cli.keygen import keygen
from pipeline.cli.options import ErrorOptions, fail, tell, with_debug
from pipeline.cli.policy import policy_app
from pipeline.cli.run import audit, run
from pipeline.cli.sample import sample
from pipeline.cli.scrub import scrub
from pipeline.cli.verify import verify
from pipeline.cli.watched import WATCHED, begin, watched
from pipeline.runners.process import prepare_process
from schemas.errors import ChatsieveError, exit_code_of
from transforms.shuffle.temporary import remove_abandoned

if TYPE_CHECKING:
    from pipeline.telemetry.watch import Watch

#: Files are 0640 and folders 0750, in every process of a command; private ones are made with less.
_UMASK = 0o027

_INTERRUPTED = ("interrupted", 3)
#: The exit code that Typer gives a command that raised KeyboardInterrupt; no command of ours uses it.
_TYPER_INTERRUPTED = 130

app = typer.Typer(
    cls=Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Turn conversation logs and consent records into de-identified Parquet shards for training.

    Examples:
        Run the included example, in the folder chatsieve-demo:
            chatsieve demo
        Show options and examples of a command:
            chatsieve run --help
    """,
)

#: The commands by the heading under which the help lists them.
_SECTIONS: dict[str, tuple[Callable[..., None] | typer.Typer, ...]] = {
    "First steps": (demo, inspect, init),
    "Make a dataset": (doctor, audit, run),
    "Examine a dataset": (verify, explain, diff, path, versions, history),
    "Change a dataset": (forget, expire, gc),
    "De-identify texts": (scrub, evaluate),
    "Tools": (keygen, policy_app, convert, sample, completion),
}


def main() -> None:
    """Runs the command line and exits.

    0 success; 1 check failed; 2 refused before anything was written; 3 failed and rolled back, or interrupted
    by SIGINT or SIGTERM; 4 not ready or held by another command, try again later.
    """
    if VARIABLE in os.environ:
        sys.exit(complete(app, os.environ))
    os.umask(_UMASK)
    prepare_process()
    remove_abandoned()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    options = ErrorOptions()
    watch = begin(sys.argv[1:], os.environ)
    message: str | tuple[str, ...]
    try:
        message, code = _run_command(options, watch)
    except KeyboardInterrupt:
        message, code = _INTERRUPTED
    _ignore_signals()
    told = message if isinstance(message, str) else "; ".join(message)
    for line in watch.ended(code, told, options.error, options.debug) if watch else ():
        tell(f"chatsieve: {line}", err=True)
    if message:
        fail(message, code)
    sys.exit(code)


def _run_command(options: ErrorOptions, watch: Watch | None) -> tuple[str | tuple[str, ...], int]:
    """(messages, exit code) of the command that the arguments name; no message if it printed one."""
    try:
        if watch:
            watch.started()
        code = app(prog_name="chatsieve", obj=options, standalone_mode=False) or 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except ChatsieveError as error:
        return _failed(error.lines, exit_code_of(error), options, error)
    except (typer.Abort, KeyboardInterrupt):
        return _failed(*_INTERRUPTED, options)
    except Exception as error:  # noqa: BLE001 - print class and place only: the message may contain data
        usage = usage_error(error)
        if usage is not None:
            return _failed(usage, 2, options, error)
        from transforms.shuffle.guard import describe

        if isinstance(error, OSError):
            return _failed(describe("a file cannot be read or written", error), 3, options, error)
        return _failed(describe("internal error", error), 3, options, error)
    return _INTERRUPTED if code == _TYPER_INTERRUPTED else ("", code)


def _failed[Message: str | tuple[str, ...]](
    message: Message, code: int, options: ErrorOptions, error: BaseException | None = None
) -> tuple[Message, int]:
    options.error = error
    if options.debug:
        traceback.print_exc()
    return message, code


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"chatsieve {importlib.metadata.version('chatsieve')}")
        raise typer.Exit


for _title, _commands in _SECTIONS.items():
    for _command in _commands:
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, rich_help_panel=_title)
        else:
            _given = watched(_command) if _command.__name__ in WATCHED else _command
            app.command(cls=Command, rich_help_panel=_title)(with_debug(_given))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """The command has ended: a signal must not change how that is reported."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


if __name__ == "__main__":
    main()
