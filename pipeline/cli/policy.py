"""`chatsieve policy`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.completion import policies
from pipeline.cli.help import Command, Group
from pipeline.cli.options import Json, console, with_debug

policy_app = typer.Typer(
    name="policy",
    cls=Group,
    rich_markup_mode=None,
    help="""List and show policies.

    Examples:
        chatsieve policy list
        chatsieve policy show consumer-terms-2025-09-28
    """,
)


@policy_app.command(name="list", cls=Command)
@with_debug
def list_(json_: Json = False) -> None:
    """List the included policies. Their names can be used instead of paths.

    Examples:
        chatsieve policy list
    """
    from pipeline.commands.policy import list_document, list_policies

    if json_:
        typer.echo(json.dumps(list_document()))
    else:
        list_policies(console())


@policy_app.command(cls=Command)
@with_debug
def show(
    pack: Annotated[
        str, typer.Argument(metavar="POLICY", autocompletion=policies, help="The name or file of a policy.")
    ],
    json_: Json = False,
) -> None:
    """Check a policy and show its content.

    Examples:
        chatsieve policy show consumer-terms-2025-09-28
    """
    from pipeline.commands.policy import policy_document, show_policy
    from pipeline.inputs.config import find_config

    path = find_config("policies", pack, Path.cwd())
    if json_:
        typer.echo(json.dumps(policy_document(path)))
    else:
        show_policy(path, console())
