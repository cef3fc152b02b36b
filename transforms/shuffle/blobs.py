"""Blobs: Arrow tables as bytes, for the shuffle, and their partition by key.

A shuffle carries blobs because Beam would pickle a record batch, and a slice pickles its whole parent buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.shuffle.spill import Spill

Kind = Literal[
    "facts",
    "consent",
    "user_deletions",
    "conversation_deletions",
    "decisions",
    "quarantined",
    "refusals",
    "users",
    "histories",
    "joins",
    "names",
    "claims",
    "named_deletions",
    "known",
    "taken",
    "row_state",
    "state_facts",
    "state_units",
]
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
_KIND = b"chatsieve.kind"


def to_blob(table: pa.Table, kind: Kind) -> bytes:
    """The table as one IPC stream, lz4-compressed, tagged with its kind."""
    table = table.replace_schema_metadata({_KIND: kind.encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def tables_of(blobs: Iterable[bytes], schemas: dict[Kind, pa.Schema], spill: Spill) -> dict[Kind, pa.Table]:
    """All blobs of each kind as one table of the kind's schema; a kind without blobs gives an empty table.

    `spill`: the one that the blobs were put into.
    """
    found: dict[Kind, list[pa.Table]] = {kind: [] for kind in schemas}
    for blob in blobs:
        with pa.ipc.open_stream(pa.py_buffer(spill.get(blob))) as reader:
            table = reader.read_all()
        kind: Kind = table.schema.metadata[_KIND].decode()
        found[kind].append(table.replace_schema_metadata(None))
    return {
        kind: pa.concat_tables(tables).cast(schemas[kind]) if tables else schemas[kind].empty_table()
        for kind, tables in found.items()
    }


def slices_by_part(table: pa.Table, part: npt.NDArray[np.int64]) -> Iterator[tuple[int, pa.Table]]:
    """(part, its rows) for each part that has rows, in order. `part` has one number per row."""
    if table.num_rows == 0:
        return
    if (part[1:] < part[:-1]).any():
        order = np.argsort(part, kind="stable")
        table, part = table.take(pa.array(order)), part[order]
    starts = np.flatnonzero(np.diff(part, prepend=part[0] - 1))
    for start, end in zip(starts, [*starts[1:], len(part)], strict=True):
        yield int(part[start]), table.slice(start, end - start)


def key_prefixes(keys: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.uint64]:
    """The first four bytes of each 16-byte key as a number, 0 for null. Keys are HMACs, so they spread."""
    if isinstance(keys, pa.ChunkedArray):
        keys = keys.combine_chunks()
    if len(keys) == 0:
        return np.zeros(0, np.uint64)
    filled = keys.fill_null(bytes(16)).cast(pa.binary(16))
    data = np.frombuffer(filled.buffers()[1], np.uint8)
    rows = data[filled.offset * 16 : (filled.offset + len(filled)) * 16].reshape(-1, 16)
    return rows[:, :4].copy().view(">u4").reshape(-1).astype(np.uint64)


def part_of_keys(keys: pa.ChunkedArray | pa.Array, parts: int) -> npt.NDArray[np.int64]:
    """The part of each key. Parts are contiguous ranges of keys, in key order."""
    return ((key_prefixes(keys) * np.uint64(parts)) >> np.uint64(32)).astype(np.int64)
