"""What a pattern rule is: a cheap trigger, an exact expression, and a judge of what it found."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

#: A stretch to mask: start, end, score.
Verdict = tuple[int, int, float]
Judge = Callable[[re.Match[str]], Verdict | None]

#: Where a value may begin: not inside an ASCII word; letters of other scripts stand unspaced before numbers.
BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=\\[ntr]))"
#: Where a value may end.
END = r"(?![A-Za-z0-9])"
#: Between the digit groups of a number: spaces, dots, dashes, underscores and brackets as people type them.
GAP = r"[ \t\u00a0\u2000-\u200a\u202f._\-/()\u2010-\u2015\u00b7\u2022]"


class Rule(NamedTuple):
    """`trigger` is a Hyperscan expression that every match of `exact` contains a match of.

    `reach` is how many characters before and after the end of a trigger's match a match of `exact`, with all
    that it looks at, can extend; None is for the whole text, for expressions that trigger anywhere.
    """

    type: str
    trigger: str
    exact: re.Pattern[str]
    judge: Judge
    reach: tuple[int, int] | None = None


def whole(score: float, group: str | int = 0) -> Judge:
    """A judge that takes every match, or a group of it."""
    return lambda found: (found.start(group), found.end(group), score) if found.group(group) else None


def before(found: re.Match[str], length: int, group: str | int = 0) -> str:
    """Up to `length` characters before the match."""
    start = found.start(group)
    return found.string[max(0, start - length) : start]


def after(found: re.Match[str], length: int, group: str | int = 0) -> str:
    """Up to `length` characters after the match."""
    end = found.end(group)
    return found.string[end : end + length]
