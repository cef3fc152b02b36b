"""The answers that `chatsieve init` needs: from options, from defaults, or from questions at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from pipeline.cli.options import printable, tell
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.commands.init.questions import Question

_WIDTH = 88


class Options:
    """Answers from options, by the keys of the questions, and from defaults.

    `yes`: take all defaults. `missing`: the options without which there is no answer, in order.
    """

    def __init__(
        self, given: Mapping[str, Sequence[str]], fills: Mapping[str, str], yes: bool, quiet: bool
    ) -> None:
        self._given, self._fills, self._yes, self._quiet = given, dict(fills), yes, quiet
        self._used = set[str]()
        self._asked = set[str]()
        self._known = list[str]()
        self.missing = list[str]()

    def one(self, question: Question) -> str:
        """The answer; empty where it is missing."""
        found = self._answers(question)
        return found[0] if found else self._default(question)

    def several(self, question: Question) -> list[str]:
        """The answers; empty where they are missing."""
        found = self._answers(question) or [
            self._checked(question, f"{name.removeprefix(f'{question.key}.')}={value}")
            for name, value in self._fills.items()
            if name.startswith(f"{question.key}.") and name not in self._used
        ]
        self._used |= {name for name in self._fills if name.startswith(f"{question.key}.")}
        if found:
            return found
        default = self._default(question)
        return [default] if default else []

    def tell(self, text: str) -> None:
        """Prints a warning to standard error."""
        tell(f"chatsieve: {text}", err=True)

    def note(self, text: str) -> None:
        """Prints what was found to standard error, unless the command is quiet."""
        if not self._quiet:
            tell(text, err=True)

    def check_complete(self) -> None:
        """Raises ConfigError if an answer is missing, or if a --fill answers nothing."""
        unknown = [name for name in self._fills if name not in self._used]
        if unknown:
            known = [each for each in self._known if each.startswith("--fill")]
            raise ConfigError(
                f"--fill {unknown[0]}: nothing with this name is open; "
                + (f"expected {', '.join(known)}" if known else "leave it out")
            )
        if self.missing:
            them = "it" if len(set(self.missing)) == 1 else "them"
            rest = "" if self._yes else ", or --yes for the defaults of those that have one"
            raise ConfigError(f"missing: {', '.join(dict.fromkeys(self.missing))}; give {them}{rest}")
        for name in self._given.keys() - self._asked:
            self.tell(f"--{name.replace('_', '-')} is not used: no record needs it")

    def _answers(self, question: Question) -> list[str]:
        self._known.append(question.option)
        self._asked.add(question.key)
        if question.key in self._fills:
            self._used.add(question.key)
            return [self._checked(question, self._fills[question.key])]
        return [self._checked(question, text) for text in self._given.get(question.key, ())]

    def _checked(self, question: Question, text: str) -> str:
        try:
            _check_unicode(text)
            return question.check(text)
        except ValueError as error:
            option = question.option.partition("VALUE" if "VALUE=" in question.option else " ")[0]
            if question.option.startswith("--fill"):
                option = f"--fill {question.key}"
            given = f"{option}={text}" if option.startswith("--fill ") else f"{option} {text}"
            raise ConfigError(f"{given}: {error}") from None

    def _default(self, question: Question) -> str:
        if question.default is None or not (question.is_safe or self._yes):
            self.missing.append(question.option)
            return ""
        return question.default and self._checked(question, question.default)


class Terminal(Options):
    """Asks at the terminal for what the options do not answer; a wrong answer is asked for again."""

    def _default(self, question: Question) -> str:
        return self._prompt(question) if question.asked else super()._default(question)

    def several(self, question: Question) -> list[str]:
        """The answers, until one is empty. A question that has a default takes one."""
        found = super().several(question)
        if question.option.startswith("--fill") and found:
            while more := self._prompt(question._replace(why="", default="")):
                found.append(more)
        return found

    def _prompt(self, question: Question) -> str:
        def checked(text: str) -> str:
            try:
                return question.check(text) if text else text
            except ValueError as error:
                raise typer.BadParameter(printable(str(error))) from None

        if question.why:
            typer.echo("", err=True)
            tell_lines(question.why)
        answer: str = typer.prompt(
            printable(question.text),
            default=question.default,
            show_default=bool(question.default),
            value_proc=checked,
            err=True,
        )
        return answer


def _check_unicode(text: str) -> None:
    """ValueError for an argument with bytes that are no UTF-8, which no file of `init` can have."""
    if any("\ud800" <= each <= "\udfff" for each in text):
        raise ValueError("is not valid UTF-8")


def tell_lines(text: str) -> None:
    """Prints a text to standard error, in lines of the width of a page."""
    for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False):
        tell(line, err=True)
