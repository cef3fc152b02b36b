"""The layout of a Parquet file: its footer, its columns without text, and what the footer proves about texts.

Opening a file reads only the footer. Each caller chooses the columns that are read after that.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.records import Session
from transforms.sources.canonical.columns import (
    BLOCK_WORDS,
    MESSAGE_TEXTS,
    MESSAGE_WORDS,
    ROW_WORDS,
    RowwiseSchema,
    taken_apart,
)
from transforms.sources.files import open_columns
from transforms.sources.objects import KnownObject, ObjectRanges, known_object
from transforms.storage.places import is_remote

COLUMNS = tuple(field.name for field in msgspec.structs.fields(Session))
_MAGIC = b"PAR1"
_TAIL_BYTES = 8
#: Footers of objects that a process keeps. Those of files with many row groups have megabytes.
_FOOTERS = 4
#: Path lengths: `messages`, two list levels, a field; for blocks also two list levels and a field.
_MESSAGE_DEPTH, _BLOCK_DEPTH = 4, 7
_MESSAGE_FIELDS = {*MESSAGE_TEXTS, *MESSAGE_WORDS, "sent_at"}
_WORDS = {*ROW_WORDS, *MESSAGE_WORDS, *BLOCK_WORDS}
_NEEDED_FIELDS = {"message_id", "role", "sent_at"}


class Layout(NamedTuple):
    """Column paths: those without text, the one of the texts, and the one of the block types.

    If `text` is None, no message in the file has text. If `kind` is None, `content` is a string, not blocks.
    """

    columns: list[str]
    text: str | None
    kind: str | None


#: The texts of a row group: there are none, none is blank (`said`), or unknown.
Texts = Literal["none", "said", "unknown"]


def repeated_column(schema: pa.Schema, names: Collection[str]) -> str | None:
    """The path of a column that a table has twice, among the columns of these names and their fields."""
    fields = [schema.field(place) for place in range(len(schema))]
    return _repeated_field([field for field in fields if field.name in names], "")


def _repeated_field(fields: Sequence[pa.Field], above: str) -> str | None:
    names = [field.name for field in fields]
    for place, field in enumerate(fields):
        path = f"{above}{field.name}"
        if field.name in names[:place]:
            return path
        kind = field.type
        while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            kind, path = kind.value_type, f"{path}[]"
        inner = [kind.field(number) for number in range(kind.num_fields)] if pa.types.is_struct(kind) else []
        if (found := _repeated_field(inner, f"{path}.")) is not None:
            return found
    return None


@contextmanager
def open_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """The file, with only its footer read. Raises OSError, pa.ArrowException.

    Columns with few distinct values are read as dictionaries. Of an object, the columns of a row group come
    together, and its footer once for all row groups that a process reads.
    """
    with open_columns(path) as source:
        known = known_object(path) if is_remote(path) else None
        footer = _kept_footer(known) if known and known.state.identity else footer_of(source)
        metadata = pq.read_metadata(pa.BufferReader(_MAGIC + footer))
        paths = [metadata.schema.column(number).path for number in range(len(metadata.schema))]
        words = [path for path in paths if path.rsplit(".", 1)[-1] in _WORDS]
        yield pq.ParquetFile(source, metadata=metadata, read_dictionary=words, pre_buffer=is_remote(path))


@functools.lru_cache(_FOOTERS)
def _kept_footer(known: KnownObject) -> bytes:
    return footer_of(ObjectRanges(known))


def footer_of(source: Any) -> bytes:
    """The last bytes of the file: the footer, its length and the magic number."""
    size = source.size()
    if size < len(_MAGIC) + _TAIL_BYTES:
        raise pa.ArrowInvalid("too short for Parquet")
    source.seek(size - _TAIL_BYTES)
    tail: bytes = source.read(_TAIL_BYTES)
    length = int.from_bytes(tail[:4], "little")
    if not tail.endswith(_MAGIC) or length > size - len(_MAGIC) - _TAIL_BYTES:
        raise pa.ArrowInvalid("no Parquet footer")
    source.seek(size - _TAIL_BYTES - length)
    footer: bytes = source.read(length)
    return footer + tail


def layout_of(file: pq.ParquetFile) -> Layout | None:
    """The layout of the file; None if it cannot be derived from the schema."""
    schema = file.schema_arrow
    fields = [schema.field(name) for name in COLUMNS if name in schema.names]
    try:
        taken_apart(pa.RecordBatch.from_pylist([], pa.schema(fields)))
    except (RowwiseSchema, pa.ArrowException):
        return None
    paths = [file.schema.column(number).path for number in range(len(file.schema))]
    found: dict[str, list[str]] = {"columns": [], "text": [], "kind": [], "other": []}
    for path in paths:
        found[_role_of(path.split("."))].append(path)
    names = {path.rsplit(".", 1)[1] for path in found["columns"] if "." in path}
    content = {tuple(p.split(".")[:_MESSAGE_DEPTH]) for p in paths if p.split(".")[3:4] == ["content"]}
    if not names >= _NEEDED_FIELDS or len(content) > 1:
        return None
    blocks = any(len(path.split(".")) > _MESSAGE_DEPTH for path in paths)
    if blocks and len(found["kind"]) != 1:
        return None
    kind = found["kind"][0] if blocks else None
    text = found["text"][0] if found["text"] else None
    return Layout([*found["columns"], *found["kind"]], text, kind)


def _role_of(steps: list[str]) -> str:
    """The kind of column at a path. "other" columns are only read together with texts."""
    if len(steps) == 1:
        return "columns" if steps[0] in COLUMNS else "other"
    if steps[0] != "messages":
        return "other"
    if len(steps) == _MESSAGE_DEPTH:
        return "columns" if steps[3] in _MESSAGE_FIELDS else ("text" if steps[3] == "content" else "other")
    if len(steps) == _BLOCK_DEPTH and steps[3] == "content":
        return {"type": "kind", "text": "text"}.get(steps[6], "other")
    return "other"


def texts_of(file: pq.ParquetFile, group: int, layout: Layout) -> Texts:
    """What the footer proves about the texts of a row group.

    `said`: there are as many texts as text blocks (or messages), and the smallest and the largest text begin
    with a visible ASCII character. A blank text begins with a space, a control character or a non-ASCII byte.
    """
    if layout.text is None:
        return "none"
    metadata = file.metadata.row_group(group)
    by_path = {metadata.column(n).path_in_schema: metadata.column(n) for n in range(metadata.num_columns)}
    known = by_path[layout.text].statistics
    if known is None or not known.has_min_max or not known.has_null_count:
        return "unknown"
    ends = (known.min_raw, known.max_raw)
    if not all(isinstance(end, bytes) and end[:1] and b"!" <= end[:1] <= b"~" for end in ends):
        return "unknown"
    return "said" if known.num_values == _texts_expected(file, group, layout) else "unknown"


def _texts_expected(file: pq.ParquetFile, group: int, layout: Layout) -> int:
    """The number of text blocks in a row group; of messages if `content` is a string."""
    path = layout.kind or next(p for p in layout.columns if p.endswith(".role"))
    column = file.read_row_group(group, columns=[path], use_threads=False)["messages"]
    structs = pc.list_flatten(column)
    if layout.kind is None:
        return len(structs)
    kinds = pc.struct_field(pc.list_flatten(pc.struct_field(structs, "content")), "type")
    return int(pc.sum(pc.equal(kinds.cast(pa.string()), "text")).as_py() or 0)


#: The maximum rows of a batch, with texts and without, and its maximum bytes.
_BATCH_ROWS, _BATCH_ROWS_UNREAD = 8_192, 65_536
_BATCH_BYTES = 16 << 20


def batches_of(
    file: pq.ParquetFile, number: int, paths: Sequence[str] | None = None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(first row, batch) of a row group. Default columns: all fields of a session."""
    group = file.metadata.row_group(number)
    chunks = [group.column(place) for place in range(group.num_columns)]
    columns = [name for name in COLUMNS if name in file.schema_arrow.names] if paths is None else list(paths)
    held = sum(c.total_uncompressed_size for c in chunks if paths is None or c.path_in_schema in columns)
    row_bytes = max(1, held // max(1, group.num_rows))
    size = min(_BATCH_ROWS if paths is None else _BATCH_ROWS_UNREAD, max(1, _BATCH_BYTES // row_bytes))
    row = 0
    for batch in file.iter_batches(size, row_groups=[number], columns=columns, use_threads=False):
        yield row, _in_microseconds(batch)
        row += batch.num_rows


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with times cut to microseconds, the resolution of Python's datetime."""
    schema = pa.schema([field.with_type(_coarser(field.type)) for field in batch.schema])
    return batch if schema == batch.schema else batch.cast(schema, safe=False)


def _coarser(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_coarser(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_coarser(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_coarser(kind.value_type)))
    return kind
