"""The canonical session in memory (docs/reference/data-model.md). Every reader of a source format yields it.

Datetimes are timezone-aware. Unknown fields are ignored when decoding. Text fields hold decoded text, not
JSON.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec

Aware = Annotated[dt.datetime, msgspec.Meta(tz=True)]
Role = Literal["system", "user", "assistant", "tool"]
Origin = Literal["human", "model", "tool", "harness", "summary"]
MAIN_THREAD = "main"


class Block(msgspec.Struct, omit_defaults=True, gc=False):
    """A content block: `type` is text, thinking, tool_use, tool_result, image, document or any other name.

    Fields by type: text: `text`. thinking: `thinking`, else `text`. tool_use: `id`, `name`, `input` (a JSON
    value). tool_result: `tool_use_id`, `content` (string or list of blocks), `is_error`. Other types: none.
    """

    type: str
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    tool_use_id: str | None = None
    content: Any = None
    is_error: bool | None = None


class Message(msgspec.Struct, omit_defaults=True, gc=False):
    """A message. `origin` None: the source does not have it. `thread` None: the main thread."""

    message_id: str
    role: Role
    sent_at: Aware
    content: str | list[Block] | None = None
    parent_id: str | None = None
    origin: Origin | None = None
    thread: str | None = None


class Session(msgspec.Struct, omit_defaults=True, gc=False):
    """A session record. Records with the same `conversation_id` are merged into one session."""

    conversation_id: str
    created_at: Aware
    messages: list[Message]
    user_id: str | None = None
    organization_id: str | None = None
    tier: str | None = None
    surface: str | None = None
    deleted_at: Aware | None = None
    current_message_id: str | None = None
    incognito: bool | None = None


class Defaults(msgspec.Struct, frozen=True):
    """Values for records that lack them, from `inputs[].defaults`. A value in the record takes precedence.

    `created_at` is used for all times of formats without times.
    """

    user_id: str | None = None
    organization_id: str | None = None
    tier: str | None = None
    surface: str | None = None
    created_at: dt.datetime | None = None


class Limits(msgspec.Struct, frozen=True):
    """The limits for records and archives, above which they are quarantined.

    `max_record_bytes`, `max_messages`: of a record. A record above one of them is `oversize_record`.
    `max_archive_members`: files in an archive. `max_decompression_ratio`: size of an archive's conversations
    by size of the archive; not applied up to `max_record_bytes`. An archive above one of them is
    `oversize_file`.
    """

    max_record_bytes: int = 64 << 20
    max_messages: int = 20_000
    max_archive_members: int = 100_000
    max_decompression_ratio: int = 200
