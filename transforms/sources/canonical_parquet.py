"""Canonical records in Parquet: the same fields as JSON, one session a row, read by row group.

`content` is a string or a list of block structs; a tool's `input` is JSON text, a struct or a map.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.facts import Read
from transforms.files import changed
from transforms.sources.base import FactsBatch, PlanTask, Pointer, ReadContext, batch_of, fault_at
from transforms.sources.canonical_column_facts import column_facts, json_or_text
from transforms.sources.decode import Fault, convert_session, with_defaults

_COLUMNS = tuple(field.name for field in msgspec.structs.fields(Session))
_BATCH_ROWS = 8_192
_BATCH_BYTES = 16 << 20


def plan_row_groups(task: PlanTask) -> tuple[list[Unit], list[Quarantined]]:
    """One unit a row group. Raises OSError or pa.ArrowException for a file that is no Parquet."""
    path, size = task.paths[0], task.sizes[0]
    with pq.ParquetFile(path) as file:
        groups = file.metadata.num_row_groups
    units = [
        Unit(task.input, task.format, "row_group", (path,), group, groups, size) for group in range(groups)
    ]
    return units, []


def row_facts(unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
    """Facts of a row group, some MiB a batch."""
    encoded = unit.encode()
    try:
        if context.only is not None and not _holds(unit, context.only):
            return
        for first_row, batch in _batches(unit):
            facts, odd = column_facts(batch, first_row, encoded, unit.input, context)
            if not len(odd):
                yield FactsBatch(facts, [])
                continue
            others = batch_of(_reads(unit, batch, first_row, odd.tolist(), context), encoded, context)
            together = pa.concat_tables([facts, others.facts]).sort_by("row")
            yield FactsBatch(together, others.quarantined)
    except (OSError, pa.ArrowException):
        entry = fault_at(unit, unit.paths[0], f"row group {unit.start}", "truncated_input", context)
        yield batch_of([Read(0, 0, 0, None, entry)], encoded, context)


def row_sessions(
    unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
) -> Iterator[tuple[int, Session]]:
    """(row, session) of the pointers; the other rows are decompressed but not converted."""
    wanted = sorted({pointer.row for pointer in pointers})
    for first_row, batch in _batches(unit):
        places = [row - first_row for row in wanted if first_row <= row < first_row + batch.num_rows]
        for read in _reads(unit, batch, first_row, places, context) if places else ():
            if read.session is None:
                raise changed(unit.paths[0])
            yield read.row, read.session


def _holds(unit: Unit, conversation_id: str) -> bool:
    """True if the row group has a record of that id; reads that one column."""
    with pq.ParquetFile(unit.paths[0]) as file:
        if "conversation_id" not in file.schema_arrow.names:
            return True
        column = file.read_row_group(unit.start, columns=["conversation_id"], use_threads=False)[0]
    texts = column.cast(pa.large_string())
    return bool(pc.any(pc.equal(texts, pa.scalar(conversation_id, pa.large_string()))).as_py())


def _batches(unit: Unit) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The row group's batches and the row at which each begins, with the columns of a session only."""
    with pq.ParquetFile(unit.paths[0]) as file:
        columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
        group = file.metadata.row_group(unit.start)
        row_bytes = max(1, group.total_byte_size // max(1, group.num_rows))
        size = min(_BATCH_ROWS, max(1, _BATCH_BYTES // row_bytes))
        row = 0
        for batch in file.iter_batches(size, row_groups=[unit.start], columns=columns, use_threads=False):
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


def _reads(
    unit: Unit, batch: pa.RecordBatch, first_row: int, places: list[int], context: ReadContext
) -> list[Read]:
    """The rows at these places of the batch, made Python objects one row at a time."""
    return [_read(unit, first_row + place, batch.slice(place, 1), context) for place in places]


def _read(unit: Unit, row: int, one: pa.RecordBatch, context: ReadContext) -> Read:
    path, locator, data = unit.paths[0], f"row group {unit.start} row {row}", b""
    try:
        record = _record(one)
        data = repr(record).encode("utf-8", "surrogatepass")
        session = _fitting(_plain(record), context)
    except Fault as fault:
        entry = fault_at(
            unit, path, locator, fault.code, context, data=data, conversation_id=fault.conversation_id
        )
        return Read(row, 0, 0, None, entry)
    return Read(row, 0, 0, with_defaults(session, context.defaults[unit.input]), None)


def _record(one: pa.RecordBatch) -> dict[str, Any]:
    try:
        record: dict[str, Any] = one.to_pylist()[0]
    except UnicodeDecodeError:
        raise Fault("invalid_unicode") from None
    except (ValueError, OverflowError):
        raise Fault("bad_timestamp") from None  # of years that no calendar of ours has
    return record


def _fitting(plain: dict[str, Any], context: ReadContext) -> Session:
    try:
        size = len(msgspec.json.encode(plain))
    except (RecursionError, OverflowError, UnicodeEncodeError):
        raise Fault("bad_field") from None
    if size > context.limits.max_record_bytes:
        raise Fault("oversize_record")
    return convert_session(plain, context.limits.max_messages)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """The record as its JSON twin would be decoded: absent for null, tool inputs as values."""
    plain = {name: value for name, value in record.items() if value is not None}
    messages = plain.get("messages")
    if isinstance(messages, list):
        plain["messages"] = [_message(m) if isinstance(m, dict) else m for m in messages]
    return plain


def _message(message: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in message.items() if value is not None}
    if isinstance(plain.get("content"), list):
        plain["content"] = [_block(b) if isinstance(b, dict) else b for b in plain["content"]]
    return plain


def _block(block: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in block.items() if value is not None}
    if "input" in plain:
        plain["input"] = _tool_input(plain["input"])
    if isinstance(plain.get("content"), list):
        plain["content"] = [_block(b) if isinstance(b, dict) else b for b in plain["content"]]
    return plain


def _tool_input(value: Any) -> Any:
    if isinstance(value, str):
        return json_or_text(value)
    if isinstance(value, dict):
        return {key: _tool_value(item) for key, item in value.items() if item is not None}
    if isinstance(value, list) and value and all(isinstance(pair, tuple) for pair in value):
        return {str(key): _tool_value(item) for key, item in value}
    return _tool_value(value)


def _tool_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tool_value(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_tool_value(item) for item in value]
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
