"""Values of a line of a Claude Code session file: blocks of content, texts, instants."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.records import Block
from transforms.sources.accounting import dropped, note_block
from transforms.sources.decode import json_fault
from transforms.sources.faults import Field
from transforms.sources.json.once import decoded_once, unread

if TYPE_CHECKING:
    from transforms.sources.claude_code.lines import LinkedRecord

_DROPPED_BLOCKS = frozenset({"redacted_thinking"})
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+\Z")


class LineFault(Exception):  # noqa: N818 - becomes a quarantine entry, never an error
    """Why a line cannot be read: a quarantine code, and a record of its links if it has a uuid.

    `field`: the field that the line gives twice. `parent_unreadable`: its parentUuid is not one string.
    """

    def __init__(self, code: str, field: Field | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.link: LinkedRecord | None = None
        self.parent_unreadable = False


def blocks_of(content: Any) -> list[Block]:
    """The blocks of the content of a message or tool result; raises LineFault."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Block("text", text=content)]
    if not isinstance(content, list):
        raise LineFault("bad_field")
    return [block for item in content if (block := _block(item)) is not None]


def _block(item: Any) -> Block | None:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        raise LineFault("bad_field")
    kind = item["type"]
    if kind in _DROPPED_BLOCKS:
        note_block(dropped(kind))
        return None
    if kind == "text":
        return Block("text", text=text_of(item, "text") or "")
    if kind == "thinking":
        return Block("thinking", thinking=text_of(item, "thinking") or "")
    if kind == "tool_use":
        return Block(
            "tool_use", id=text_of(item, "id"), name=text_of(item, "name"), input=unread(item, "input")
        )
    if kind == "tool_result":
        content = item.get("content")
        inner = blocks_of(content) if isinstance(content, list) else content
        if inner is not None and not isinstance(inner, str | list):
            raise LineFault("bad_field")
        failed = True if item.get("is_error") is True else None
        return Block("tool_result", tool_use_id=text_of(item, "tool_use_id"), content=inner, is_error=failed)
    return Block(kind)


def text_of(mapping: dict[str, Any], name: str) -> str | None:
    """The field if it is text; None if it is missing; raises LineFault."""
    value = mapping.get(name)
    if value is None or value.__class__ is str:
        return value
    raise LineFault("bad_field")


def instant_of(value: Any) -> dt.datetime:
    """The instant of a timestamp; raises LineFault."""
    if value is None:
        raise LineFault("missing_field")
    if not isinstance(value, str):
        raise LineFault("bad_timestamp")
    try:
        instant = msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError:
        raise LineFault("bad_timestamp") from None
    if instant.tzinfo is None or (value[-1:] != "Z" and _NAIVE.match(value)):
        raise LineFault("naive_timestamp")
    return instant


def json_object(data: bytes) -> dict[str, Any]:
    """The object of a line; raises LineFault."""
    try:
        value = decoded_once(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LineFault(json_fault(data)) from None
    if not isinstance(value, dict):
        raise LineFault("not_an_object")
    return value
