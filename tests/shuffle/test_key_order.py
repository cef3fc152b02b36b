"""Rows in order of keys that are compared by their beginnings first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tables import KEY
from transforms.shuffle.instants import Ints
from transforms.shuffle.key_order import key_words, order_by_key

#: Keys that differ early, late, only in the sign of a word, or not at all.
KEYS = [bytes(16), b"\0" * 8 + b"\xff" * 8, b"\x7f" * 16, b"\x80" + b"\0" * 15, b"\xff" * 15 + b"\0", None]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 2))))
def test_the_order_is_that_of_whole_keys_then_of_what_comes_after_them(
    rows: list[tuple[bytes | None, int]],
) -> None:
    """Ledger rows are in this order: ties that are taken for unequal would come as they arrive."""
    keys = pa.chunked_array([pa.array([key for key, _ in rows], KEY)])
    after = np.array([second for _, second in rows], np.int64)

    def whole_order(some: Ints) -> Ints:
        order: Ints = np.lexsort((after[some], *key_words(keys.take(pa.array(some)))))
        return order

    found = [rows[place] for place in order_by_key(keys, whole_order).tolist()]
    assert found == sorted(rows, key=lambda row: (row[0] is None, row[0] or b"", row[1]))
