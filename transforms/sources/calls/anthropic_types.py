"""Logged calls of the Anthropic Messages API, decoded by type: of texts alone, or with tools.

A record with a field that is not named here, or with anything else in one, is for the careful way.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


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


class Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What one side said at a time."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class _Request(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[Turn]
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


class _Response(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["assistant"]
    content: list[Block]
    type: Literal["message"] = "message"
    id: Any = None
    model: Any = None
    stop_reason: Any = None
    stop_sequence: Any = None
    usage: Any = None
    container: Any = None


class Logged(msgspec.Struct, forbid_unknown_fields=True, gc=False):
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


def turns_of(logged: Logged) -> list[Turn]:
    """What was said, and what was answered to it, if anything was."""
    answer = logged.response.content if logged.response is not None else None
    return [*logged.request.messages, Turn("assistant", answer)] if answer else logged.request.messages


def system_of(logged: Logged) -> str | None:
    """The texts of the system prompt."""
    system = logged.request.system
    if system is None or isinstance(system, str):
        return system
    return "\n\n".join(part.text if part.text.strip() else "" for part in system) or None
