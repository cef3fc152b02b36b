"""The command line: `chatsieve COMMAND`. Results on standard output, everything else on standard error.

Heavy imports wait until a command needs them, so that `--help` is instant.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from pipeline.config import overrides_of
from schemas.errors import ChatsieveError, ConfigError, InputError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turns conversation logs and consent records into training-eligible, de-identified Parquet shards.",
)

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file (YAML).")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Decide for this instant (RFC 3339).")]
Input = Annotated[
    list[str] | None, typer.Option("--input", help="Read this path or glob instead; repeatable.")
]
Consent = Annotated[
    list[str] | None, typer.Option("--consent", help="Consent snapshots instead; repeatable.")
]
Output = Annotated[str | None, typer.Option("--output", help="Write here instead.")]
Policy = Annotated[str | None, typer.Option("--policy", help="Use this policy file instead.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Any other key: a.b=value; repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="Machine output on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no summary.")]
Debug = Annotated[bool, typer.Option("--debug", help="A traceback with an error.")]
Beam = Annotated[
    list[str] | None, typer.Argument(help="Beam options, after --.", metavar="[-- BEAM OPTIONS]")
]


_DEBUG: list[bool] = []


def main() -> None:
    """Runs the command line and exits: 0 done, 1 a check failed, 2 refused, 3 failed and rolled back."""
    # Libraries log what they handle; what is worth telling, we tell.
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except ChatsieveError as error:
        _fail(str(error), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted", 3)
    except Exception as error:  # noqa: BLE001 - the last boundary: class and place only, for a message may hold data
        usage = getattr(error, "format_message", None)
        if usage is not None:
            _fail(f"{usage()} See chatsieve --help.".replace("..", "."), 2)
        from transforms.guard import describe

        _fail(describe("internal error", error), 3)


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
    set_: Set = None,
    json_: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """The pipeline: read, decide, de-identify, write, commit."""
    _note_debug(debug)
    overrides = overrides_of(as_of, input_, consent, output, policy, set_)
    _execute("run", config, overrides, beam or [], json_, quiet)


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
    policy: Policy = None,
    set_: Set = None,
    json_: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Dry run: decides everything, writes ledger and report, never a message text."""
    _note_debug(debug)
    overrides = overrides_of(as_of, input_, consent, output, policy, set_)
    _execute("audit", config, overrides, beam or [], json_, quiet, sample)


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(help="A dataset or audit folder.")],
    json_: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Checks manifest, digests, schema and ledger sums, and rescans the shards for residual PII."""
    _note_debug(debug)
    from pipeline.commands.verify import verify as find

    findings = find(run)
    if json_:
        typer.echo(json.dumps({"ok": not findings, "findings": [finding._asdict() for finding in findings]}))
    for finding in findings:
        typer.echo(f"chatsieve: {finding.kind}: {finding.where}: {finding.what}", err=True)
    if findings:
        raise typer.Exit(1)
    if not quiet:
        typer.echo(f"{run}: as its manifest says", err=True)


@app.command()
def explain(
    conversation: Annotated[str, typer.Argument(metavar="CONVERSATION_ID", help="Its id, or its key.")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration file (YAML).")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Decide as this run or audit did, and hold it against its ledger."),
    ] = None,
    text: Annotated[
        bool, typer.Option("--text/--no-text", help="Put an eligible session's text to rule 15, too.")
    ] = True,
    as_of: AsOf = None,
    input_: Input = None,
    consent: Consent = None,
    policy: Policy = None,
    set_: Set = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Why one conversation was decided so: timeline, messages, rules, verdict, and what would change it."""
    _note_debug(debug)
    from pipeline.commands import explain as command
    from pipeline.config import load_settings
    from pipeline.explain_page import print_explanation

    if config is not None:
        if run is not None and (as_of is not None or policy is not None):
            raise ConfigError("--run: decides as that run did; give no --as-of and no --policy with it")
        settings = load_settings(config, overrides_of(as_of, input_, consent, None, policy, set_))
        document = command.explain(settings, conversation, run, text)
    elif run is not None:
        document = command.explain_ledger(run, conversation)
    else:
        raise ConfigError("give -c CONFIG, or --run RUN and a conversation key")
    if json_:
        typer.echo(json.dumps(document))
    else:
        print_explanation(document, _console())
    if document["ledger"] and document["ledger"]["agrees"] is False:
        _fail("explain: the ledger says otherwise; the inputs changed since the run", 1)


