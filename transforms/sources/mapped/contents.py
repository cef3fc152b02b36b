"""Contents of messages of own schemas: text, lists of texts, and blocks in the forms of known APIs."""

from __future__ import annotations

from typing import Any

from schemas.records import Role
from transforms.sources.chats.lists import openai_turn
from transforms.sources.faults import Fault, Field, bad_field
from transforms.sources.json.once import opaque

_SAME: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


def turn_of(
    role: Role,
    content: Any,
    path: str,
    thinking: Any = None,
    tool_calls: Any = None,
    tool_call_id: str | None = None,
) -> tuple[Role, Any]:
    """Role and content of a message that is not only text: a text or canonical blocks. Raises Fault.

    `path`: of the content.
    """
    turn = {"role": role, "content": _parts(content, path), "tool_call_id": tool_call_id}
    if thinking is not None:
        turn["reasoning_content"] = thinking if isinstance(thinking, str) else _texts(thinking, path)
    if tool_calls is not None:
        turn["tool_calls"] = opaque(tool_calls)
    try:
        made = openai_turn(turn, "", _SAME)
    except Fault as fault:
        raise _placed(fault, path) from None
    return made["role"], made["content"]


def _placed(fault: Fault, path: str) -> Fault:
    """The fault with the path of the own schema for `content`."""
    if fault.field is not None and fault.field.kind != "repeated":
        name = fault.field.name.removeprefix(".")
        fault.field = Field(
            path + name.removeprefix("content") if name.startswith("content") else name, fault.field.kind
        )
    return fault


def _parts(content: Any, path: str) -> Any:
    """A content as parts that have a type."""
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, dict | list):
        raise bad_field(path, content)
    listed = [content] if isinstance(content, dict) else content
    return [_part(part, path) for part in listed if part is not None]


def _part(part: Any, path: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        raise bad_field(f"{path}[]", part)
    kind = part.get("type")
    if kind == "thinking" and isinstance(part.get("thinking"), str):
        return {"type": "reasoning", "value": part["thinking"]}
    if isinstance(kind, str):
        return part
    if isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    return {"type": "other"}


def _texts(value: Any, path: str) -> str:
    """The texts of a list of thoughts, one per line."""
    parts = value if isinstance(value, list) else [value]
    found = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            raise bad_field(path, value)
        found.append(text)
    return "\n".join(found)
