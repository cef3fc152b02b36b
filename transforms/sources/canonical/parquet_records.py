"""Converts one row of canonical Parquet to the session of the same record in JSON, or to a fault."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pyarrow as pa

from schemas.records import Message, Session
from schemas.units import Unit
from transforms.sources.base import ReadContext, fault_at
from transforms.sources.canonical.column_facts import Unread, json_or_text
from transforms.sources.canonical.parquet_layout import COLUMNS
from transforms.sources.decode import convert_session
from transforms.sources.facts.table import ReadRecord
from transforms.sources.faults import Fault, Field, bad_field

_MESSAGE_FIELDS = tuple(f.name for f in msgspec.structs.fields(Message) if f.name != "content")
_SOME_TEXT = "."


def read_row(
    unit: Unit, row: int, one: pa.RecordBatch, context: ReadContext, digest: int | None
) -> ReadRecord:
    """The session of a one-row batch, or its fault. `digest`: of the row, as in FoundSession."""
    path, locator, data = unit.paths[0], f"row group {unit.start} row {row}", b""
    try:
        record = _record(one)
        data = repr(_outline(record)).encode("utf-8", "surrogatepass")
        session = _fitting(_plain(record), context)
    except Fault as fault:
        entry = fault_at(
            unit,
            path,
            locator,
            fault.code,
            context,
            data=data,
            conversation_id=fault.conversation_id,
            field=fault.field,
        )
        return ReadRecord(row, 0, 0, None, entry)
    return ReadRecord(row, 0, 0, context.owned(session, unit), None, digest)


def with_texts_assumed(read: ReadRecord, unread: Unread) -> ReadRecord:
    """The record with placeholder texts; used when the text columns are not read."""
    for message in read.session.messages if read.session else ():
        if unread == "messages" and message.content is None:
            message.content = _SOME_TEXT
        for block in message.content if isinstance(message.content, list) else ():
            if unread == "blocks" and block.type == "text":
                block.text = block.text or _SOME_TEXT
    return read


def _outline(record: dict[str, Any]) -> dict[str, Any]:
    """The record without its texts, so that it is equal with and without the text columns."""
    messages = record.get("messages")
    outlined = [_outlined(m) for m in messages] if isinstance(messages, list) else messages
    return {name: record.get(name) for name in COLUMNS if name != "messages"} | {"messages": outlined}


def _outlined(message: Any) -> Any:
    if not isinstance(message, dict):
        return None
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    kinds = [block.get("type") if isinstance(block, dict) else None for block in blocks]
    return {name: message.get(name) for name in _MESSAGE_FIELDS} | {"content": kinds}


def _record(one: pa.RecordBatch) -> dict[str, Any]:
    try:
        record: dict[str, Any] = one.to_pylist()[0]
    except UnicodeDecodeError:
        raise Fault("invalid_unicode") from None
    except (ValueError, OverflowError):
        raise Fault("bad_timestamp", None, Field(_impossible_time(one), "time")) from None
    return record


def _impossible_time(one: pa.RecordBatch) -> str:
    """The field with a year that Python's datetime does not support."""
    for name in ("created_at", "deleted_at"):
        try:
            if name in one.schema.names:
                one[name].to_pylist()
        except (ValueError, OverflowError):
            return name
    return "messages[].sent_at"


def _fitting(plain: dict[str, Any], context: ReadContext) -> Session:
    try:
        size = len(msgspec.json.encode(plain))
    except (RecursionError, OverflowError, UnicodeEncodeError):
        raise bad_field("*", plain) from None
    if size > context.limits.max_record_bytes:
        raise Fault("oversize_record")
    return convert_session(plain, context.limits.max_messages)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """The record as decoded from JSON: null fields are absent, tool inputs are values."""
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
