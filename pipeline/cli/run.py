"""`chatsieve run` and `chatsieve audit`."""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.completion import policies
from pipeline.cli.options import (
    AsOf,
    BeamOptions,
    CheckRebuild,
    Compare,
    Config,
    Consent,
    Input,
    Json,
    NoWait,
    Output,
    Policy,
    Quiet,
    Set,
    Shareable,
    Wait,
    fail,
    share_of,
    tell,
)
from pipeline.cli.watched import watch
from pipeline.runners.process import load_beam
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.inputs.config import Settings


def run(
    config: Config,
    beam: BeamOptions = None,
    wait: Wait = None,
    no_wait: NoWait = False,
    as_of: AsOf = None,
    input_: Input = None,
    consent: Consent = None,
    output: Output = None,
    policy: Policy = None,
    compare: Compare = None,
    shareable: Shareable = False,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Read all inputs and mask all sessions; take nothing over."),
    ] = False,
    check_rebuild: CheckRebuild = None,
    set_: Set = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a dataset of eligible, de-identified sessions.

    Reads the logs, decides on every session, de-identifies the eligible ones, and writes training rows,
    ledger and report. Takes over what the version before has of unchanged inputs, and adds no version if
    nothing is new (docs/how-to/daily-run.md). If anything fails, everything written is removed. Inputs and
    output can be in S3 and Google Cloud Storage (docs/reference/stores.md). The section `runner` of the
    configuration names the engine: direct, prism, portable, flink, spark or dataflow
    (docs/reference/runners.md).

    Exit codes: 0 success; 1 committed, but a threshold of the configuration was crossed; 2 refused before
    anything was written; 3 failed and rolled back; 4 inputs or consent are not ready, or another command
    holds the dataset: try again later.

    Examples:
        chatsieve run -c run.yaml
        Decide as of a fixed time, and write 8 shards:
            chatsieve run -c run.yaml --as-of 2026-03-01T00:00:00Z --set output.shards=8
        Wait up to two hours for the inputs of the day, and log JSON:
            chatsieve run -c run.yaml --wait PT2H --log-format json
        Run on Flink, with an option of Beam:
            chatsieve run -c flink.yaml -- --parallelism=8
    """
    from pipeline.inputs.config import overrides_of

    overrides = overrides_of(as_of, input_, consent, output, policy, set_) | _waiting(wait, no_wait)
    share = share_of(check_rebuild)
    execute_and_print(
        "run", config, overrides, beam or [], json_, quiet, 0, compare, shareable, share, rebuild
    )


def audit(
    config: Config,
    beam: BeamOptions = None,
    sample: Annotated[
        int,
        typer.Option(
            "--sample",
            metavar="N",
            min=0,
            help="Detect personal data in N eligible sessions and report counts by entity type.",
        ),
    ] = 0,
    wait: Wait = None,
    no_wait: NoWait = False,
    as_of: AsOf = None,
    input_: Input = None,
    consent: Consent = None,
    output: Output = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="POLICY",
            autocompletion=policies,
            help="Use this policy (name or file). Can be repeated, to compare policies in one pass.",
        ),
    ] = None,
    compare: Compare = None,
    shareable: Shareable = False,
    set_: Set = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide on every session, but write no text.

    Writes ledger and report only. Exit codes are those of `run`.

    Examples:
        chatsieve audit -c run.yaml
        Count the personal data in 100 eligible sessions:
            chatsieve audit -c run.yaml --sample 100
        Try another policy:
            chatsieve audit -c run.yaml --policy consumer-terms-2025-09-28-strict
    """
    from pipeline.inputs.config import overrides_of, policy_argument

    first, more = (policy[0], policy[1:]) if policy else (None, [])
    overrides = overrides_of(as_of, input_, consent, output, first, set_, "audit.path")
    overrides |= _waiting(wait, no_wait)
    if more:
        if sample:
            raise ConfigError("--sample: works with one policy only; give --policy once")
        if shareable:
            raise ConfigError(
                "--shareable: works with one policy only, since counts suppressed in one report could be "
                "computed from another; give --policy once"
            )
        _compare_policies(
            config, overrides, [policy_argument(given) for given in more], beam or [], json_, quiet, compare
        )
    else:
        execute_and_print("audit", config, overrides, beam or [], json_, quiet, sample, compare, shareable)


