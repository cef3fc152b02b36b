"""`chatsieve explain`."""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import Annotated

import typer

from pipeline.cli.options import AsOf, Consent, Input, Json, Policy, Set, console, fail
from schemas.errors import ConfigError
from transforms.storage.places import location


def explain(
    conversation: Annotated[
        str,
        typer.Argument(
            metavar="CONVERSATION",
            help="A conversation id or key, or a further id: a session id of Claude Code, the id of a record "
            "that repeats a history.",
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="The path to the configuration file (YAML)."),
    ] = None,
    run: Annotated[
        PurePath | None,
        typer.Option(
            "--run",
            metavar="FOLDER",
            parser=location,
            help="Use policy and time of this run or audit, and compare with its ledger. "
            "Without -c, show its ledger only.",
        ),
    ] = None,
    no_text: Annotated[
        bool,
        typer.Option(
            "--no-text", help="Leave out rule 15 (de-identification), and the loading of its model."
        ),
    ] = False,
    as_of: AsOf = None,
    input_: Input = None,
    consent: Consent = None,
    policy: Policy = None,
    set_: Set = None,
    json_: Json = False,
) -> None:
    """Explain the decision on a conversation.

    Prints the consent timeline, the messages without their text, every rule, and what would change the
    decision. With --run, exits with 1 if the ledger has another decision.

    Examples:
        chatsieve explain -c run.yaml conv-000000002
        Explain the decision of the last run, with its policy and time:
            chatsieve explain -c run.yaml --run out/dataset conv-000000002
    """
    from pipeline.cli.terminal.explain import print_explanation
    from pipeline.commands import explain as command
    from pipeline.inputs.config import load_settings, overrides_of

    if config is not None:
        if run is not None and (as_of is not None or policy is not None):
            raise ConfigError("--run cannot be combined with --as-of or --policy")
        settings = load_settings(config, overrides_of(as_of, input_, consent, None, policy, set_))
        document = command.explain(settings, conversation, run, not no_text)
    elif run is not None:
        document = command.explain_ledger(run, conversation)
    else:
        raise ConfigError("explain: expected -c CONFIG, or --run FOLDER and a conversation key")
    if json_:
        typer.echo(json.dumps(document))
    else:
        print_explanation(document, console())
    if document["ledger"] and document["ledger"]["agrees"] is False:
        fail("explain: the ledger has another decision; the inputs changed since the run", 1)
