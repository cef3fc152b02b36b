"""Matches of a rule's exact expression, searched for only near its triggers.

An expression is slow where it does not match. A match begins before the end of the trigger that it contains,
so no position after the last trigger is tried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from transforms.deid.rules.rule import Rule

_FLAGS = re.compile(r"\(\?[aimsx]+\)")


class TriggerWindows:
    """Searches for a rule's matches only near its triggers; takes the trigger end offsets."""

    def __init__(self, rule: Rule) -> None:
        self._exact = rule.exact
        self._reach = rule.reach
        # Compiled on first use: most are never used.
        self._first: re.Pattern[str] | None = None

    def matches(self, text: str, ends: Sequence[int]) -> list[re.Match[str]]:
        """The matches of `finditer` within the rule's reach around `ends`, which must be sorted."""
        if self._reach is None:
            return list(self._exact.finditer(text))
        back, ahead = self._reach
        if not back:
            return self._behind(text, ends, ahead)
        first = self._first or self._beginning(back)
        found: list[re.Match[str]] = []
        at, high = 0, -1
        for n, end in enumerate(ends):
            if end + ahead > high:
                high = _window_end(ends, n, back, ahead)
            at = max(at, end - back)
            while at < end:
                place = first.match(text, at, high)
                match = None if place is None else self._exact.match(text, place.end(), high)
                if match is None:
                    at += back + 1
                    break
                found.append(match)
                at = max(match.end(), match.start() + 1)
        return found

    def _behind(self, text: str, ends: Sequence[int], ahead: int) -> list[re.Match[str]]:
        """Matches that follow a trigger without containing it."""
        found: list[re.Match[str]] = []
        done = -1
        for n, end in enumerate(ends):
            if end > done:
                done = _window_end(ends, n, 0, ahead)
                found += self._exact.finditer(text, end, done)
        return found

    def _beginning(self, back: int) -> re.Pattern[str]:
        """An expression that ends at the first of `back` positions where a match begins."""
        pattern = self._exact.pattern
        flags = _FLAGS.match(pattern)
        pattern = pattern[flags.end() :] if flags else pattern
        self._first = re.compile(rf"[\s\S]{{0,{back}}}?(?={pattern})", self._exact.flags)
        return self._first


def _window_end(ends: Sequence[int], n: int, back: int, ahead: int) -> int:
    """The end of the window of trigger `n`, merged with the windows that touch it."""
    high = ends[n] + ahead
    while n + 1 < len(ends) and ends[n + 1] - back <= high:
        n += 1
        high = ends[n] + ahead
    return high
