"""What a pattern rule is: a cheap trigger, an exact expression, and a judge of what it found."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

#: A stretch to mask: start, end, score.
Verdict = tuple[int, int, float]
Judge = Callable[[re.Match[str]], Verdict | None]

#: Where a value may begin: not inside a word, but right after an escaped line end or tab in quoted code.
BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=\\n)|(?<=\\t)|(?<=\\r))"


class Rule(NamedTuple):
    """`trigger` is a Hyperscan expression that every match of `exact` contains a match of."""

    type: str
    trigger: str
    exact: re.Pattern[str]
    judge: Judge


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
