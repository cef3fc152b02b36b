"""Messages in numbered attributes: `gen_ai.prompt.N` of older instrumentations, and OpenInference.

Source: the attributes of OpenLLMetry; the semantic conventions of OpenInference, `llm.input_messages.N` and
`llm.output_messages.N`, flat, or nested as its exports have them.
"""

from __future__ import annotations

import re
from typing import Any

from transforms.sources.calls.model_calls import Turn
from transforms.sources.calls.otel_parts import ROLES, with_tools
from transforms.sources.calls.otel_values import Attributes, field_of, listed, text_in
from transforms.sources.faults import Fault, bad_field, value_of
from transforms.sources.json.once import Repeated, overlaid

_NUMBERED = re.compile(
    r"(?:gen_ai\.(prompt|completion)|llm\.(input|output)_messages)\.(\d{1,5})\.(?:message\.)?(.+)\Z"
)
_CALL = re.compile(r"tool_calls\.(\d{1,5})\.(?:tool_call\.)?(?:function\.)?(id|name|arguments)\Z")
_CONTENT = re.compile(r"contents\.(\d{1,5})\.message_content\.(type|text)\Z")
_NAMES = {
    "prompt": "gen_ai.prompt[]",
    "completion": "gen_ai.completion[]",
    "input": "llm.input_messages[]",
    "output": "llm.output_messages[]",
}


def is_numbered(name: str) -> bool:
    """True for an attribute such as `gen_ai.prompt.0.content` or `llm.input_messages.0.message.role`."""
    return _NUMBERED.match(name) is not None


def numbered_turns(found: Attributes) -> tuple[list[Turn], list[Turn], bool]:
    """The turns of the request and of the answer, and True if they are of OpenInference; raises Fault."""
    turns: dict[str, dict[int, Attributes]] = {which: {} for which in _NAMES}
    for name in found:
        if match := _NUMBERED.match(name):
            which, field = match[1] or match[2], match[4]
            fields = turns[which].setdefault(int(match[3]), {})
            if field in fields:  # `0.role` and `00.role`, or `0.role` and `0.message.role`
                raise Repeated(f"{_NAMES[which]}.{field}")
            fields[field] = found[name]
    for which in ("input", "output"):
        nested = listed(field_of(found.get("llm"), f"{which}_messages"))
        if nested and not turns[which]:
            turns[which] = {number: _flat(field_of(each, "message")) for number, each in enumerate(nested)}
    made = {
        which: [_turn(fields, which) for _, fields in sorted(several.items())]
        for which, several in turns.items()
    }
    if made["prompt"] or made["completion"]:
        return made["prompt"], made["completion"], False
    return made["input"], made["output"], True


def _flat(message: Any) -> Attributes:
    """The fields of a nested message with the names of flat attributes."""
    if not isinstance(message, dict):
        return {"role": message}
    flat = overlaid(message, {})
    for name in ("tool_calls", "contents"):
        flat.pop(name, None)
    for number, each in enumerate(listed(message.get("contents"))):
        part = field_of(each, "message_content")
        for name in ("type", "text"):
            flat[f"contents.{number}.message_content.{name}"] = field_of(part, name)
    for number, each in enumerate(listed(message.get("tool_calls"))):
        call = field_of(each, "tool_call")
        function = field_of(call, "function")
        values = {"id": field_of(call, "id"), "name": field_of(function, "name")}
        values["arguments"] = field_of(function, "arguments")
        flat.update({f"tool_calls.{number}.{name}": value for name, value in values.items()})
    return flat


def _turn(fields: Attributes, which: str) -> Turn:
    try:
        return _turn_of(fields, "assistant" if which in ("completion", "output") else "user")
    except Fault as fault:
        raise fault.within(_NAMES[which]) from None


def _turn_of(fields: Attributes, default_role: str) -> Turn:
    given = fields.get("role") or default_role
    role = ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        raise value_of(fields, "role")
    contents: dict[int, Attributes] = {}
    calls: dict[int, Attributes] = {}
    for name, value in fields.items():
        if match := _CALL.match(name):
            calls.setdefault(int(match[1]), {})[match[2]] = value
        elif match := _CONTENT.match(name):
            contents.setdefault(int(match[1]), {})[match[2]] = value
    text = text_in(fields, "content") or ""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    blocks += [_content(part) for _, part in sorted(contents.items())]
    if role == "tool":
        blocks = blocks or [{"type": "text", "text": ""}]
    message = overlaid(fields, {"tool_calls": [call for _, call in sorted(calls.items())]})
    return {"role": role, "content": with_tools(role, blocks, message)}


def _content(part: Attributes) -> dict[str, Any]:
    """The block of a part of a content: text, or its type alone."""
    kind, text = part.get("type") or "text", part.get("text")
    if not isinstance(kind, str):
        raise bad_field("contents[].message_content.type", kind)
    if kind != "text":
        return {"type": kind}
    if not isinstance(text, str | None):
        raise bad_field("contents[].message_content.text", text)
    return {"type": "text", "text": text or ""}
