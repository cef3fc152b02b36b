"""Canonical records in Parquet: the same fields as JSON, one session a row, read by row group.

`content` is a string or a list of block structs; a tool's `input` is JSON text, a struct or a map.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import InputError
from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.facts import Read
from transforms.sources.base import FactsBatch, PlanTask, Pointer, ReadContext, batch_of, fault_at
from transforms.sources.decode import Fault, convert_session, with_defaults

_COLUMNS = tuple(field.name for field in msgspec.structs.fields(Session))
_BATCH_ROWS = 1_000
_BATCH_MAX_BYTES = 64 << 20


def plan_row_groups(task: PlanTask) -> tuple[list[Unit], list[Quarantined]]:
    """One unit a row group. Raises OSError or pa.ArrowException for a file that is no Parquet."""
    path, size = task.paths[0], task.sizes[0]
    with pq.ParquetFile(path) as file:
        groups = range(file.metadata.num_row_groups)
    units = [Unit(task.input, task.format, "row_group", (path,), group, group + 1, size) for group in groups]
    return units, []


def row_facts(unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
    """Facts of a row group, some thousand rows a batch."""
    encoded = unit.encode()
    for reads in _reads(unit, context, None):
        yield batch_of(reads, encoded, context)


def row_sessions(
    unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
) -> Iterator[tuple[int, Session]]:
    """(row, session) of the pointers; the other rows are decompressed but not converted."""
    for reads in _reads(unit, context, {pointer.row for pointer in pointers}):
        for read in reads:
            if read.session is None:
                raise InputError(
                    f"{unit.paths[0]}: changed while it was read; run again on settled files"
                ) from None
            yield read.row, read.session


def _reads(unit: Unit, context: ReadContext, wanted: set[int] | None) -> Iterator[list[Read]]:
    path, row = unit.paths[0], 0
    try:
        with pq.ParquetFile(path) as file:
            columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
            batches = file.iter_batches(
                _BATCH_ROWS, row_groups=[unit.start], columns=columns, use_threads=False
            )
            for batch in batches:
                rows = range(row, row + batch.num_rows)
                chosen = [r for r in rows if wanted is None or r in wanted]
                if chosen:
                    part = batch if wanted is None else batch.take(pa.array([r - row for r in chosen]))
                    records = part.to_pylist()
                    yield [_read(unit, r, record, context) for r, record in zip(chosen, records, strict=True)]
                row += batch.num_rows
    except (OSError, pa.ArrowException):
        if wanted is not None:
            raise
        yield [Read(row, 0, 0, None, fault_at(unit, path, f"row {row}", "truncated_input", context))]


def _read(unit: Unit, row: int, record: dict[str, Any], context: ReadContext) -> Read:
    path, locator = unit.paths[0], f"row group {unit.start} row {row}"
    try:
        plain = _plain(record)
        session = _fitting(plain, context)
    except Fault as fault:
        data = repr(record).encode("utf-8", "surrogatepass")
        entry = fault_at(
            unit, path, locator, fault.code, context, data=data, conversation_id=fault.conversation_id
        )
        return Read(row, 0, 0, None, entry)
    return Read(row, 0, 0, with_defaults(session, context.defaults[unit.input]), None)


def _fitting(plain: dict[str, Any], context: ReadContext) -> Session:
    if len(msgspec.json.encode(plain)) > context.limits.max_record_bytes:
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
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
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
