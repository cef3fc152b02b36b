"""The canonical session in memory, as every source adapter yields it (interfaces.md, "In").

All times are aware datetimes. Unknown fields are ignored on decode. Text is decoded text, never JSON text.
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
    """One content block: `type` is text, thinking, tool_use, tool_result, image, document or another word.

    text: `text`. thinking: `thinking`, else `text`. tool_use: `id`, `name`, `input` (JSON value).
    tool_result: `tool_use_id`, `content` (string or list of blocks), `is_error`. The rest is not read.
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
    """One message. `origin` None: the source does not say (see eligibility.md, "Words")."""

    message_id: str
    role: Role
    sent_at: Aware
    content: str | list[Block] | None = None
    parent_id: str | None = None
    origin: Origin | None = None
    thread: str | None = None


class Session(msgspec.Struct, omit_defaults=True, gc=False):
    """One session record. Several records may share a `conversation_id`: together they are the session."""

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
    """Values for sources that lack them, from `inputs[].defaults`; a record's own value wins.

    `created_at` stands for every time of formats that know none.
    """

    user_id: str | None = None
    organization_id: str | None = None
    tier: str | None = None
    surface: str | None = None
    created_at: dt.datetime | None = None


class Limits(msgspec.Struct, frozen=True):
    """What one record may be before it is quarantined as `oversize_record`."""

    max_record_bytes: int = 64 << 20
    max_messages: int = 20_000
