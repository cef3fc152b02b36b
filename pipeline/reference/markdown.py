"""Parts of Markdown pages."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown cells, one row a line; `|` and line breaks within a cell are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines) + "\n"


def code(text: str) -> str:
    """The text as inline code, also if it has backticks."""
    fence = "``" if "`" in text else "`"
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def wrapped(text: str) -> str:
    """Paragraphs with lines of at most 118 characters; lists stay as they are."""
    parts = text.split("\n\n")
    return "\n\n".join(part if part.startswith("- ") else "\n".join(_lines(part)) for part in parts)


def _lines(paragraph: str) -> list[str]:
    words = " ".join(paragraph.split())
    return textwrap.wrap(words, 118, break_long_words=False, break_on_hyphens=False)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
