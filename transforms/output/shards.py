"""Writes Parquet shards, with equal bytes for equal rows, and a restricted index for each."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.manifest import FileEntry
from schemas.state import ROW_STATE_PREFIX
from schemas.tables import INDEX, TRAINING
from transforms.shuffle.key_order import key_words
from transforms.shuffle.staging import stage

ROW_GROUP_ROWS = 8_192
_STATISTICS = [f.name for f in TRAINING if f.name not in ("messages", "entities")]


def write_shard(rows: pa.Table, shard: int, shards: int, root: str | PurePath) -> list[FileEntry]:
    """Writes a data shard and its restricted index (mode 0600) below `root`. `rows` is sorted FRAGMENT."""
    columns = []
    for field in TRAINING:
        column = rows[field.name].combine_chunks()
        columns.append(
            column.dictionary_encode().cast(field.type) if pa.types.is_dictionary(field.type) else column
        )
    table = pa.table(columns, schema=TRAINING)
    name = f"{shard:05d}-of-{shards:05d}.parquet"
    index = pa.table(
        [
            table["user_key"],
            table["conversation_key"],
            pa.array(np.full(table.num_rows, shard, np.int32)),
            pa.array(np.arange(table.num_rows, dtype=np.int64)),
        ],
        schema=INDEX,
    )
    return [
        write_parquet(table, root, f"data/train-{name}", statistics=_STATISTICS),
        write_parquet(index, root, f"restricted/index-{name}"),
    ]


def write_row_state(rows: pa.Table, shard: int, shards: int, root: str | PurePath) -> FileEntry:
    """Writes the ROW_STATE rows of a shard's sessions, in any order, to a restricted file below `root`."""
    low, high, _ = key_words(rows["conversation_key"])
    ordered = rows.take(pa.array(np.lexsort((low, high)))).combine_chunks()
    return rewrite_table(ordered, root, f"{ROW_STATE_PREFIX}{shard:05d}-of-{shards:05d}.parquet")


def rewrite_table(table: pa.Table, root: str | PurePath, name: str) -> FileEntry:
    """Writes some rows of a dataset's file under its name; the bytes are those of a run with these rows."""
    columns = []
    for field in table.schema:
        column = table[field.name].combine_chunks()
        if pa.types.is_dictionary(field.type):
            # Only the values that are left, in order of appearance.
            column = column.cast(field.type.value_type).dictionary_encode().cast(field.type)
        columns.append(column)
    statistics = _STATISTICS if name.startswith("data/") else not name.startswith(ROW_STATE_PREFIX)
    # Keys and digests differ from row to row: a dictionary of them would only add to the size.
    dictionary = ["refusal"] if name.startswith(ROW_STATE_PREFIX) else True
    return write_parquet(pa.table(columns, schema=table.schema), root, name, statistics, dictionary)


def write_parquet(
    table: pa.Table,
    root: str | PurePath,
    relative: str,
    statistics: bool | list[str] = True,
    dictionary: bool | list[str] = True,
) -> FileEntry:
    """Writes a table with fixed settings to `root/relative`, atomically.

    An empty table has no row group: some readers take their batch size from the first one and fail on 0.
    """
    sink = pa.BufferOutputStream()
    settings: dict[str, Any] = {
        "version": "2.6",
        "data_page_version": "1.0",
        "compression": "zstd",
        "compression_level": 3,
        "write_statistics": statistics,
        "use_dictionary": dictionary,
    }
    with pq.ParquetWriter(sink, table.schema, **settings) as writer:
        if table.num_rows:
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
    return stage(root, relative, sink.getvalue(), table.num_rows)
