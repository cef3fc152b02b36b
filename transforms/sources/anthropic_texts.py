"""Logged calls of the Anthropic Messages API, decoded by type: of texts alone, or with tools.

A record with a field that is not named here, or with anything else in one, is for the careful way.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.records import Role
from transforms.sources.history_texts import Said


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`, here and below: decoded, so that it is known to be sound, and not read."""

    type: Literal["text"]
    text: str
    cache_control: Any = None
    citations: Any = None


class Block(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A text, a thought, a call of a tool or what it gave."""

    type: Literal["text", "thinking", "tool_use", "tool_result"]
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    tool_use_id: str | None = None
    content: str | list[_Text] | None = None
    is_error: bool | None = None
    cache_control: Any = None
    citations: Any = None
    signature: Any = None


class _Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[_Turn]
    system: str | list[_Text] | None = None
    metadata: Any = None
    model: Any = None
    max_tokens: Any = None
    temperature: Any = None
    top_p: Any = None
    top_k: Any = None
    stream: Any = None
    stop_sequences: Any = None
    tools: Any = None
    tool_choice: Any = None
    thinking: Any = None
    service_tier: Any = None


class _Response(msgspec.Struct, forbid_unknown_fields=True):
    role: Literal["assistant"]
    content: list[Block]
    type: Literal["message"] = "message"
    id: Any = None
    model: Any = None
    stop_reason: Any = None
    stop_sequence: Any = None
    usage: Any = None
    container: Any = None


class Logged(msgspec.Struct, forbid_unknown_fields=True):
    """A record. The last of its fields are not read."""

    request: _Request
    response: _Response | None = None
    timestamp: Any = None
    created_at: Any = None
    started_at: Any = None
    recorded_at: Any = None
    time: Any = None
    completed_at: Any = None
    finished_at: Any = None
    conversation_id: str | int | None = None
    user_id: str | None = None
    organization_id: str | None = None
    id: Any = None
    request_id: Any = None
    model: Any = None
    status: Any = None
    status_code: Any = None
    duration_ms: Any = None
    latency_ms: Any = None

    def asked(self) -> Any:
        """When it was asked, as the record says it."""
        if self.timestamp is not None:
            return self.timestamp
        others = (self.created_at, self.started_at, self.recorded_at, self.time)
        return next((other for other in others if other is not None), None)

    def answered(self) -> Any:
        """When it was answered, if the record says that."""
        return self.finished_at if self.completed_at is None else self.completed_at


_DECODER = msgspec.json.Decoder(Logged)


def logged_call(data: bytes) -> Logged | None:
    """The record, None if it has anything that is not named here."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def turns_of(logged: Logged) -> list[tuple[Role, str | list[Block]]]:
    """Role and content of what was said, and of what was answered to it, if anything was."""
    turns: list[tuple[Role, str | list[Block]]] = [
        (turn.role, turn.content) for turn in logged.request.messages
    ]
    if logged.response and logged.response.content:
        turns.append(("assistant", logged.response.content))
    return turns


def system_of(logged: Logged) -> str | None:
    """The texts of the system prompt."""
    system = logged.request.system or []
    if isinstance(system, str):
        return system
    return "\n\n".join(part.text if part.text.strip() else "" for part in system) or None


def said_of(
    logged: Logged, asked_at: Any, answered_at: Any, user_id: str | None, organization_id: str | None
) -> Said | None:
    """The call that was logged, None if it says more than texts."""
    turns = turns_of(logged)
    texts: list[str | list[str]] = []
    for _, content in turns:
        text = content if isinstance(content, str) else _texts(content)
        if text is None:
            return None
        texts.append(text)
    conversation = logged.conversation_id
    return Said(
        roles=[role for role, _ in turns],
        turns=texts,
        answered=len(turns) > len(logged.request.messages),
        system=system_of(logged),
        asked_at=asked_at,
        answered_at=answered_at,
        user_id=user_id,
        organization_id=organization_id,
        conversation_id=None if conversation is None else str(conversation),
    )


def _texts(blocks: list[Block]) -> str | list[str] | None:
    """The texts, what is blank as nothing; None where there is anything else."""
    if not {"text"}.issuperset([block.type for block in blocks]):
        return None
    texts = [block.text if block.text and block.text.strip() else "" for block in blocks]
    return texts[0] if len(texts) == 1 else texts
