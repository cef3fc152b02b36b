"""Hyperscan over joined texts: the expressions that match, and the ends of their matches."""

from __future__ import annotations

from collections.abc import Sequence

import hyperscan
import numpy as np
import numpy.typing as npt

from transforms.deid.text.database_cache import compile_all, load_or_compile
from transforms.deid.text.texts import Texts

Places = npt.NDArray[np.int64]


class Expressions:
    """A database of cheap expressions on UTF-8 bytes. With a `name`, it is cached in the environment.

    Not thread-safe: the database has one scratch space.
    """

    def __init__(
        self, expressions: Sequence[str], *, multiline: bool = False, name: str | None = None
    ) -> None:
        flag = hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_MULTILINE if multiline else 0)
        if name is None:
            self._database = compile_all(expressions, flag)
        else:
            self._database = load_or_compile(name, expressions, flag)

    def hits(self, texts: Texts) -> tuple[Places, Places]:
        """The numbers of the expressions that match, and the code points at which the matches end.

        Sorted by number, then by end, without duplicates.
        """
        found: list[int] = []
        append = found.append

        def note(number: int, _start: int, end: int, *_: object) -> None:
            append(number << 40 | end)

        self._database.scan(texts.data, match_event_handler=note)
        if not found:
            none = np.zeros(0, dtype=np.int64)
            return none, none
        # Faster than numpy.unique, whose hash table misses the processor's cache for many hits.
        hits = np.sort(np.array(found, dtype=np.int64))
        hits = hits[np.append(True, hits[1:] != hits[:-1])]
        return hits >> 40, texts.characters(hits & ((1 << 40) - 1))