policy_app = typer.Typer(help="Policy packs: who may be trained on.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")


@policy_app.command()
def show(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="A policy file.")],
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Checks a policy pack and prints it as a table, with its digests."""
    _note_debug(debug)
    from pipeline.commands.policy import policy_document, show_policy

    if json_:
        typer.echo(json.dumps(policy_document(pack)))
    else:
        show_policy(pack, _console())


@app.command()
def keygen(
    path: Annotated[
        Path | None, typer.Argument(help="Write the key here (mode 0600) and not to standard output.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Makes a key: 64 hex digits from the system's random source."""
    _note_debug(debug)
    from pipeline.commands.keygen import make_key, write_key

    if path is None:
        typer.echo(make_key())
    else:
        write_key(path)
        typer.echo(
            f"{path}: key written; keep it: without it no key of a dataset can be computed again", err=True
        )


@app.command()
def sample(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    conversations: Annotated[int, typer.Option("--conversations", min=0, help="How many sessions.")],
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal bytes.")] = 0,
    input_format: Annotated[str, typer.Option(help="jsonl, jsonl.gz, jsonl.zst or parquet.")] = "jsonl.gz",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Writes synthetic logs, consent, lists, the planted truth, and a config.yaml that runs as it is."""
    _note_debug(debug)
    from pipeline.commands.sample import write_sample

    if input_format not in ("jsonl", "jsonl.gz", "jsonl.zst", "parquet"):
        raise ConfigError("--input-format: expected jsonl, jsonl.gz, jsonl.zst or parquet")
    written = write_sample(
        directory, conversations=conversations, seed=seed, input_format=cast(Any, input_format)
    )
    if not quiet:
        typer.echo(f"{written.records} records in {written.files} files; run it with:", err=True)
        typer.echo(f"  chatsieve run -c {directory}/config.yaml", err=True)


@app.command()
def scrub(
    file: Annotated[Path | None, typer.Argument(help="The text; standard input if not given.")] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines of {"text": ...}, each a session of its own.')
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="List what was masked.")] = False,
    json_: Json = False,
    deid: Annotated[Path | None, typer.Option("--deid", help="A de-identification config.")] = None,
    debug: Debug = False,
) -> None:
    """De-identifies text from a file or standard input to standard output."""
    _note_debug(debug)
    from pipeline.commands import scrub as command

    data = command.read_input(file)
    engine = command.scrub_engine(deid)
    if jsonl:
        for line in command.scrub_lines(engine, data.splitlines(), explain):
            typer.echo(line.decode())
        return
    try:
        scrubbed = command.scrub_text(engine, data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{file or 'standard input'}: is not UTF-8 text") from None
    if json_:
        spans = [list(span) for span in scrubbed.spans]
        typer.echo(
            json.dumps({"text": scrubbed.text, **({"spans": spans} if explain else {})}, ensure_ascii=False)
        )
        return
    typer.echo(scrubbed.text, nl=False)
    if explain:
        typer.echo(command.explain_table(scrubbed.spans), err=True)


def _execute(
    kind: Any,
    config: Path,
    overrides: dict[str, Any],
    beam: list[str],
    as_json: bool,
    quiet: bool,
    sample: int = 0,
) -> None:
    from pipeline.config import load_settings

    settings = load_settings(config, overrides)
    # Only now the runner: a mistake in the configuration is told at once.
    from pipeline.commands.run import execute
    from pipeline.progress import Progress
    from pipeline.summary import summary

    outcome = execute(settings, kind, beam, Progress(False if quiet else None), sample)
    if as_json:
        typer.echo(json.dumps({"path": str(outcome.path), **outcome.report}))
    if not quiet:
        typer.echo(summary(outcome), err=True)
    if outcome.over_limit:
        counts = outcome.manifest.counts
        limit = settings.config.limits.max_quarantined_fraction
        _fail(
            f"{counts['quarantined_records']} of {counts['records']} records were quarantined, more than "
            f"limits.max_quarantined_fraction {limit:g}; see {outcome.path}/quarantine",
            1,
        )


def _console() -> Any:
    """Standard output for tables: as wide as the terminal, 80 columns where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 80, highlight=False, markup=False)


def _note_debug(debug: bool) -> None:
    _DEBUG.append(debug)


def _fail(message: str, code: int) -> None:
    if any(_DEBUG):
        traceback.print_exc()
    print(f"chatsieve: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - the error line itself
    sys.exit(code)


def _terminate(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
