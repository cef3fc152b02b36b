"""The man pages, in section 1: `chatsieve`, and one for each command, such as `chatsieve-run`.

A wheel installs them in share/man/man1. The language is that of man(7), which groff and mandoc read.
"""

from __future__ import annotations

import importlib.metadata
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

from pipeline.reference.commands import Described, described
from pipeline.reference.exit_codes import CODES

FOLDER = Path(__file__).parent / "man"

#: Characters that troff reads as others. A hyphen is a minus sign, or an option could not be copied.
_ESCAPES = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
_CODE = re.compile(r"`([^`]+)`")


def pages() -> dict[str, str]:
    """The text of every page by its file name."""
    commands = described()
    return {f"{_name(each.words)}.1": _page(each, commands) for each in commands}


def _page(command: Described, commands: list[Described]) -> str:
    name = _name(command.words)
    version = importlib.metadata.version("chatsieve")
    lines = [
        f'.TH "{escaped(name.upper())}" 1 "" "chatsieve {escaped(version)}" "chatsieve manual"',
        ".nh",
        ".ad l",
        ".SH NAME",
        f"{escaped(name)} \\- {_text(command.summary[0].lower() + command.summary[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        f"\\fB{escaped(command.words)}\\fR{escaped(command.usage.removeprefix(command.words))}",
        ".SH DESCRIPTION",
        *_paragraphs(command.paragraphs),
    ]
    for title, rows in (("ARGUMENTS", command.arguments), ("OPTIONS", command.options)):
        if rows:
            lines += [f".SH {title}", *_list((row.name, row.text) for row in rows)]
    summaries = {each.words: each.summary for each in commands}
    if command.sections:
        lines.append(".SH COMMANDS")
    for title, words in command.sections.items():
        lines += [f".SS {_text(title)}", *_list((each, summaries[each]) for each in words)]
    if command.examples:
        lines.append(".SH EXAMPLES")
    for number, (title, line) in enumerate(command.examples):
        lines += [*([".PP"] if number else []), *([_text(title)] if title else [])]
        lines += [".RS 4", ".nf", _line(line), ".fi", ".RE"]
    if command.words == "chatsieve":
        lines += [".SH EXIT STATUS", *_list((number, meaning) for number, meaning, _ in CODES)]
    lines += [".SH SEE ALSO", _see_also(command, commands)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """The text with the characters that troff would change as escapes."""
    return "".join(_ESCAPES.get(each, each) if each.isascii() else f"\\[u{ord(each):04X}]" for each in text)


def _line(text: str) -> str:
    """A line of text: not a request, also if it begins with a dot. An apostrophe is escaped already."""
    made = escaped(text)
    return rf"\&{made}" if made.startswith(".") else made


def _text(text: str) -> str:
    """Lines of text with its code in bold."""
    parts = _CODE.split(" ".join(text.split()))
    made = "".join(
        rf"\fB{escaped(part)}\fR" if number % 2 else escaped(part) for number, part in enumerate(parts)
    )
    wrapped = textwrap.wrap(made, 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rf"\&{line}" if line.startswith(".") else line for line in wrapped)


def _paragraphs(texts: Iterable[str]) -> list[str]:
    """Paragraphs of a section, which begins with one itself."""
    return [line for text in texts for line in (".PP", _text(text))][1:]


def _list(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [line for name, text in rows for line in (".TP", rf"\fB{_line(name)}\fR", _text(text))]


def _see_also(command: Described, commands: list[Described]) -> str:
    """The pages of the program, of the group and of its commands; from the first one, of all commands."""
    group = command.words.rpartition(" ")[0]
    below = [each.words for each in commands if each.words.rpartition(" ")[0] == command.words]
    names = [_name(each) for each in dict.fromkeys([*filter(None, ["chatsieve", group]), *below])]
    return ",\n".join(rf"\fB{escaped(each)}\fR(1)" for each in names if each != _name(command.words))


def _name(words: str) -> str:
    return words.replace(" ", "-")
