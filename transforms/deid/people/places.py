"""Places whose name contains a given name or title: San Jose, St. Louis, Monte Carlo."""

from __future__ import annotations

import re

_FIRST = r"(?:San|Santa|Santo|São|Saint|Sainte|St|Ste|Fort|Ft|Port|Mount|Mt|Lake|Cape|Monte|Los|Las|Camp)"
_BEFORE = re.compile(rf"(?<![\w.-]){_FIRST}\.?\s\Z")
_WHOLE = re.compile(rf"{_FIRST}\.?\s\w[\w'’-]*\Z")
_LONGEST = 8


def names_a_place(text: str, start: int, end: int) -> bool:
    """True if [start, end) is one word after such a beginning, or the beginning with one word.

    A longer name may be a person's: Aung San Suu Kyi.
    """
    name = text[start:end]
    if " " not in name:
        return _BEFORE.search(text, max(0, start - _LONGEST), start) is not None
    return name[0] in "SFPMLC" and _WHOLE.match(name) is not None
