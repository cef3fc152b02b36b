"""Options that several commands share, and the function that ends the program with an error."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, NoReturn

import typer

from pipeline.cli.completion import deid_configs, policies, settings
from schemas.errors import ConfigError
from transforms.storage.places import location

Config = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The path to the configuration file (YAML).")
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="Decide as of this time (RFC 3339 with an offset). [default: the configured one, or now]",
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="PATH",
        help="Read this file, folder or glob instead of the configured inputs. Uses the format and defaults "
        "of the first configured input. Can be repeated.",
    ),
]
Consent = Annotated[
    list[str] | None,
    typer.Option(
        "--consent",
        metavar="PATH",
        help="Use these consent snapshots instead of `consent.snapshots`. Can be repeated.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        metavar="FOLDER",
        help="Write to this folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX instead of the configured one.",
    ),
]
Policy = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="POLICY",
        autocompletion=policies,
        help="Use this policy (name or file) instead of the configured one.",
    ),
]
Deid = Annotated[
    str | None,
    typer.Option(
        "--deid",
        metavar="DEID",
        autocompletion=deid_configs,
        help="The de-identification config (name or file). [default: default]",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        autocompletion=settings,
        help="Set any key of the configuration, such as output.shards=8. Can be repeated.",
    ),
]
Compare = Annotated[
    PurePath | None,
    typer.Option(
        "--compare", metavar="FOLDER", parser=location, help="Compare with this run or audit in the report."
    ),
]
Shareable = Annotated[
    bool,
    typer.Option("--shareable", help="Suppress counts below `audit.min_cell` in the report."),
]
Wait = Annotated[
    str | None,
    typer.Option(
        "--wait",
        metavar="DURATION",
        help="Wait so long for inputs and consent to be ready, and for a command that holds the dataset, "
        "such as PT2H. [default: the configured one, or not at all]",
    ),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Refuse at once what is not ready (exit code 4).")]
CheckRebuild = Annotated[
    str | None,
    typer.Option(
        "--check-rebuild",
        metavar="N%",
        help="Mask this share of the sessions taken over again, and fail if one differs.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON to standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Do not print progress and summary.")]
Debug = Annotated[bool, typer.Option("--debug", help="Print a traceback with an error.")]
BeamOptions = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- BEAM_OPTION", help="Options for Apache Beam, after `--`."),
]


def share_of(text: str | None) -> float:
    """The share, from 0 to 1, that `5%` or `5` means; 0 for None. Raises ConfigError."""
    if text is None:
        return 0.0
    matched = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)%?", text.strip())
    if matched is None or not 0 < float(matched[1]) <= 100:
        raise ConfigError("--check-rebuild: expected a percentage above 0 and up to 100, such as 5%")
    return float(matched[1]) / 100


@dataclasses.dataclass
class ErrorOptions:
    """How errors are printed; the object of the root context. `debug`: with a traceback (--debug).

    `error`: what ended the command.
    """

    debug: bool = False
    error: BaseException | None = None


def with_debug(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the option --debug, which sets `ErrorOptions.debug` of the root context."""

    @functools.wraps(command)
    def wrapped(context: typer.Context, debug: bool, **arguments: Any) -> None:
        context.ensure_object(ErrorOptions).debug = debug
        command(**arguments)

    added = (("context", typer.Context, inspect.Parameter.empty), ("debug", Debug, False))
    return extended(wrapped, command, added)


def extended(
    wrapped: Callable[..., None], command: Callable[..., None], added: Iterable[tuple[str, Any, Any]]
) -> Callable[..., None]:
    """`wrapped`, with the parameters of `command` and (name, annotation, default) of each added one."""
    signature = inspect.signature(command, eval_str=True)
    parameters = [
        *signature.parameters.values(),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, annotation, default in added
        ),
    ]
    wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapped


def console() -> Any:
    """A console on standard output: as wide as the terminal, or 80 columns if it is not one.

    Lines of a text stay lines; otherwise its texts are printed as `printable`.
    """
    from rich.console import Console
    from rich.text import Text

    class PrintableConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str("\n".join(map(printable, text.split("\n"))), **options)

    return PrintableConsole(width=None if sys.stdout.isatty() else 80, highlight=False, markup=False)


def printable(text: str) -> str:
    """The text on one line, with control characters as escapes, such as `\\x1b`.

    Paths and the files of a dataset may contain such characters, by accident or to deceive.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def tell(text: str, err: bool = False) -> None:
    """Prints one line."""
    typer.echo(printable(text), err=err)


def fail(message: str | Sequence[str], code: int, debug: bool = False) -> NoReturn:
    """Prints each message as one line to standard error, after a traceback if `debug`, and exits."""
    if debug:
        traceback.print_exc()
    for each in [message] if isinstance(message, str) else message:
        line = printable(" ".join(each.split()))
        print(f"chatsieve: {line}", file=sys.stderr)  # noqa: T201 - the error line itself
    sys.exit(code)
