"""Help texts of commands: literal text, names in place of types, and example command lines at the end.

A docstring can end with a section of examples. A line that ends with a colon is the title of the command line
below it:

    Examples:
        Write the dataset on 8 shards:
            chatsieve run -c run.yaml --set output.shards=8
        chatsieve run -c run.yaml
"""

from __future__ import annotations

import inspect
import re
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

_SECTION = "Examples:\n"
#: The Python type after the name of an argument or option, and the range of a number.
_TYPE = re.compile(r" <[^>]+>$")
_BOUNDS = r"(?:[-.\d]+<=?x(?:<=?[-.\d]+)?|x[<>]=?[-.\d]+)"
_RANGE = re.compile(rf"; {_BOUNDS}(?=[;\]])|\s*\[{_BOUNDS}\]|(?<=\[){_BOUNDS}; ")
#: A hyphen at which the library does not wrap a line.
_UNBROKEN = "\N{NON-BREAKING HYPHEN}"
_SENTENCE_END = re.compile(r"\.\s")


class Example(NamedTuple):
    """A command line, and what it does, with a colon at the end; without a title if that is plain."""

    title: str
    line: str


class Row(NamedTuple):
    """An argument or option as it is written, such as `-c, --config FILE`, and its text."""

    name: str
    text: str


class _Help:
    """What the help of commands and groups has in common. `help` is the text without its examples."""

    help: str | None
    examples: tuple[Example, ...] = ()

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.help, self.examples = split_examples(self.help or "")

    def get_short_help_str(self, limit: int = 0) -> str:
        """The first sentence, whole: at `limit` characters the library would end it with dots."""
        del limit
        return _first_sentence(self.help or "")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words after the command in the usage line."""
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [piece.replace("{", "").replace("}", "") for piece in pieces]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the whole help. No line ends within a word: half of `--as-of` cannot be copied."""
        super().format_help(ctx, formatter)  # type: ignore[misc]
        formatter.buffer = [each.replace(_UNBROKEN, "-") for each in formatter.buffer]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Writes the paragraphs."""
        del ctx
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_unbroken(self.help or ""))

    def rows(self, ctx: Any, kind: str) -> list[Row]:
        """The parameters of a kind, `argument` or `option`, in the order of the help."""
        found = (
            each.get_help_record(ctx)
            for each in self.get_params(ctx)  # type: ignore[attr-defined]
            if each.param_type_name == kind
        )
        return [
            Row(_TYPE.sub("", name), _RANGE.sub("", text).replace("  [", " ["))
            for name, text in filter(None, found)
        ]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The completions, with the first sentence of each text. The library reads it as markup."""
        items: list[Any] = super().shell_complete(ctx, incomplete)  # type: ignore[misc]
        for item in items:
            item.help = _first_sentence(item.help or "")
            if "[" in item.help:
                from rich.markup import escape

                item.help = escape(item.help)
        return items

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the sections of arguments and options."""
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            if rows := self.rows(ctx, kind):
                with formatter.section(title):
                    formatter.write_dl([(_unbroken(name), _unbroken(text)) for name, text in rows])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes the examples. A command line is one line at any width, so that it can be copied."""
        del ctx
        if not self.examples:
            return
        with formatter.section("Examples"):
            for title, line in self.examples:
                if title:
                    formatter.write_text(_unbroken(title))
                indent = formatter.current_indent + (2 if title else 0)
                formatter.write(f"{'':>{indent}}{line}\n")


class Command(_Help, TyperCommand):
    """A command whose help has names and defaults only: `PATH`, not `{PATH}` or `PATH <str>`."""


class Group(_Help, TyperGroup):
    """A command with commands, listed by their `rich_help_panel`. Alone, it prints its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the options of the group."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit
        return super().parse_args(ctx, args)

    def sections(self) -> dict[str, list[str]]:
        """The names of its commands by heading, both in the order of registration."""
        found: dict[str, list[str]] = {}
        for name, command in self.commands.items():
            if not command.hidden:
                found.setdefault(getattr(command, "rich_help_panel", None) or "Commands", []).append(name)
        return found

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the sections of options and of commands, one line for each command."""
        _Help.format_options(self, ctx, formatter)
        sections = self.sections()
        width = max(len(name) for names in sections.values() for name in names)
        for title, names in sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name.ljust(width), _unbroken(self.commands[name].get_short_help_str()))
                        for name in names
                    ]
                )


def _unbroken(text: str) -> str:
    return text.replace("-", _UNBROKEN)


def _first_sentence(text: str) -> str:
    first = " ".join(text.partition("\n\n")[0].split())
    end = _SENTENCE_END.search(first)
    return first[: end.start() + 1] if end else first


def split_examples(text: str) -> tuple[str, tuple[Example, ...]]:
    """(the text without its section of examples, the examples); see the docstring of this module."""
    body, found, section = inspect.cleandoc(text).rpartition(_SECTION)
    if not found:
        return section, ()
    examples = []
    title = ""
    for line in filter(None, map(str.strip, section.splitlines())):
        if line.endswith(":"):
            title = line
        else:
            examples.append(Example(title, line))
            title = ""
    return body.rstrip(), tuple(examples)


def usage_error(error: BaseException) -> str | None:
    """One line on a command line that cannot be parsed; None for another error.

    The words that were too many are counted: they can be the ids of people.
    """
    if not hasattr(error, "format_message"):
        return None
    message = str(error.format_message()).rstrip(".")
    if possible := getattr(error, "possibilities", None):
        message = f"{str(getattr(error, 'message', '')).rstrip('.')}. Did you mean {' or '.join(possible)}?"
    elif message.startswith("Got unexpected extra argument"):
        message = "Got more arguments than the command has; quote names that contain spaces"
    context = getattr(error, "ctx", None)
    place = context.command_path if context else "chatsieve"
    return f"{message}{'' if message.endswith('?') else '.'} See {place} --help."
