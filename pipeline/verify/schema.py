"""Class `schema`: Parquet files and lines of the quarantine have the documented form, and can be read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.verify.findings import Finding
from pipeline.verify.subject import DAMAGE, Subject
from schemas.units import FIELD_KINDS
from transforms.output.erase import schema_of
from transforms.output.shards import ROW_GROUP_ROWS
from transforms.storage.places import arrow_file, open_file

BATCH_ROWS = 2_048
#: Of a line of the quarantine: it holds names, numbers and a digest.
_LINE_BYTES = 1 << 16
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_FIELD = re.compile(r"(?:[a-zA-Z_.\[\]]{1,128}|\*)\Z")
_DIGEST = re.compile(r"[0-9a-f]{32}\Z")


class QuarantineLine(msgspec.Struct, forbid_unknown_fields=True):
    """A line of the quarantine."""

    input: int
    manifest_input: int
    file: str
    locator: str
    code: str
    field: str | None
    kind: str | None
    byte_length: int
    digest: str


def check_schemas(subject: Subject) -> Iterator[Finding]:
    """Findings of all Parquet files; adds those that cannot be used to `subject.bad`."""
    for file in subject.files(""):
        if file.path in subject.bad or not file.path.endswith(".parquet"):
            continue
        fault = _parquet_fault(subject.folder / file.path, schema_of(file.path), file.rows)
        if fault:
            subject.bad.add(file.path)
            yield Finding("schema", file.path, fault)


def check_quarantine(subject: Subject, codes: Counter[str]) -> Iterator[Finding]:
    """Findings of the lines of the quarantine; counts them by code in `codes`."""
    inputs = subject.manifest.inputs
    for file in subject.files("quarantine/"):
        if file.path in subject.bad:
            continue
        lines, bad = 0, 0
        with open_file(subject.folder / file.path) as source:
            while line := source.readline(_LINE_BYTES):
                lines += 1
                found = _line(line, inputs)
                if found is None:
                    bad += 1
                else:
                    codes[found.code] += 1
        if bad:
            yield Finding("schema", file.path, f"{bad} lines do not have exactly the documented fields")
        if lines != file.rows:
            yield Finding("schema", file.path, f"has {lines} lines; expected {file.rows}")
        if bad or lines != file.rows:
            subject.bad.add(file.path)


def batches(path: PurePath, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, some at a time."""
    with arrow_file(path) as source, pq.ParquetFile(source) as file:
        yield from file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False)


def table(path: PurePath, columns: list[str] | None = None) -> pa.Table:
    """A Parquet file as a table, with all columns or some."""
    with arrow_file(path) as source:
        return pq.read_table(source, columns=columns, use_threads=False, partitioning=None)


def _parquet_fault(path: PurePath, expected: pa.Schema | None, rows: int) -> str | None:
    try:
        with arrow_file(path) as source, pq.ParquetFile(source) as file:
            schema, meta = file.schema_arrow, file.metadata
            if expected is None or not schema.equals(expected):
                return "its schema is not the documented one"
            if set(meta.metadata or {}) - {b"ARROW:schema"} or schema.metadata or any(map(_notes, schema)):
                return "holds metadata that no file of a dataset has"
            if meta.num_rows != rows:
                return f"has {meta.num_rows} rows; expected {rows}"
            if any(meta.row_group(n).num_rows > ROW_GROUP_ROWS for n in range(meta.num_row_groups)):
                return f"has a row group of more than {ROW_GROUP_ROWS} rows"
            read = 0
            for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                batch.validate(full=True)
                read += batch.num_rows
            if read != rows:
                return f"gives {read} rows; expected {rows}"
    except DAMAGE:
        return "cannot be read as Parquet"
    return None


def _notes(field: pa.Field) -> bool:
    """True if a field, or one below it, has metadata beside the numbers that Parquet gives to fields."""
    kind = field.type
    below = [kind.field(n) for n in range(kind.num_fields)] if pa.types.is_nested(kind) else []
    return bool(set(field.metadata or {}) - {b"PARQUET:field_id"}) or any(map(_notes, below))


def _is_input(line: QuarantineLine, inputs: Sequence[Mapping[str, Any]]) -> bool:
    """True if the line's file is an entry of the manifest."""
    if not 0 <= line.manifest_input < len(inputs):
        return False
    entry = inputs[line.manifest_input]
    return (entry.get("input"), entry.get("name")) == (line.input, line.file)


def _line(line: bytes, inputs: Sequence[Mapping[str, Any]]) -> QuarantineLine | None:
    try:
        found = msgspec.json.decode(line, type=QuarantineLine)
    except DAMAGE:
        return None
    plain = (
        msgspec.json.encode(found) + b"\n" == line
        and _CODE.match(found.code)
        and _DIGEST.match(found.digest)
        and (found.field is None) == (found.kind is None)
        and (found.field is None or _FIELD.match(found.field))
        and (found.kind is None or found.kind in FIELD_KINDS)
        and _is_input(found, inputs)
        and found.byte_length >= 0
    )
    return found if plain else None
