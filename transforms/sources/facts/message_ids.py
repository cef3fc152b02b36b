"""Message ids of many sessions, gathered and then digested together: arrays of a few ids save nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.keys import KeyedHasher
from transforms.shuffle.digests import message_numbers, message_numbers_of_bytes
from transforms.shuffle.instants import Ints

#: Fewer ids are digested one by one.
_MIN_ARRAY = 500


class MessageIds:
    """Ids one after another, as texts or as their numbers; the empty text and 0 mean no id."""

    def __init__(self) -> None:
        self._parts: list[Sequence[str | None] | pa.Array | Ints] = []

    def add(self, ids: Sequence[str | None] | pa.Array | Ints) -> None:
        """Appends ids."""
        as_given = len(ids) < _MIN_ARRAY or isinstance(ids, pa.Array | np.ndarray)
        self._parts.append(ids if as_given else pa.array(ids, pa.string()))

    def numbers(self, hasher: KeyedHasher) -> Ints:
        """`KeyedHasher.message` of each id, 0 where there is none."""
        texts = [part for part in self._parts if not isinstance(part, np.ndarray)]
        if not texts:
            return np.concatenate([np.zeros(0, np.int64), *self._parts])
        if sum(map(len, texts)) < _MIN_ARRAY:
            every = [
                text for part in texts for text in (part.tolist() if isinstance(part, pa.Array) else part)
            ]
            digested = message_numbers_of_bytes([(text or "").encode() for text in every], hasher)
        else:
            columns = [part if isinstance(part, pa.Array) else pa.array(part, pa.string()) for part in texts]
            digested = message_numbers(pa.concat_arrays(columns), hasher)
        ends = np.cumsum([0, *map(len, texts)])
        found = iter([digested[begin:end] for begin, end in itertools.pairwise(ends)])
        return np.concatenate([part if isinstance(part, np.ndarray) else next(found) for part in self._parts])
