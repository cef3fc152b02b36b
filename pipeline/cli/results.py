"""Commands that read and write no dataset: verify, explain, diff, evaluate, policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import (
    AsOf,
    Consent,
    Debug,
    Deid,
    Input,
    Json,
    Policy,
    Quiet,
    Set,
    console,
    error_line,
)
from pipeline.inputs.config import deid_argument, find_config, overrides_of
from schemas.errors import ConfigError


def verify(
    run: Annotated[Path, typer.Argument(help="A dataset or audit folder.")],
    json_: Json = False,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Checks manifest, digests, schema and ledger sums, and rescans the shards for residual PII."""
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


def explain(
    conversation: Annotated[str, typer.Argument(metavar="CONVERSATION_ID", help="Its id, or its key.")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration file (YAML).")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Decide as this run or audit did, and compare with its ledger."),
    ] = None,
    text: Annotated[
        bool,
        typer.Option("--text/--no-text", help="Apply rule 15, which reads an eligible session's text."),
    ] = True,
    as_of: AsOf = None,
    input_: Input = None,
    consent: Consent = None,
    policy: Policy = None,
    set_: Set = None,
    json_: Json = False,
    _debug: Debug = False,
) -> None:
    """Explains the decision on one conversation: timeline, messages, rules, and what would change it."""
    from pipeline.cli.terminal.explain import print_explanation
    from pipeline.commands import explain as command
    from pipeline.inputs.config import load_settings

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
        print_explanation(document, console())
    if document["ledger"] and document["ledger"]["agrees"] is False:
        error_line("explain: the ledger has another decision; the inputs changed since the run")
        raise typer.Exit(1)


def diff(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run or audit.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another, under the same key.")],
    keys: Annotated[
        int, typer.Option("--keys", min=0, help="List this many conversation keys of each changed pair.")
    ] = 20,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write every changed session to this Parquet file.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the comparison as a page.")] = None,
    json_: Json = False,
    _debug: Debug = False,
) -> None:
    """Compares two runs or audits: sessions decided differently, by reasons, tier, surface and rule."""
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


def evaluate(
    spans: Annotated[
        Path | None,
        typer.Option(
            "--spans", help='Labelled texts: lines of {"text", "spans": [[start, end, "TYPE"], ...]}.'
        ),
    ] = None,
    synthetic: Annotated[
        int, typer.Option("--synthetic", min=0, help="Generate this many labelled texts instead.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the generated texts.")] = 1,
    deid: Deid = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Compare with this config, given by name or file.")
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="LABEL=TYPE for other labels; repeatable.")
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=10, help="Bootstrap samples for the intervals.")
    ] = 1_000,
    misses: Annotated[int, typer.Option("--misses", min=0, help="List this many missed spans.")] = 0,
    json_: Json = False,
    _debug: Debug = False,
) -> None:
    """Measures a de-identification config on labelled texts: by type, with intervals, and its speed."""
    from pipeline.cli.terminal.evaluate import print_evaluation
    from pipeline.commands import evaluate as command

    if (spans is None) == (synthetic == 0):
        raise ConfigError("give either --spans FILE or --synthetic N")
    labelled = (
        command.read_labelled(spans, command.types_of(type_ or []))
        if spans is not None
        else command.synthetic_texts(synthetic, seed)
    )
    document = command.evaluate(labelled, deid_argument(deid), deid_argument(against), draws, misses)
    if json_:
        typer.echo(json.dumps(document))
    else:
        print_evaluation(document, console())


policy_app = typer.Typer(help="Policy packs: which sessions can be used.", no_args_is_help=True)


@policy_app.command(name="list")
def list_(json_: Json = False, _debug: Debug = False) -> None:
    """Lists the policy packs that come with chatsieve. Their names can be used instead of paths."""
    from pipeline.commands.policy import list_document, list_policies

    if json_:
        typer.echo(json.dumps(list_document()))
    else:
        list_policies(console())


@policy_app.command()
def show(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="A policy's name or file.")],
    json_: Json = False,
    _debug: Debug = False,
) -> None:
    """Checks a policy pack and prints it as a table, with its digests."""
    from pipeline.commands.policy import policy_document, show_policy

    path = find_config("policies", pack, Path.cwd())
    if json_:
        typer.echo(json.dumps(policy_document(path)))
    else:
        show_policy(path, console())
