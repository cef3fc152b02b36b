"""`chatsieve evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.completion import deid_configs
from pipeline.cli.options import Deid, Json, console
from schemas.errors import ConfigError


def evaluate(
    spans: Annotated[
        Path | None,
        typer.Option(
            "--spans",
            metavar="FILE",
            help='Labelled texts: JSON Lines of {"text", "spans": [[start, end, "TYPE"], ...]}; '
            'texts with the same "session" are masked together.',
        ),
    ] = None,
    synthetic: Annotated[
        int,
        typer.Option("--synthetic", metavar="N", min=0, help="Use N synthetic texts instead of --spans."),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The seed of the synthetic texts.")] = 1,
    deid: Deid = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="DEID",
            autocompletion=deid_configs,
            help="Compare with this de-identification config (name or file).",
        ),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="LABEL=TYPE",
            help="The entity type of a label in the texts, such as NAME=PERSON. Can be repeated.",
        ),
    ] = None,
    draws: Annotated[
        int,
        typer.Option("--draws", metavar="N", min=10, help="Bootstrap samples for confidence intervals."),
    ] = 1_000,
    misses: Annotated[
        int,
        typer.Option("--misses", metavar="N", min=0, help="List the places of up to N missed spans."),
    ] = 0,
    json_: Json = False,
) -> None:
    """Measure de-identification on labelled texts.

    Give either --spans or --synthetic. Prints recall and precision by entity type, with confidence intervals,
    the shares of texts and sessions without any leak, what is masked without a label, and the speed.

    Examples:
        chatsieve evaluate --spans labelled.jsonl
        Measure on 50 made-up texts, without labelled ones:
            chatsieve evaluate --synthetic 50
    """
    from pipeline.cli.terminal.evaluate import print_evaluation
    from pipeline.commands import evaluate as command
    from pipeline.inputs.config import deid_argument

    if (spans is None) == (synthetic == 0):
        raise ConfigError("evaluate: expected either --spans FILE or --synthetic N")
    if type_ and spans is None:
        raise ConfigError("evaluate: --type needs --spans")
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
