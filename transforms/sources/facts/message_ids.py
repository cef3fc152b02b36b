"""Ids of messages of many sessions, gathered to be digested at once: by array a few are no cheaper."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.keys import KeyedHasher
from transforms.shuffle.digests import message_numbers, numbers_of
from transforms.shuffle.instants import Ints

#: Fewer are digested one by one.
_MANY = 500


class MessageNames:
    """Ids one after another, as texts or as the numbers of such; the empty text and 0 are none."""

    def __init__(self) -> None:
        self._parts: list[Sequence[str | None] | pa.Array | Ints] = []

    def add(self, names: Sequence[str | None] | pa.Array | Ints) -> None:
        """Further ids."""
        few = len(names) < _MANY or isinstance(names, pa.Array | np.ndarray)
        self._parts.append(names if few else pa.array(names, pa.string()))

    def numbers(self, hasher: KeyedHasher) -> Ints:
        """`KeyedHasher.message` of each, 0 of none."""
        texts = [part for part in self._parts if not isinstance(part, np.ndarray)]
        if not texts:
            return np.concatenate([np.zeros(0, np.int64), *self._parts])
        if sum(map(len, texts)) < _MANY:
            every = [
                text for part in texts for text in (part.tolist() if isinstance(part, pa.Array) else part)
            ]
            digested = numbers_of([(text or "").encode() for text in every], hasher)
        else:
            columns = [part if isinstance(part, pa.Array) else pa.array(part, pa.string()) for part in texts]
            digested = message_numbers(pa.concat_arrays(columns), hasher)
        ends = np.cumsum([0, *map(len, texts)])
        found = iter([digested[begin:end] for begin, end in itertools.pairwise(ends)])
        return np.concatenate([part if isinstance(part, np.ndarray) else next(found) for part in self._parts])
