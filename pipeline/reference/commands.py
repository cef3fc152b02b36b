"""The page of commands, and what it has in common with the man pages: every command with its help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import typer

from pipeline.cli.help import Command, Example, Group, Row
from pipeline.cli.main import app
from pipeline.reference.markdown import code, table, wrapped

_INTRODUCTION = """\
# Commands

The text of `chatsieve --help` and of `chatsieve COMMAND --help`. Every command also has `-h` or `--help`, and
`--debug`, which prints a traceback with an error. [Exit codes](exit-codes.md) lists how each command ends.
The examples are run by a test, in a folder that `chatsieve sample` made.

"""
_COMPLETION = """
## Completion and man pages

`chatsieve completion` prints a script for Bash, Zsh or fish; [its examples](#chatsieve-completion) install
it. A wheel has the texts of this page as man pages, which `pipx install` makes available: `man chatsieve`,
`man chatsieve-run`.
"""
#: Options of every command, which the introduction names.
_OF_ALL = frozenset({"-h, --help", "--debug"})
#: For the test of the blocks of pages.
_NOT_RUN = "<!-- no-run: tests/pipeline/cli/test_examples.py runs the examples of all commands -->"
#: An option in a text, outside of backticks.
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
_MARKUP = re.compile(r"([*<])")


class Described(NamedTuple):
    """A command, by its words such as `chatsieve policy show`, and the parts of its help."""

    words: str
    usage: str
    summary: str
    paragraphs: list[str]
    #: The words of the commands of a group by heading; empty for a command.
    sections: dict[str, list[str]]
    arguments: list[Row]
    options: list[Row]
    examples: tuple[Example, ...]


def described() -> list[Described]:
    """Every command in the order of the help: a group is before its commands."""
    command: Any = typer.main.get_command(app)
    return list(_described("chatsieve", command, None))


def _described(words: str, command: Command | Group, parent: Any) -> Iterator[Described]:
    made: Any = command
    context = typer.Context(made, parent=parent, info_name=words.split()[-1], **made.context_settings)
    sections = command.sections() if isinstance(command, Group) else {}
    yield Described(
        words,
        " ".join([words, *command.collect_usage_pieces(context)]),
        command.get_short_help_str(),
        [" ".join(each.split()) for each in (command.help or "").split("\n\n")],
        {title: [f"{words} {name}" for name in names] for title, names in sections.items()},
        command.rows(context, "argument"),
        command.rows(context, "option"),
        command.examples,
    )
    if isinstance(command, Group):
        for name in (name for names in sections.values() for name in names):
            below: Any = command.commands[name]
            yield from _described(f"{words} {name}", below, context)


def page() -> str:
    """The page in Markdown."""
    root, *commands = described()
    summaries = {each.words: each.summary for each in commands}
    parts = [_INTRODUCTION, f"{_literal(root.paragraphs[0])}\n\n"]
    for title, names in root.sections.items():
        rows = [(f"[{code(name)}](#{name.replace(' ', '-')})", _literal(summaries[name])) for name in names]
        parts += [f"**{title}**\n\n", table(["command", "does"], rows), "\n"]
    parts += [_examples(root), *map(_section, commands), _COMPLETION]
    return "".join(parts)


def _section(command: Described) -> str:
    parts = [f"\n## {command.words}\n\n```text\n{command.usage}\n```\n"]
    parts += [f"\n{wrapped(_literal(each))}\n" for each in command.paragraphs]
    for kind, rows in (("argument", command.arguments), ("option", command.options)):
        cells = [(code(row.name), _literal(row.text)) for row in rows if row.name not in _OF_ALL]
        if cells:
            parts += ["\n", table([kind, "meaning"], cells)]
    return "".join([*parts, "\n", _examples(command)])


def _examples(command: Described) -> str:
    """A block of the command lines, with their titles as comments."""
    lines = [
        line
        for title, command_line in command.examples
        for line in ([f"# {title.rstrip(':')}"] if title else []) + [command_line]
    ]
    return "\n".join([_NOT_RUN, "```sh", *lines, "```", ""])


def _literal(text: str) -> str:
    """Markdown that shows the text as it is; options, and what is in backticks, are code."""
    parts = re.split(r"(`[^`]+`)", text)
    parts = [new for part in parts for new in ([part] if part[:1] == "`" else _OPTION.split(part))]
    parts = [code(part) if _OPTION.fullmatch(part) else part for part in parts]
    return "".join(part if part[:1] == "`" else _MARKUP.sub(r"\\\1", part) for part in parts)
