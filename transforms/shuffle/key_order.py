"""Sorts rows by 16-byte keys. Keys are digests, so the first 8 bytes decide almost every comparison."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.shuffle.instants import Ints


def order_by_key(keys: pa.ChunkedArray, whole_order: Callable[[Ints], Ints]) -> Ints:
    """Positions of the rows sorted by key, null last.

    `whole_order` sorts the rows whose first 8 bytes are equal, by the whole key and any further columns.
    """
    words = key_words(keys)
    null = np.flatnonzero(words[2])
    order = np.argsort(words[1], kind="stable")
    if len(null):
        order = np.concatenate([order[words[2][order] == 0], null])
    same = words[1][order][1:] == words[1][order][:-1]
    equal = np.append(False, same) | np.append(same, False) if len(order) else np.zeros(0, np.bool_)
    equal[len(order) - len(null) :] = True
    ties = np.flatnonzero(equal)
    if len(ties):
        rows = order[ties]
        order[ties] = rows[whole_order(rows)]
    return order


def key_words(keys: pa.ChunkedArray) -> tuple[npt.NDArray[np.uint64], ...]:
    """16-byte keys as sort keys for `np.lexsort`, least significant first: low word, high word, null."""
    null = keys.is_null().to_numpy()
    blank = pa.scalar(bytes(16), pa.binary(16))
    whole = pc.fill_null(keys, blank).combine_chunks()
    data = np.frombuffer(whole.buffers()[1], ">u8", count=2 * len(whole), offset=16 * whole.offset)
    words = data.reshape(-1, 2).astype(np.uint64)
    return words[:, 1], words[:, 0], null.astype(np.uint64)
