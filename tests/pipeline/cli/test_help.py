"""Help: literal text, names in place of types, and an example, for every command of the program."""

from __future__ import annotations

import re
from typing import Annotated

import pytest
import typer

from pipeline.cli.help import Command, Example, Group, split_examples
from tests.support.cli_commands import cli_commands
from tests.support.command import chatsieve

COMMANDS = cli_commands()
#: In a terminal of 80 columns, an example is one line.
MOST_COLUMNS = 80


def help_of(words: str, columns: int = 80, option: str = "--help") -> str:
    done = chatsieve(*words.split()[1:], option, COLUMNS=str(columns))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("words", COMMANDS)
def test_help_is_literal_and_ends_with_an_example(words: str) -> None:
    """A reader needs the names of files and times, not of Python types, and a line to begin with."""
    command = COMMANDS[words]
    assert command.examples, (
        f"{words}: end its docstring with a section `Examples:` (see pipeline/cli/help.py); they are run "
        "in the folder that `a_folder` of tests/pipeline/cli/test_examples.py makes"
    )
    shown = help_of(words)
    assert shown == help_of(words, option="-h")
    assert shown.startswith(f"Usage: {words} ")
    lines = shown.splitlines()
    assert lines[-1].strip() == command.examples[-1].line
    assert max(map(len, lines)) <= MOST_COLUMNS
    assert not re.search(r"[<{]\w+[>}]|x[<>]=?\d|list\[|\x1b", shown)
    assert {each.strip() for each in lines} >= {example.line for example in command.examples}
    texts = [command.help or "", *(str(each.help or "") for each in command.params)]
    assert [text for text in texts if " ".join(text.split()) not in " ".join(shown.split())] == []


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_list_of_commands_has_a_line_for_each(columns: int) -> None:
    """The list is read to find a command; a sentence that was cut off would not help."""
    shown = help_of("chatsieve", columns)
    for words, command in COMMANDS.items():
        if words.count(" ") == 1:
            summary = command.get_short_help_str()
            line = next(line for line in shown.splitlines() if line.split()[:1] == [words.split()[1]])
            assert summary.endswith(".")
            if columns > 60:
                assert line.endswith(f" {summary}"), f"{words}: shorten its first sentence"
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize("columns", [60, 200])
def test_help_fits_other_terminals_and_cuts_no_example(columns: int) -> None:
    """A command line that was wrapped cannot be copied; other texts are wrapped to the width."""
    shown = help_of("chatsieve run", columns).splitlines()
    lines = {example.line for example in COMMANDS["chatsieve run"].examples}
    assert {each.strip() for each in shown} >= lines
    assert all(len(each) <= min(columns, 80) for each in shown if each.strip() not in lines)
    assert [each for each in shown if each.endswith("-")] == []


@pytest.mark.parametrize("group", [words for words, each in COMMANDS.items() if isinstance(each, Group)])
def test_a_group_alone_prints_its_help(group: str) -> None:
    """Without a command there is nothing to do, and nothing is wrong."""
    done = chatsieve(*group.split()[1:])
    assert (done.returncode, done.stdout, done.stderr) == (0, help_of(group), "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["runn"], "No such command 'runn'. Did you mean 'run'? See chatsieve --help."),
        (["walk"], "No such command 'walk'. See chatsieve --help."),
        (["policy", "shw"], "No such command 'shw'. Did you mean 'show'? See chatsieve policy --help."),
        (
            ["run", "--inputt"],
            "No such option: --inputt. Did you mean --input or --output? See chatsieve run --help.",
        ),
        (["run", "--bogus"], "No such option: --bogus. See chatsieve run --help."),
        (["gc", "out"], "Missing option '--keep'. See chatsieve gc --help."),
        (
            ["forget", "out", "--user", "jane", "doe@example.com"],
            "Got more arguments than the command has; quote names that contain spaces. "
            "See chatsieve forget --help.",
        ),
    ],
)
def test_a_mistyped_word_is_answered_with_the_right_one(arguments: list[str], line: str) -> None:
    """One line is enough to correct it. The line repeats no argument, since that can be a person's id."""
    done = chatsieve(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"chatsieve: {line}\n")


def test_brackets_backticks_and_stars_of_a_docstring_are_shown() -> None:
    """`inputs[].path` must not become `inputs.path`, and a number with a range no formula."""

    def read(
        path: Annotated[str, typer.Argument(metavar="FILE", help="Sets `inputs[].path`, such as *.jsonl.")],
        keep: Annotated[int, typer.Option("--keep", metavar="N", min=1, max=9, help="[bold] N.")] = 3,
    ) -> None:
        """Read `a[b]` and **c**.

        Text [red]stays[/red].
        """

    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(cls=Command)(read)
    command = typer.main.get_command(app)
    with typer.Context(command, info_name="read") as context:
        shown = command.get_help(context)
    assert shown == (
        "Usage: read [OPTIONS] FILE\n\n  Read `a[b]` and **c**.\n\n  Text [red]stays[/red].\n\n"
        "Arguments:\n  FILE  Sets `inputs[].path`, such as *.jsonl. [required]\n\n"
        "Options:\n  --keep N  [bold] N. [default: 3]\n  --help    Show this message and exit."
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Read.", ("Read.", ())),
        ("Read.\n\nExamples:\n    a b\n", ("Read.", (Example("", "a b"),))),
        (
            "Read.\n\nMore.\n\nExamples:\n    Do it\n    a\n    Again:\n        b: c\n",
            ("Read.\n\nMore.", (Example("", "Do it"), Example("", "a"), Example("Again:", "b: c"))),
        ),
    ],
)
def test_a_docstring_is_split(text: str, found: tuple[str, tuple[Example, ...]]) -> None:
    """Titles end with a colon; every other line is a command line."""
    assert split_examples(text) == found
