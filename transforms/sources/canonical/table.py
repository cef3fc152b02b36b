"""Sessions as a canonical Parquet table; reading it again returns the same sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from schemas.records import Block, Message, Session
from schemas.tables import INSTANT

_TEXT = pa.string()
#: A tool's result as blocks, since it may contain images; readers use no other fields.
_RESULT = pa.list_(pa.struct([("type", _TEXT), ("text", _TEXT)]))
_BLOCK = pa.struct(
    [
        ("type", _TEXT),
        ("text", _TEXT),
        ("thinking", _TEXT),
        ("id", _TEXT),
        ("name", _TEXT),
        ("input", _TEXT),
        ("tool_use_id", _TEXT),
        ("content", _RESULT),
        ("is_error", pa.bool_()),
    ]
)
_MESSAGE = pa.struct(
    [
        ("message_id", _TEXT),
        ("parent_id", _TEXT),
        ("role", _TEXT),
        ("origin", _TEXT),
        ("sent_at", INSTANT),
        ("thread", _TEXT),
        ("content", pa.list_(_BLOCK)),
    ]
)
#: Canonical records as `convert` writes them; `input` is JSON text.
CANONICAL = pa.schema(
    [
        ("conversation_id", _TEXT),
        ("user_id", _TEXT),
        ("organization_id", _TEXT),
        ("tier", _TEXT),
        ("surface", _TEXT),
        ("created_at", INSTANT),
        ("deleted_at", INSTANT),
        ("current_message_id", _TEXT),
        ("incognito", pa.bool_()),
        ("messages", pa.list_(_MESSAGE)),
    ]
)


def canonical_table(sessions: Sequence[Session]) -> pa.Table:
    """CANONICAL, a row for each session, in their order."""
    rows = [
        {name: getattr(session, name) for name in CANONICAL.names if name != "messages"}
        | {"messages": [_message(message) for message in session.messages]}
        for session in sessions
    ]
    return pa.Table.from_pylist(rows, CANONICAL)


def _message(message: Message) -> dict[str, Any]:
    fields = {name: getattr(message, name) for name in msgspec.structs.asdict(message) if name != "content"}
    content = message.content
    if isinstance(content, str):
        content = [Block("text", text=content)]
    return {**fields, "content": None if content is None else [_block(block) for block in content]}


def _block(block: Block) -> dict[str, Any]:
    fields = msgspec.structs.asdict(block)
    if block.input is not None:
        fields["input"] = msgspec.json.encode(block.input).decode()
    if block.content is not None:
        fields["content"] = _result(block.content)
    return fields


def _result(content: Any) -> list[dict[str, str | None]]:
    """A tool's result as blocks; a value that is neither text nor a list becomes JSON text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return [{"type": "text", "text": msgspec.json.encode(content).decode()}]
    return [_part(item) for item in content]


def _part(item: Any) -> dict[str, str | None]:
    if isinstance(item, str):
        return {"type": "text", "text": item}
    get = (
        (lambda name: getattr(item, name))
        if isinstance(item, Block)
        else getattr(item, "get", lambda _: None)
    )
    kind, text = get("type"), get("text")
    return {
        "type": kind if isinstance(kind, str) else "other",
        "text": text if isinstance(text, str) else None,
    }
