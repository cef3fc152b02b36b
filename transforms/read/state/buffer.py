"""Facts on their way to user buckets and to the state, gathered over many units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from transforms.read.state.facts import to_state
from transforms.read.state.keys import parts_of_rows
from transforms.read.state.known import Kept
from transforms.read.state.outputs import STATE_FACTS_OUT
from transforms.shuffle.blobs import slices_by_part, to_blob
from transforms.shuffle.buckets import Buckets, facts_to_buckets


class FactsBuffer:
    """Facts gathered over units, so that a bucket gets few blobs instead of one per small file."""

    def __init__(self, buckets: Buckets, kept: Kept | None) -> None:
        self._buckets, self._kept = buckets, kept
        self.clear()

    def clear(self) -> None:
        """Forgets what was added."""
        self._facts: list[pa.Table] = []
        self._state: list[pa.Table] = []
        self._keys: list[tuple[bytes, int]] = []
        self.bytes = 0

    def add(self, facts: pa.Table, unit: bytes) -> None:
        """Adds facts of the unit with this key."""
        self._facts.append(facts)
        self._keys.append((unit, facts.num_rows))
        self.bytes += facts.nbytes

    def add_recalled(self, facts: pa.Table, state: pa.Table) -> None:
        """Adds facts that come from the STATE_FACTS `state`."""
        self._facts.append(facts)
        self._state.append(state)
        self.bytes += facts.nbytes + state.nbytes

    def drain(self) -> Iterator[tuple[str, Any]]:
        """(output, pair) of everything added, by bucket and by part of the state; "" is the main output."""
        if not self._facts:
            return
        facts, state, keys = pa.concat_tables(self._facts), self._state, self._keys
        self.clear()
        if self._kept is not None and keys:
            names = pa.array([key for key, _ in keys], pa.binary(16))
            units = names.take(pa.array(np.repeat(np.arange(len(keys)), [count for _, count in keys])))
            state.append(to_state(facts, units))
        for pair in facts_to_buckets(facts, self._buckets):
            yield "", pair
        if self._kept is not None:
            table = pa.concat_tables(state)
            parts = parts_of_rows(table["unit"], table["row"], self._kept.parts)
            for part, rows in slices_by_part(table, parts):
                yield STATE_FACTS_OUT, (part, self._buckets.spill.put(to_blob(rows, "state_facts")))
