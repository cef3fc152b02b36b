"""Fragments: staged Arrow files of masked training rows, written by text stages and read by shards.

A fragment has one record batch per shard, so a shard reads only its own rows. Its name is the digest of its
keys and threads, so a retry writes the same file again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from schemas.tables import TRAINING
from transforms.shuffle.blobs import part_of_keys, slices_by_part
from transforms.storage.places import is_remote, open_file, store_of

#: TRAINING before it is written: keys as bytes, texts not yet dictionary-encoded, and `ordinal`, the
#: position of the thread within its session.
FRAGMENT = pa.schema(
    [("key", pa.binary(16)), ("ordinal", pa.int32())]
    + [(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in TRAINING]
)
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


class FragmentRange(NamedTuple):
    """A record batch of a staged fragment: the rows of one shard."""

    path: str
    batch: int

    def encode(self) -> bytes:
        """A compact form for the shuffle."""
        return json.dumps([self.path, self.batch]).encode()

    @classmethod
    def decode(cls, data: bytes) -> FragmentRange:
        """The range that `encode` wrote."""
        path, batch = json.loads(data)
        return cls(path, batch)


def write_fragment(rows: pa.Table, shards: int, folder: str) -> Iterator[tuple[int, FragmentRange]]:
    """Writes FRAGMENT rows; yields (shard, range) for each shard that has rows."""
    rows = rows.sort_by([("key", "ascending"), ("ordinal", "ascending")]).combine_chunks()
    names = hashlib.sha256(b"".join(rows["key"].to_pylist()))
    names.update(rows["ordinal"].to_numpy())
    name = f"fragment-{names.hexdigest()[:32]}.arrow"
    parts = list(slices_by_part(rows, part_of_keys(rows["key"], shards)))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, FRAGMENT, options=_OPTIONS) as writer:
        for _, part in parts:
            writer.write_batch(part.combine_chunks().to_batches()[0])
    store_of(folder, durable=False).put(name, memoryview(sink.getvalue()))
    for position, (shard, _) in enumerate(parts):
        yield shard, FragmentRange(f"{folder}/{name}", position)


def read_ranges(ranges: Sequence[FragmentRange]) -> pa.Table:
    """The FRAGMENT rows of the ranges, sorted by key, then thread."""
    tables = [FRAGMENT.empty_table()]
    for item in sorted(set(ranges)):
        opened = open_file(item.path) if is_remote(item.path) else pa.memory_map(item.path)
        with opened as source, pa.ipc.open_file(source) as reader:
            tables.append(pa.Table.from_batches([reader.get_batch(item.batch)]))
    return pa.concat_tables(tables).sort_by([("key", "ascending"), ("ordinal", "ascending")])
