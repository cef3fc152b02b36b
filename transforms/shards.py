"""Training rows to staged fragments, and fragments to final Parquet shards with equal bytes.

A fragment is an Arrow file of de-identified rows with one record batch per shard, so that a shard reads
only its own rows of each. Its name is the digest of its keys: a retry writes the same file again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.manifest import FileEntry
from schemas.tables import INDEX, TRAINING
from transforms.ipc import part_of_keys, slices_by_part
from transforms.staged import stage

#: Rows on their way: keys as bytes, `ordinal` the thread's place within its session, words not yet encoded.
FRAGMENT = pa.schema(
    [("key", pa.binary(16)), ("ordinal", pa.int32())]
    + [(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in TRAINING]
)
ROW_GROUP_ROWS = 8_192
_STATISTICS = [f.name for f in TRAINING if f.name not in ("messages", "entities")]
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


class FragmentRange(NamedTuple):
    """Where one shard's rows lie: a record batch of a staged fragment."""

    path: str
    batch: int

    def encode(self) -> bytes:
        """A compact form for the shuffle."""
        return json.dumps([self.path, self.batch]).encode()

    @classmethod
    def decode(cls, data: bytes) -> FragmentRange:
        """What `encode` wrote."""
        path, batch = json.loads(data)
        return cls(path, batch)


def write_fragment(rows: pa.Table, shards: int, folder: Path) -> Iterator[tuple[int, FragmentRange]]:
    """Writes FRAGMENT rows and gives (shard, range) for each shard that has some."""
    rows = rows.sort_by([("key", "ascending"), ("ordinal", "ascending")]).combine_chunks()
    names = hashlib.sha256(b"".join(rows["key"].to_pylist())).hexdigest()[:32]
    path = folder / f"fragment-{names}.arrow"
    parts = list(slices_by_part(rows, part_of_keys(rows["key"], shards)))
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, FRAGMENT, options=_OPTIONS) as writer:
        for _, part in parts:
            writer.write_batch(part.combine_chunks().to_batches()[0])
    temporary.replace(path)
    for position, (shard, _) in enumerate(parts):
        yield shard, FragmentRange(str(path), position)


def read_ranges(ranges: Sequence[FragmentRange]) -> pa.Table:
    """All rows of the ranges as FRAGMENT, sorted by key, then thread."""
    tables = [FRAGMENT.empty_table()]
    for item in sorted(set(ranges)):
        with pa.memory_map(item.path) as source, pa.ipc.open_file(source) as reader:
            tables.append(pa.Table.from_batches([reader.get_batch(item.batch)]))
    return pa.concat_tables(tables).sort_by([("key", "ascending"), ("ordinal", "ascending")])


def write_shard(rows: pa.Table, shard: int, shards: int, root: Path, prefix: str = "") -> list[FileEntry]:
    """Writes one data shard and its restricted index below `root`; `rows` is sorted FRAGMENT."""
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
        write_parquet(table, root, f"data/{prefix}train-{name}", statistics=_STATISTICS),
        write_parquet(index, root, f"restricted/{prefix}index-{name}", mode=0o600),
    ]


def write_parquet(
    table: pa.Table, root: Path, relative: str, statistics: bool | list[str] = True, mode: int = 0o644
) -> FileEntry:
    """Writes a table with fixed settings to `root/relative`, whole or not at all.

    An empty table has no row group: readers that size their batches by the first one would fail on zero.
    """
    sink = pa.BufferOutputStream()
    settings: dict[str, Any] = {
        "version": "2.6",
        "data_page_version": "1.0",
        "compression": "zstd",
        "compression_level": 3,
        "write_statistics": statistics,
    }
    with pq.ParquetWriter(sink, table.schema, **settings) as writer:
        if table.num_rows:
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
    return stage(root, relative, sink.getvalue(), table.num_rows, mode)