def execute_and_print(
    kind: Literal["run", "audit"],
    config: Path,
    overrides: dict[str, Any],
    beam: list[str],
    as_json: bool,
    quiet: bool,
    sample: int = 0,
    compare: PurePath | None = None,
    shareable: bool = False,
    checked_share: float = 0.0,
    rebuild: bool = False,
) -> None:
    """Runs the pipeline, prints the result, and exits with 1 if a threshold was crossed."""
    from pipeline.inputs.config import load_settings

    # The configuration is checked before Beam is loaded, so that a mistake is reported at once.
    settings = load_settings(config, overrides)
    settings = _when_ready(settings, [settings.output_path(kind)], quiet)
    load_beam()
    from pipeline.cli.terminal.summary import one_line, print_summary, terminal
    from pipeline.commands.run import execute
    from pipeline.runners.progress import Progress

    progress = Progress(False if quiet else None, watch=watch())
    outcome = execute(settings, kind, beam, progress, sample, compare, shareable, checked_share, rebuild)
    watch().committed(outcome.path, outcome.counted, outcome.manifest, outcome.failed)
    if as_json:
        typer.echo(json.dumps({**_described(outcome), **outcome.report}))
    if outcome.nothing_new is not None:
        if not quiet:
            tell(outcome.nothing_new, err=True)
    elif progress.enabled:
        print_summary(outcome, terminal())
    elif not (quiet or as_json):
        tell(one_line(outcome), err=True)
    _check_thresholds([outcome])


def _compare_policies(
    config: Path,
    overrides: dict[str, Any],
    policies: list[str],
    beam: list[str],
    as_json: bool,
    quiet: bool,
    compare: PurePath | None,
) -> None:
    from pipeline.inputs.config import load_settings

    settings = _when_ready(load_settings(config, overrides, policies), [], quiet)
    load_beam()
    from pipeline.cli.terminal.compare_policies import print_policy_comparison
    from pipeline.cli.terminal.summary import one_line, terminal
    from pipeline.commands.compare_policies import compare_policies
    from pipeline.runners.progress import Progress

    progress = Progress(False if quiet else None, watch=watch())
    outcomes, document = compare_policies(settings, beam, progress, compare)
    for outcome in outcomes:
        watch().committed(outcome.path, outcome.counted, outcome.manifest, outcome.failed)
    if as_json:
        typer.echo(json.dumps(document))
    if progress.enabled:
        print_policy_comparison(document, terminal())
        tell(f"One audit per policy is in {outcomes[0].path.parent}", err=True)
    elif not (quiet or as_json):
        for outcome in outcomes:
            tell(one_line(outcome), err=True)
    _check_thresholds(outcomes)


def _waiting(wait: str | None, no_wait: bool) -> dict[str, Any]:
    """The key `wait`, if an option sets it."""
    if wait is not None and no_wait:
        raise ConfigError("--wait and --no-wait exclude each other; give one of them")
    return {"wait": wait} if wait is not None or no_wait else {}


def _when_ready(settings: Settings, outputs: list[PurePath], quiet: bool) -> Settings:
    """The settings once everything is there; a line on standard error for each change while it waits."""
    from pipeline.commands.readiness import when_ready

    def report(text: str) -> None:
        watch().waiting(text)
        if not quiet:
            tell(f"chatsieve: {text}", err=True)

    return when_ready(settings, outputs, report)


def _described(outcome: Any) -> dict[str, Any]:
    """What the JSON has before the report. `nothing_new` is null where a version was added."""
    found = {"path": str(outcome.path), "folder": str(outcome.folder)}
    if outcome.manifest.kind == "audit":
        return found
    increment = outcome.manifest.increment if outcome.nothing_new is None else None
    return {**found, "increment": increment, "nothing_new": outcome.nothing_new}


def _check_thresholds(outcomes: list[Any]) -> None:
    """Exits with 1 and a line per threshold that was crossed; the datasets stay committed."""
    from pipeline.report.thresholds import crossed_line

    lines = [
        f"{outcome.path.name}: {text}" if len(outcomes) > 1 else text
        for outcome in outcomes
        for text in (crossed_line(failure, outcome.manifest.kind) for failure in outcome.failed)
    ]
    for line in lines[:-1]:
        tell(f"chatsieve: {line}", err=True)
    if lines:
        fail(lines[-1], 1)
