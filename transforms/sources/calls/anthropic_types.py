"""Types of well-formed logged calls of the Anthropic Messages API, with texts, thoughts and tools.

A record with another field, or with another type in a field, is not decoded here but read by itself.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`, here and below: decoded, so that it is known to be valid JSON, and not used."""

    type: Literal["text"]
    text: str
    cache_control: Any = None
    citations: Any = None


class AnthropicBlock(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A text, a thought, a tool call or a tool result."""

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


class AnthropicTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message of the request."""

    role: Literal["user", "assistant", "system"]
    content: str | list[AnthropicBlock]


class _Request(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[AnthropicTurn]
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
    content: list[AnthropicBlock]
    type: Literal["message"] = "message"
    id: Any = None
    model: Any = None
    stop_reason: Any = None
    stop_sequence: Any = None
    usage: Any = None
    container: Any = None


class LoggedCall(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A record; the fields of type `Any` after `organization_id` are not used."""

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
        """The time of the request as the record has it, None if it has none."""
        if self.timestamp is not None:
            return self.timestamp
        others = (self.created_at, self.started_at, self.recorded_at, self.time)
        return next((other for other in others if other is not None), None)

    def answered(self) -> Any:
        """The time of the answer as the record has it, None if it has none."""
        return self.finished_at if self.completed_at is None else self.completed_at


def turns_of(logged: LoggedCall) -> list[AnthropicTurn]:
    """The turns of the request, and the answer if it has content."""
    answer = logged.response.content if logged.response is not None else None
    return (
        [*logged.request.messages, AnthropicTurn("assistant", answer)] if answer else logged.request.messages
    )


def system_of(logged: LoggedCall) -> str | None:
    """The texts of the system prompt, None if there is none."""
    system = logged.request.system
    if system is None or isinstance(system, str):
        return system
    return "\n\n".join(part.text if part.text.strip() else "" for part in system) or None
