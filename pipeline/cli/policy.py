"""`chatsieve policy`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.completion import policies
from pipeline.cli.help import Command, Group
from pipeline.cli.options import Json, console, tell, with_debug

policy_app = typer.Typer(
    name="policy",
    cls=Group,
    rich_markup_mode=None,
    help="""List, show, begin and check policies.

    Examples:
        chatsieve policy list
        chatsieve policy show consumer-terms-2025-09-28
        chatsieve policy new acme.yaml
        chatsieve policy check consumer-terms-2025-09-28
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


@policy_app.command(cls=Command)
@with_debug
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="POLICY",
            autocompletion=policies,
            help="The name or file of the policy that is copied.",
        ),
    ] = "consumer-terms-2025-09-28",
    id_: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="The id of the new policy. [default: the name of the file]"),
    ] = None,
) -> None:
    """Write a policy of your own: a copy of another one, to be edited.

    The rules of the copy are those of the other policy. Replace dates, plans, clauses and sources by those of
    the terms that apply to your logs (docs/how-to/new-provider.md).

    Examples:
        chatsieve policy new acme.yaml --from consumer-terms-2025-09-28-strict
    """
    from pipeline.commands.policy_files import new_policy

    pack = new_policy(file, source, id_)
    tell(
        f"{file}: policy {pack.policy.id} written; edit it, then run: chatsieve policy check {file}", err=True
    )


@policy_app.command(cls=Command)
@with_debug
def check(
    packs: Annotated[
        list[str],
        typer.Argument(
            metavar="POLICY", autocompletion=policies, help="The names or files of one or more policies."
        ),
    ],
    json_: Json = False,
) -> None:
    """Check policies, and print the faults of all of them at once.

    Prints a line with id and canonical digest for each policy if none has a fault, else exits with 2.

    Examples:
        chatsieve policy check consumer-terms-2025-09-28
    """
    from pipeline.commands.policy_files import check_policies

    found = check_policies(packs)
    if json_:
        typer.echo(
            json.dumps(
                [
                    {"policy": name, "id": pack.policy.id, "canonical_sha256": pack.canonical_sha256}
                    for name, pack in found
                ]
            )
        )
        return
    for name, pack in found:
        tell(f"{name}: valid; id {pack.policy.id}, canonical sha256 {pack.canonical_sha256}")
