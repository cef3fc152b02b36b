"""Where a Parquet file holds what: its footer, the columns that hold no text, and what it tells of texts.

A file is opened by its footer alone, so that which bytes are read is in the hands of who asks for columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

COLUMNS = tuple(field.name for field in msgspec.structs.fields(Session))
_MAGIC = b"PAR1"
_TAIL_BYTES = 8
#: Steps of a path: messages, two of its list, a field; then two of the content's list, a block's field.
_MESSAGE_DEPTH, _BLOCK_DEPTH = 4, 7
_MESSAGE_FIELDS = {*MESSAGE_TEXTS, *MESSAGE_WORDS, "sent_at"}
_WORDS = {*ROW_WORDS, *MESSAGE_WORDS, *BLOCK_WORDS}
_NEEDED_FIELDS = {"message_id", "role", "sent_at"}


class Layout(NamedTuple):
    """The columns of a file that hold no text, by path; where its texts lie, and where the types of blocks.

    `text` None: no message of the file has a text. `kind` None: `text` is the content itself, not of blocks.
    """

    columns: list[str]
    text: str | None
    kind: str | None


#: What is known of the texts of a row group: that none is there, that none is blank, or nothing.
Texts = Literal["none", "said", "unknown"]


def open_bytes(path: str) -> Any:
    """The file as it is read by position, a column chunk at a time. Raises OSError."""
    return pa.OSFile(path)


@contextmanager
def open_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """The file, of which the footer was read and nothing else. Raises OSError, pa.ArrowException.

    Columns of few different texts come with a dictionary.
    """
    with open_bytes(path) as source:
        metadata = pq.read_metadata(pa.BufferReader(_MAGIC + footer_of(source)))
        paths = [metadata.schema.column(number).path for number in range(len(metadata.schema))]
        words = [path for path in paths if path.rsplit(".", 1)[-1] in _WORDS]
        yield pq.ParquetFile(source, metadata=metadata, read_dictionary=words)


def footer_of(source: Any) -> bytes:
    """The footer with its length and magic, the last bytes of the file."""
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
    """Where the file's text is; None if its schema does not tell that."""
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
    """Which list of a Layout a path belongs to; "other" for one that is never read without text."""
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
    """What the footer proves of a row group's texts.

    Said: as many texts as text blocks (or messages) are there, and the least and the greatest begin with a
    visible ASCII character. Blank texts begin with a space, a control character or a byte above ASCII.
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
    """Text blocks of a row group, or messages where the content is the text itself."""
    path = layout.kind or next(p for p in layout.columns if p.endswith(".role"))
    column = file.read_row_group(group, columns=[path], use_threads=False)["messages"]
    structs = pc.list_flatten(column)
    if layout.kind is None:
        return len(structs)
    kinds = pc.struct_field(pc.list_flatten(pc.struct_field(structs, "content")), "type")
    return int(pc.sum(pc.equal(kinds.cast(pa.string()), "text")).as_py() or 0)


#: Most rows and bytes of a batch; with texts, and without.
_BATCH_ROWS, _BATCH_ROWS_UNREAD = 8_192, 65_536
_BATCH_BYTES = 16 << 20


def batches_of(
    file: pq.ParquetFile, number: int, paths: Sequence[str] | None = None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """A row group's batches and the row at which each begins, with these columns, or all of a session."""
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
    """The batch with nanoseconds cut off: Python's times have none."""
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
