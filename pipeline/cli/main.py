"""The command line: `chatsieve COMMAND`. Results go to standard output, everything else to standard error.

Heavy modules are imported when a command needs them, so that `--help` is instant.
"""

from __future__ import annotations

import importlib.metadata
import os
import signal
import sys
from typing import Annotated

import typer

from pipeline.cli.convert import convert
from pipeline.cli.datasets import gc, path, versions
from pipeline.cli.demo import demo
from pipeline.cli.diff import diff
from pipeline.cli.erasure import expire, forget
from pipeline.cli.evaluate import evaluate
from pipeline.cli.explain import explain
from pipeline.cli.help import Command
from pipeline.cli.inspect import inspect
from pipeline.cli.keygen import keygen
from pipeline.cli.options import ErrorOptions, fail, with_debug
from pipeline.cli.policy import policy_app
from pipeline.cli.run import audit, run
from pipeline.cli.sample import sample
from pipeline.cli.scrub import scrub
from pipeline.cli.verify import verify
from pipeline.runners.process import prepare_process
from schemas.errors import ChatsieveError
from transforms.shuffle.temporary import remove_abandoned

#: Files are 0640 and folders 0750, in every process of a command; private ones are made with less.
_UMASK = 0o027

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turn conversation logs and consent records into de-identified Parquet shards for training.",
)


def main() -> None:
    """Runs the command line and exits: 0 success, 1 check failed, 2 not started, 3 failed and rolled back."""
    os.umask(_UMASK)
    prepare_process()
    remove_abandoned()
    signal.signal(signal.SIGTERM, _terminate)
    options = ErrorOptions()
    try:
        sys.exit(app(obj=options, standalone_mode=False) or 0)
    except ChatsieveError as error:
        fail(str(error), error.exit_code, options.debug)
    except (typer.Abort, KeyboardInterrupt):
        fail("interrupted", 3, options.debug)
    except Exception as error:  # noqa: BLE001 - print class and place only: the message may contain data
        usage = getattr(error, "format_message", None)
        if usage is not None:
            message = usage()
            stop = "" if message.endswith((".", "?")) else "."
            fail(f"{message}{stop} See chatsieve --help.", 2, options.debug)
        from transforms.shuffle.guard import describe

        fail(describe("internal error", error), 3, options.debug)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"chatsieve {importlib.metadata.version('chatsieve')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _command in (
    *(run, audit, inspect, convert, verify, explain, diff, path, versions, gc, forget, expire),
    *(scrub, evaluate, demo, sample, keygen),
):
    app.command(cls=Command)(with_debug(_command))
app.add_typer(policy_app, name="policy")


def _terminate(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
