"""Matches of a rule's exact expression, searched for only near its triggers.

An expression is slow where it does not match. A match begins before the end of the trigger that it contains,
so no position after the last trigger is tried.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence

from transforms.deid.rules.rule import Rule, compiled

_FLAGS = re.compile(r"\(\?[aimsx]+\)")


class TriggerWindows:
    """Searches for a rule's matches only near its triggers; takes the trigger end offsets."""

    def __init__(self, rule: Rule) -> None:
        self._exact = rule.exact
        self._reach = rule.reach

    def matches(self, text: str, ends: Sequence[int]) -> list[re.Match[str]]:
        """The matches of `finditer` within the rule's reach around `ends`, which must be sorted."""
        if self._reach is None:
            return list(compiled(self._exact).finditer(text))
        back, ahead = self._reach
        windows = list(zip(ends, _window_ends(ends, back, ahead), strict=True))
        return self._around(text, windows, back) if back else self._behind(text, windows)

    def _around(self, text: str, windows: Sequence[tuple[int, int]], back: int) -> list[re.Match[str]]:
        """Matches that begin at most `back` characters before a trigger's end and end in its window."""
        found: list[re.Match[str]] = []
        at = 0
        for end, high in windows:
            at = max(at, end - back)
            while at < end:
                match = self._first(back, text, at, high)
                if match is None:
                    at += back + 1
                else:
                    found.append(match)
                    at = max(match.end(), match.start() + 1)
        return found

    def _first(self, back: int, text: str, at: int, high: int) -> re.Match[str] | None:
        """The match that begins first, at most `back` characters after `at`.

        Most triggers have no match near them. For these `exact` itself is not compiled.
        """
        place = _beginning(self._exact, back).match(text, at, high)
        return None if place is None else compiled(self._exact).match(text, place.end(), high)

    def _behind(self, text: str, windows: Sequence[tuple[int, int]]) -> list[re.Match[str]]:
        """Matches that follow a trigger without containing it."""
        found: list[re.Match[str]] = []
        done = -1
        for end, high in windows:
            if end > done:
                found += compiled(self._exact).finditer(text, end, high)
                done = high
        return found


@functools.cache
def _beginning(exact: str, back: int) -> re.Pattern[str]:
    """An expression that ends at the first of `back` positions where a match begins."""
    flags = _FLAGS.match(exact)
    flag, rest = (flags.group(), exact[flags.end() :]) if flags else ("", exact)
    return re.compile(rf"{flag}[\s\S]{{0,{back}}}?(?={rest})")


def _window_ends(ends: Sequence[int], back: int, ahead: int) -> list[int]:
    """For each trigger the end of its window; windows that touch are one."""
    highs: list[int] = []
    low = math.inf
    for end in reversed(ends):
        highs.append(highs[-1] if low <= end + ahead else end + ahead)
        low = end - back
    return highs[::-1]
