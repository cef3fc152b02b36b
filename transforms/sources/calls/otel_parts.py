"""Messages of spans and events as turns: their roles, parts and tool calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.records import Role
from transforms.sources.calls.model_calls import Turn
from transforms.sources.calls.otel_values import decoded, first_of, json_or_text, listed, text_in
from transforms.sources.faults import Fault, bad_field, value_of
from transforms.sources.json.once import opaque

ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    "user": "user",
    **dict.fromkeys(("assistant", "model"), "assistant"),
    **dict.fromkeys(("tool", "function"), "tool"),
}


def turns_in(value: Any, name: str) -> list[Turn]:
    """The turns of a list of messages, or of its JSON text, in the attribute of this name; raises Fault."""
    turns = decoded(value, name)
    if turns is None:
        return []
    if not isinstance(turns, list):
        raise bad_field(name, turns)
    try:
        return [turn_of(turn) for turn in turns]
    except Fault as fault:
        raise fault.within(f"{name}[]") from None


def turn_of(message: Any, default_role: str | None = None) -> Turn:
    """The turn of a message: `parts` or `content`, and `tool_calls` as chat APIs have them. Raises Fault."""
    if not isinstance(message, dict):
        raise bad_field("", message)
    given = message.get("role", default_role)
    role = ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        raise value_of(message, "role")
    name = "parts" if "parts" in message else "content"
    blocks = parts_of(message.get(name), name)
    called = "tool_calls" in message or "tool_call_id" in message
    return {"role": role, "content": with_tools(role, blocks, message) if called else blocks}


def parts_of(parts: Any, name: str) -> list[dict[str, Any]]:
    """The blocks of text, or of a list of parts, in the field of this name; raises Fault."""
    if isinstance(parts, str):
        return [{"type": "text", "text": parts}]
    try:
        return [block_of(part) for part in listed(parts)]
    except Fault as fault:
        raise fault.within(f"{name}[]") from None


def with_tools(role: Role, blocks: list[dict[str, Any]], message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The blocks with the message's tool calls; of a message of a tool, its result. Raises Fault."""
    if role == "tool" and not any(block["type"] == "tool_result" for block in blocks):
        text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
        call = text_in(message, "tool_call_id", "id")
        return [{"type": "tool_result", "tool_use_id": call, "content": text}]
    calls = json_or_text(message.get("tool_calls"), "tool_calls")
    try:
        return [*blocks, *map(_call, listed(calls))]
    except Fault as fault:
        raise fault.within("tool_calls[]") from None


def _call(call: Any) -> dict[str, Any]:
    """The block of a tool call: `id`, and name and arguments, bare or under `function`."""
    if not isinstance(call, dict):
        raise bad_field("", call)
    function = call.get("function", call)
    if not isinstance(function, dict):
        raise bad_field("function", function)
    made = {"type": "tool_use", "id": text_in(call, "id"), "name": text_in(function, "name")}
    return {**made, "input": opaque(json_or_text(function.get("arguments")))}


def block_of(part: Any) -> dict[str, Any]:
    """The block of a part; raises Fault."""
    if not isinstance(part, dict):
        raise bad_field("", part)
    kind = part.get("type")
    if not isinstance(kind, str):
        raise value_of(part, "type")
    if kind == "text":
        return {"type": "text", "text": text_in(part, "content", "text") or ""}
    if kind in ("reasoning", "thinking"):
        return {"type": "thinking", "thinking": text_in(part, "content") or ""}
    if kind in ("tool_call", "server_tool_call"):
        call = {"type": "tool_use", "id": text_in(part, "id"), "name": text_in(part, "name")}
        return {**call, "input": opaque(json_or_text(first_of(part, "arguments", "server_tool_call")))}
    if kind in ("tool_call_response", "server_tool_call_response"):
        result = response_of(first_of(part, "response", "result", "server_tool_call_response"))
        return {"type": "tool_result", "tool_use_id": text_in(part, "id"), "content": result}
    if kind in ("blob", "file", "file_data", "uri"):
        return {"type": "image" if part.get("modality") == "image" else "document"}
    return {"type": "image" if kind in ("image", "image_url") else kind}


def response_of(value: Any) -> str:
    """A tool result as text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def instructions_of(value: Any) -> str | None:
    """The text of system instructions; raises Fault."""
    if value is None:
        return None
    parts = value if isinstance(value, list) else json_or_text(value, "gen_ai.system_instructions")
    if isinstance(parts, str):
        return parts or None
    texts = [block.get("text") or "" for block in parts_of(listed(parts), "gen_ai.system_instructions")]
    return "\n\n".join(text for text in texts if text) or None
