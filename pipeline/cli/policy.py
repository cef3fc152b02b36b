"""`chatsieve policy`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.help import Command
from pipeline.cli.options import Json, console, with_debug
from pipeline.inputs.config import find_config

policy_app = typer.Typer(help="List and show policies.", no_args_is_help=True, rich_markup_mode=None)


@policy_app.command(name="list", cls=Command)
@with_debug
def list_(json_: Json = False) -> None:
    """List the included policies. Their names can be used instead of paths."""
    from pipeline.commands.policy import list_document, list_policies

    if json_:
        typer.echo(json.dumps(list_document()))
    else:
        list_policies(console())


@policy_app.command(cls=Command)
@with_debug
def show(
    pack: Annotated[str, typer.Argument(metavar="POLICY", help="The name or file of a policy.")],
    json_: Json = False,
) -> None:
    """Check a policy and show its content."""
    from pipeline.commands.policy import policy_document, show_policy

    path = find_config("policies", pack, Path.cwd())
    if json_:
        typer.echo(json.dumps(policy_document(path)))
    else:
        show_policy(path, console())
