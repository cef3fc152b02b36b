"""Types of well-formed logged calls of the Anthropic Messages API, with texts, thoughts and tools.

A record with another field, or with another type in a field, is not decoded here but read by itself. A
missing field is UNSET, so that a record that is encoded again has the fields of its text.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`, here and below: decoded, so that it is known to be valid JSON, and not used."""

    type: Literal["text"]
    text: str
    cache_control: Any = UNSET
    citations: Any = UNSET


class AnthropicBlock(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A text, a thought, a tool call or a tool result."""

    type: Literal["text", "thinking", "tool_use", "tool_result"]
    text: str | UnsetType | None = UNSET
    thinking: str | UnsetType | None = UNSET
    id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    input: Any = UNSET
    tool_use_id: str | UnsetType | None = UNSET
    content: str | list[_Text] | UnsetType | None = UNSET
    is_error: bool | UnsetType | None = UNSET
    cache_control: Any = UNSET
    citations: Any = UNSET
    signature: Any = UNSET


class AnthropicTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message of the request."""

    role: Literal["user", "assistant", "system"]
    content: str | list[AnthropicBlock]


class _Request(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[AnthropicTurn]
    system: str | list[_Text] | UnsetType | None = UNSET
    metadata: Any = UNSET
    model: Any = UNSET
    max_tokens: Any = UNSET
    temperature: Any = UNSET
    top_p: Any = UNSET
    top_k: Any = UNSET
    stream: Any = UNSET
    stop_sequences: Any = UNSET
    tools: Any = UNSET
    tool_choice: Any = UNSET
    thinking: Any = UNSET
    service_tier: Any = UNSET


class _Response(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["assistant"]
    content: list[AnthropicBlock]
    type: Literal["message"] | UnsetType = UNSET
    id: Any = UNSET
    model: Any = UNSET
    stop_reason: Any = UNSET
    stop_sequence: Any = UNSET
    usage: Any = UNSET
    container: Any = UNSET


class LoggedCall(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A record; the fields of type `Any` after `organization_id` are not used."""

    request: _Request
    response: _Response | UnsetType | None = UNSET
    timestamp: Any = UNSET
    created_at: Any = UNSET
    started_at: Any = UNSET
    recorded_at: Any = UNSET
    time: Any = UNSET
    completed_at: Any = UNSET
    finished_at: Any = UNSET
    conversation_id: str | int | UnsetType | None = UNSET
    user_id: str | UnsetType | None = UNSET
    organization_id: str | UnsetType | None = UNSET
    id: Any = UNSET
    request_id: Any = UNSET
    model: Any = UNSET
    status: Any = UNSET
    status_code: Any = UNSET
    duration_ms: Any = UNSET
    latency_ms: Any = UNSET

    def asked(self) -> Any:
        """The time of the request as the record has it, None if it has none."""
        if self.timestamp is not None and self.timestamp is not UNSET:
            return self.timestamp
        others = (self.created_at, self.started_at, self.recorded_at, self.time)
        return next((other for other in others if other is not None and other is not UNSET), None)

    def answered(self) -> Any:
        """The time of the answer as the record has it, None if it has none."""
        for at in (self.completed_at, self.finished_at):
            if at is not None and at is not UNSET:
                return at
        return None


def turns_of(logged: LoggedCall) -> list[AnthropicTurn]:
    """The turns of the request, and the answer if it has content."""
    answer = logged.response.content if isinstance(logged.response, _Response) else None
    return (
        [*logged.request.messages, AnthropicTurn("assistant", answer)] if answer else logged.request.messages
    )


def system_of(logged: LoggedCall) -> str | None:
    """The texts of the system prompt, None if there is none."""
    system = logged.request.system
    if not isinstance(system, list):
        return system if isinstance(system, str) else None
    return "\n\n".join(part.text if part.text.strip() else "" for part in system) or None
