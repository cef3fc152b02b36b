"""The texts of a session as one string, for what is searched for in all of them."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence


class JoinedTexts:
    """Texts one after another in `whole`, parted by one character."""

    def __init__(self, texts: Sequence[str], between: str) -> None:
        self.whole = between.join(texts)
        self._begins = list(itertools.accumulate((len(text) + 1 for text in texts), initial=0))

    def place(self, at: int) -> tuple[int, int]:
        """The number of the text that stands at a place of the whole, and the place in it."""
        number = bisect.bisect_right(self._begins, at) - 1
        return number, at - self._begins[number]
