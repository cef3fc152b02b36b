"""Parquet files of the state: written with equal bytes for equal rows, and read in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.manifest import FileEntry
from schemas.state import STATE_FACTS, STATE_FILES, STATE_UNITS
from transforms.read.state.known import FACTS, FILES, UNITS, state_name
from transforms.shuffle.staging import stage
from transforms.storage.places import arrow_file

#: The schema of each kind, and the columns that its rows are sorted by.
SCHEMAS = {FACTS: STATE_FACTS, UNITS: STATE_UNITS, FILES: STATE_FILES}
_ORDER = {FACTS: ["unit", "row"], UNITS: ["place", "unit"], FILES: ["file"]}
_ROW_GROUP_ROWS = 8_192
#: Columns whose values are nearly all different gain nothing from a dictionary.
_PLAIN = (
    *("conversation_key", "digest", "current", "message_id.list.element", "parents.list.element"),
    *("file", "sha256", "unit_key", "links.list.element.list.element"),
)
_DELTA = ("row", "offset", "length", "created_at", "text_bytes")
_SPLIT = ("sent_after.list.element",)


def write_state(table: pa.Table, kind: str, part: int, parts: int, folder: str) -> FileEntry:
    """Writes a part of the state; the order of `table` has no effect."""
    table = table.sort_by([(name, "ascending") for name in _ORDER[kind]])
    return rewrite_state(table, state_name(kind, part, parts), folder)


def rewrite_state(table: pa.Table, name: str, folder: str) -> FileEntry:
    """Writes a state file under its name; `table` is sorted."""
    table = table.combine_chunks()
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, **_settings(table.schema)) as writer:
        if table.num_rows:
            writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)
    return stage(folder, name, sink.getvalue(), table.num_rows)


def read_state(path: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a part, one row group at a time. OSError or pa.ArrowException where it cannot be read."""
    with arrow_file(path) as source, pq.ParquetFile(source) as file:
        for group in range(file.metadata.num_row_groups):
            yield file.read_row_group(group, columns=columns, use_threads=False)


def read_whole(path: str, kind: str, columns: list[str] | None = None) -> pa.Table:
    """All rows of a part."""
    schema = SCHEMAS[kind] if columns is None else pa.schema([SCHEMAS[kind].field(name) for name in columns])
    return pa.concat_tables([schema.empty_table(), *read_state(path, columns)])


def _settings(schema: pa.Schema) -> dict[str, Any]:
    encodings = dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED") | dict.fromkeys(_SPLIT, "BYTE_STREAM_SPLIT")
    leaves = set(_leaves(schema))
    encodings |= dict.fromkeys(_PLAIN, "PLAIN")
    encodings = {name: encoding for name, encoding in encodings.items() if name in leaves}
    return {
        "version": "2.6",
        "data_page_version": "1.0",
        "compression": "zstd",
        "compression_level": 3,
        "write_statistics": False,
        "use_dictionary": sorted(leaves - set(encodings)),
        "column_encoding": encodings,
        "dictionary_pagesize_limit": 16 << 20,
    }


def _leaves(schema: pa.Schema) -> list[str]:
    """The paths of all columns of a file with this schema."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    found = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [found.column(number).path for number in range(len(found))]
