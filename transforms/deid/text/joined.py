"""The texts of a session joined into one string, to search all of them at once."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence


class JoinedTexts:
    """Texts in `whole`, separated by one character."""

    def __init__(self, texts: Sequence[str], between: str) -> None:
        self.whole = between.join(texts)
        self._begins = list(itertools.accumulate((len(text) + 1 for text in texts), initial=0))

    def place(self, at: int) -> tuple[int, int]:
        """The number of the text at a place of `whole`, and the place in that text."""
        number = bisect.bisect_right(self._begins, at) - 1
        return number, at - self._begins[number]
