"""Logged calls of the Anthropic Messages API that are nothing but texts, decoded by type.

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


class _Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["user", "assistant", "system"]
    content: str | list[_Text]


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
    content: list[_Text]
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


def logged_texts(data: bytes) -> Logged | None:
    """The record, None if it says more than texts."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def said_of(
    logged: Logged, asked_at: Any, answered_at: Any, user_id: str | None, organization_id: str | None
) -> Said:
    """The call that was logged."""
    request, response = logged.request, logged.response
    roles: list[Role] = [turn.role for turn in request.messages]
    turns = [_texts(turn.content) for turn in request.messages]
    if response and response.content:
        roles.append("assistant")
        turns.append(_texts(response.content))
    system = _texts(request.system or [])
    conversation = logged.conversation_id
    return Said(
        roles=roles,
        turns=turns,
        answered=len(turns) > len(request.messages),
        system=(system if isinstance(system, str) else "\n\n".join(system)) or None,
        asked_at=asked_at,
        answered_at=answered_at,
        user_id=user_id,
        organization_id=organization_id,
        conversation_id=None if conversation is None else str(conversation),
    )


def _texts(content: str | list[_Text]) -> str | list[str]:
    """The texts; of a list, what is blank as nothing."""
    if isinstance(content, str):
        return content
    if len(content) == 1:
        text = content[0].text
        return "" if text.isspace() else text
    return [part.text if part.text.strip() else "" for part in content]
