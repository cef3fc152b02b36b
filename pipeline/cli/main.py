"""The command line: `chatsieve COMMAND`. Results on standard output, everything else on standard error.

Heavy imports wait until a command needs them, so that `--help` is instant.
"""

from __future__ import annotations

import importlib.metadata
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.logs import convert, inspect
from pipeline.cli.options import (
    AsOf,
    Beam,
    Compare,
    Config,
    Consent,
    Debug,
    Input,
    Json,
    Output,
    Policy,
    Quiet,
    Set,
    Shareable,
    error_line,
    fail,
)
from pipeline.cli.results import diff, evaluate, explain, policy_app, verify
from pipeline.cli.standalone import keygen, sample, scrub
from pipeline.inputs.config import overrides_of, policy_argument
from pipeline.runners.process import load_beam, prepare_process
from schemas.errors import ChatsieveError, ConfigError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turns conversation logs and consent records into training-eligible, de-identified Parquet shards.",
)


def main() -> None:
    """Runs the command line and exits: 0 done, 1 a check failed, 2 refused, 3 failed and rolled back."""
    prepare_process()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except ChatsieveError as error:
        fail(str(error), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        fail("interrupted", 3)
    except Exception as error:  # noqa: BLE001 - the last boundary: class and place only, for a message may hold data
        usage = getattr(error, "format_message", None)
        if usage is not None:
            fail(f"{usage()} See chatsieve --help.".replace("..", "."), 2)
        from transforms.shuffle.guard import describe

        fail(describe("internal error", error), 3)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="The version.")] = False,
) -> None:
    if version:
        typer.echo(f"chatsieve {importlib.metadata.version('chatsieve')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    config: Config,
    beam: Beam = None,
    as_of: AsOf = None,
    input_: Input = None,
    consent: Consent = None,
    output: Output = None,
    policy: Policy = None,
    compare: Compare = None,
    shareable: Shareable = False,
    set_: Set = None,
    json_: Json = False,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Runs the pipeline: reads, decides, de-identifies, writes and commits a dataset."""
    overrides = overrides_of(as_of, input_, consent, output, policy, set_)
    _execute("run", config, overrides, beam or [], json_, quiet, 0, compare, shareable)


@app.command()
def audit(
    config: Config,
    beam: Beam = None,
    sample: Annotated[
        int,
        typer.Option("--sample", min=0, help="Estimate PII over this many eligible sessions; counts only."),
    ] = 0,
    as_of: AsOf = None,
    input_: Input = None,
    consent: Consent = None,
    output: Output = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy", help="Use this policy instead: its name or file; several are compared in one pass."
        ),
    ] = None,
    compare: Compare = None,
    shareable: Shareable = False,
    set_: Set = None,
    json_: Json = False,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Decides every session; writes ledger and report, and no message text."""
    first, more = (policy[0], policy[1:]) if policy else (None, [])
    overrides = overrides_of(as_of, input_, consent, output, first, set_)
    if more:
        if sample:
            raise ConfigError("--sample: estimates under one policy; give one --policy with it")
        if shareable:
            raise ConfigError(
                "--shareable: reports under several policies tell sessions apart by what differs; "
                "give one --policy with it"
            )
        _compare_policies(
            config, overrides, [policy_argument(given) for given in more], beam or [], json_, quiet, compare
        )
    else:
        _execute("audit", config, overrides, beam or [], json_, quiet, sample, compare, shareable)


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")] = Path(
        "chatsieve-demo"
    ),
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Copies the packaged example and its configuration into DIR, and runs it into DIR/out/demo."""
    from pipeline.inputs.packaged import copy_demo

    config = copy_demo(directory)
    _execute("run", config, {}, [], False, quiet)
    if not quiet:
        typer.echo(f"report:        {directory}/out/demo/report/report.html", err=True)
        typer.echo(f"configuration: {config}", err=True)


app.command()(verify)
app.command()(explain)
app.command()(diff)
app.command()(evaluate)
app.command()(inspect)
app.command()(convert)
app.add_typer(policy_app, name="policy")
app.command()(keygen)
app.command()(sample)
app.command()(scrub)


def _execute(
    kind: Any,
    config: Path,
    overrides: dict[str, Any],
    beam: list[str],
    as_json: bool,
    quiet: bool,
    sample: int = 0,
    compare: Path | None = None,
    shareable: bool = False,
) -> None:
    from pipeline.inputs.config import load_settings

    settings = load_settings(config, overrides)
    # Beam is loaded only now, so that errors in the configuration are reported at once.
    load_beam()
    from pipeline.cli.terminal.summary import one_line, print_summary, terminal
    from pipeline.commands.run import execute
    from pipeline.runners.progress import Progress

    progress = Progress(False if quiet else None)
    outcome = execute(settings, kind, beam, progress, sample, compare, shareable)
    if as_json:
        typer.echo(json.dumps({"path": str(outcome.path), **outcome.report}))
    if progress.enabled:
        print_summary(outcome, terminal())
    elif not (quiet or as_json):
        typer.echo(one_line(outcome), err=True)
    _check([outcome])


def _compare_policies(
    config: Path,
    overrides: dict[str, Any],
    policies: list[str],
    beam: list[str],
    as_json: bool,
    quiet: bool,
    compare: Path | None,
) -> None:
    from pipeline.inputs.config import load_settings

    settings = load_settings(config, overrides, policies)

    load_beam()
    from pipeline.cli.terminal.summary import one_line, terminal
    from pipeline.commands.compare_policies import compare_policies, print_policy_comparison
    from pipeline.runners.progress import Progress

    progress = Progress(False if quiet else None)
    outcomes, document = compare_policies(settings, beam, progress, compare)
    if as_json:
        typer.echo(json.dumps(document))
    if progress.enabled:
        print_policy_comparison(document, terminal())
        typer.echo(f"An audit each, to verify, explain and diff: {outcomes[0].path.parent}/*", err=True)
    elif not (quiet or as_json):
        for outcome in outcomes:
            typer.echo(one_line(outcome), err=True)
    _check(outcomes)


def _check(outcomes: list[Any]) -> None:
    """Exit code 1, and a line for each threshold that was crossed. The output is not removed."""
    lines = [
        f"{outcome.path.name}: {text}" if len(outcomes) > 1 else text
        for outcome in outcomes
        for text in outcome.failed
    ]
    for line in lines:
        error_line(line)
    if lines:
        raise typer.Exit(1)


def _terminate(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
