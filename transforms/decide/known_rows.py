"""Tells the eligible sessions that the version before has masked from those whose text must be read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import DEID_FAILED
from schemas.state import TAKEN, TO_MASK
from transforms.shuffle.dictionaries import equals_text
from transforms.shuffle.instants import Bools
from transforms.shuffle.key_order import key_words


class Split(NamedTuple):
    """Eligible sessions: `taken`, TAKEN rows with the shard of each in `shards`, and `others`, TO_MASK."""

    taken: pa.Table
    shards: pa.Array
    others: pa.Table


class Checked(NamedTuple):
    """Which known sessions are masked again and compared: a share (0 to 1), chosen by key and `seed`."""

    share: float = 0.0
    seed: int = 0

    def among(self, keys: pa.ChunkedArray) -> Bools:
        """True for each key of the sample. Keys are digests; another seed gives another sample."""
        low, high, _ = key_words(keys)
        number = low ^ (high * np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(self.seed)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            number = (number ^ (number >> np.uint64(shift))) * np.uint64(factor)
        found: Bools = (number >> np.uint64(11)).astype(np.float64) < self.share * 2.0**53
        return found


def split_known(eligible: pa.Table, known: pa.Table) -> Split:
    """The TO_MASK rows `eligible` by whether `known` (KNOWN rows) has their key with the same text digest.

    A session on which the engine failed is tried again: a failure need not be the text's fault.
    """
    known = known.filter(pa.array(~equals_text(known["refusal"], DEID_FAILED))).combine_chunks()
    place = pc.index_in(eligible["conversation_key"], value_set=known["conversation_key"].combine_chunks())
    beside = known.take(place)
    same = pc.fill_null(pc.equal(eligible["text_digest"], beside["text_digest"]), False)
    kept, figures = eligible.filter(same), beside.filter(same)
    columns = [(kept if name in TO_MASK.names else figures)[name] for name in TAKEN.names]
    taken = pa.table(columns, schema=TAKEN).combine_chunks()
    return Split(taken, figures["shard"].combine_chunks(), eligible.filter(pc.invert(same)))
