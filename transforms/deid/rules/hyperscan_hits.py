"""Hyperscan over texts that lie one after another: which expressions matched, and where their matches end."""

from __future__ import annotations

from collections.abc import Sequence

import hyperscan
import numpy as np
import numpy.typing as npt

from transforms.deid.text.texts import Texts

Places = npt.NDArray[np.int64]


class Expressions:
    """A database of cheap expressions on UTF-8 bytes. One instance a thread: Hyperscan has one scratch
    space.
    """

    def __init__(self, expressions: Sequence[str], multiline: bool = False) -> None:
        flag = hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_MULTILINE if multiline else 0)
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[expression.encode() for expression in expressions],
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[flag] * len(expressions),
        )

    def hits(self, texts: Texts) -> tuple[Places, Places]:
        """The numbers of the expressions that matched, and the code points at which the matches end.

        Sorted by number, then by end, each once.
        """
        found: list[int] = []
        more = found.append

        def note(number: int, _start: int, end: int, *_: object) -> None:
            more(number << 40 | end)

        self._database.scan(texts.data, match_event_handler=note)
        if not found:
            none = np.zeros(0, dtype=np.int64)
            return none, none
        # Faster than numpy's unique, which hashes and misses the cache where there are many.
        hits = np.sort(np.array(found, dtype=np.int64))
        hits = hits[np.append(True, hits[1:] != hits[:-1])]
        return hits >> 40, texts.characters(hits & ((1 << 40) - 1))
