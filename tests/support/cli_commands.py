"""All commands of the program, found in the program itself."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from pipeline.cli.help import Command, Group
from pipeline.cli.main import app


def cli_commands(*, hidden: bool = False) -> dict[str, Command | Group]:
    """Every command by its words, such as `chatsieve policy show`; groups, too, and the program itself."""
    root = typer.main.get_command(app)
    return dict(_below("chatsieve", root, hidden))


def _below(words: str, command: object, hidden: bool) -> Iterator[tuple[str, Command | Group]]:
    assert isinstance(command, Command | Group), f"{words}: give it cls=Command or cls=Group of cli/help.py"
    yield words, command
    if isinstance(command, Group):
        for name, each in command.commands.items():
            if hidden or not each.hidden:
                yield from _below(f"{words} {name}", each, hidden)
