"""A pattern rule: a cheap trigger, an exact expression, and a judge of each match."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

#: A span to mask: start, end, score.
Verdict = tuple[int, int, float]
Judge = Callable[[re.Match[str]], Verdict | None]

#: Where a value may begin: not inside an ASCII word. Letters of other scripts may precede a number directly.
BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=\\[ntr]))"
#: Where a value may end.
END = r"(?![A-Za-z0-9])"
#: For Hyperscan, in UTF-8: white space as in Python's expressions, and the same without line ends.
_WIDE_BLANKS = r"\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"
BLANK = rf"(?:[\s\x1c-\x1f]|{_WIDE_BLANKS})"
LINE_BLANK = rf"(?:[ \t\r\x0b\x0c\x1c-\x1f]|{_WIDE_BLANKS})"
#: Separators of the digit groups of a number: spaces, dots, dashes, underscores and brackets.
GAP = r"[ \t\u00a0\u2000-\u200a\u202f._\-/()\u2010-\u2015\u00b7\u2022]"


class Rule(NamedTuple):
    """`trigger` is a Hyperscan expression, `exact` a Python one; every match of `exact` contains a match of
    `trigger`. `exact` is compiled when a text first has the trigger: most texts need few rules.

    `reach` is how many characters a match of `exact` can extend before and after the end of a trigger. It
    includes lookarounds and the context that the judge reads. None means the whole text. 0 before the trigger
    is for triggers that precede a match without being part of it.
    """

    type: str
    trigger: str
    exact: str
    judge: Judge
    reach: tuple[int, int] | None = None


@functools.cache
def compiled(exact: str) -> re.Pattern[str]:
    """The expression, compiled once in a process. The cache of `re` is too small for all rules."""
    return re.compile(exact)


def whole(score: float, group: str | int = 0) -> Judge:
    """A judge that accepts every match, or one group of it."""
    return lambda found: (found.start(group), found.end(group), score) if found.group(group) else None


def before(found: re.Match[str], length: int, group: str | int = 0) -> str:
    """Up to `length` characters before the match."""
    start = found.start(group)
    return found.string[max(0, start - length) : start]


def after(found: re.Match[str], length: int, group: str | int = 0) -> str:
    """Up to `length` characters after the match."""
    end = found.end(group)
    return found.string[end : end + length]
