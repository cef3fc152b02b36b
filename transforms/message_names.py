"""Ids of messages of many sessions, gathered to be digested at once: by array a few are no cheaper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.keys import KeyedHasher
from transforms.digests import message_numbers
from transforms.instants import Ints


class MessageNames:
    """Ids one after another, as texts or as the numbers of such."""

    def __init__(self) -> None:
        self._parts: list[pa.Array | Ints] = []

    def add(self, names: Sequence[str] | pa.Array | Ints) -> None:
        """Further ids; the empty text and 0 are none."""
        known = isinstance(names, pa.Array | np.ndarray)
        self._parts.append(names if known else pa.array(names, pa.string()))

    def numbers(self, hasher: KeyedHasher) -> Ints:
        """`KeyedHasher.message` of each, 0 of none."""
        texts = [part for part in self._parts if isinstance(part, pa.Array)]
        digested, at = message_numbers(pa.concat_arrays(texts), hasher) if texts else np.zeros(0, np.int64), 0
        found = [np.zeros(0, np.int64)]
        for part in self._parts:
            if isinstance(part, pa.Array):
                found.append(digested[at : at + len(part)])
                at += len(part)
            else:
                found.append(part)
        return np.concatenate(found)
