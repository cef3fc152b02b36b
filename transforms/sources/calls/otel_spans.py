"""One span of a generative AI call to a `Call`, by a whitelist of attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.records import Role
from transforms.sources.calls.model_calls import Call, Turn, instant_text
from transforms.sources.decode import Fault

Attributes = dict[str, Any]
USER_ATTRIBUTES = ("user.id", "enduser.id", "gen_ai.user.id")
_NUMBERED = re.compile(r"gen_ai\.(prompt|completion)\.(\d{1,5})\.(.+)\Z")
_NUMBERED_CALL = re.compile(r"tool_calls\.(\d{1,5})\.(id|name|arguments)\Z")
ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    "user": "user",
    **dict.fromkeys(("assistant", "model"), "assistant"),
    **dict.fromkeys(("tool", "function"), "tool"),
}
START_FIELDS = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime")
END_FIELDS = ("endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime")
_MAX_NESTING = 100


def spans_of(item: Mapping[str, Any]) -> Iterator[Any]:
    """The spans of an OTLP export, or the object itself if it is none; invalid spans are not left out."""
    resources = item.get("resourceSpans", item.get("resource_spans"))
    if resources is None:
        yield item
        return
    for resource in _listed(resources):
        for scope in _listed(_field(resource, "scopeSpans", "scope_spans")):
            yield from _listed(_field(scope, "spans"))


def call_of(span: Any) -> Call | None:
    """The call of a span, None for a span without messages; raises Fault."""
    if not isinstance(span, dict):
        raise Fault("not_an_object")
    found = attributes_of(span)
    inputs = found.get("gen_ai.input.messages")
    outputs = found.get("gen_ai.output.messages")
    if inputs is None and outputs is None:
        turns, answers = _numbered(found, "prompt"), _numbered(found, "completion")
    else:
        turns, answers = _turns(inputs), _turns(outputs)
    if not turns and not answers:
        return None
    asked, answered = instant_text(first_of(span, *START_FIELDS)), instant_text(first_of(span, *END_FIELDS))
    user = first_of(found, *USER_ATTRIBUTES)
    conversation = found.get("gen_ai.conversation.id")
    if not isinstance(user, str | None) or not isinstance(conversation, str | None):
        raise Fault("bad_field")
    return Call(
        system=instructions_of(found.get("gen_ai.system_instructions")),
        history=turns,
        answers=[{**turn, "role": "assistant"} for turn in answers],
        asked_at=asked,
        answered_at=answered or asked,
        user_id=user,
        conversation_id=conversation or None,
    )


def attributes_of(span: Mapping[str, Any]) -> Attributes:
    """The attributes of a span by name, completed by the attributes of its events."""
    found = _attributes(span.get("attributes"))
    for event in _listed(span.get("events")):
        if isinstance(event, dict):
            found = {**_attributes(event.get("attributes")), **found}
    return found


def is_message(name: str) -> bool:
    """True for a numbered attribute of older instrumentations, such as `gen_ai.prompt.0.content`."""
    return _NUMBERED.match(name) is not None


def _field(holder: Any, *names: str) -> Any:
    return first_of(holder, *names) if isinstance(holder, dict) else None


def first_of(holder: Mapping[str, Any], *names: str) -> Any:
    """The first value that is not None among the fields of these names; None if there is none."""
    for name in names:
        if (value := holder.get(name)) is not None:
            return value
    return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _attributes(given: Any) -> Attributes:
    """Attributes by name, from a mapping or from OTLP's list of keys and values."""
    if isinstance(given, dict):
        return given
    found: Attributes = {}
    for pair in _listed(given):
        if isinstance(pair, dict) and isinstance(pair.get("key"), str):
            found[pair["key"]] = _value(pair.get("value"), _MAX_NESTING)
    return found


def _value(value: Any, levels: int) -> Any:
    """The value of an OTLP AnyValue."""
    if levels == 0:
        raise Fault("malformed_json")
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [_value(item, levels - 1) for item in _listed(_field(inner, "values"))]
    if kind == "kvlistValue":
        pairs = [pair for pair in _listed(_field(inner, "values")) if isinstance(pair, dict)]
        return {str(pair.get("key")): _value(pair.get("value"), levels - 1) for pair in pairs}
    if kind == "intValue" and isinstance(inner, str) and inner.lstrip("-").isdecimal():
        return int(inner)
    return inner if kind in ("stringValue", "intValue", "doubleValue", "boolValue") else None


def _decoded(value: Any) -> Any:
    """The value; JSON text, which most exporters write, is decoded."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        raise Fault("malformed_json") from None
    except UnicodeEncodeError:
        raise Fault("invalid_unicode") from None


def _turns(value: Any) -> list[Turn]:
    turns = _decoded(value)
    if turns is None:
        return []
    if not isinstance(turns, list):
        raise Fault("bad_field")
    return [_turn(turn) for turn in turns]


def _turn(turn: Any) -> Turn:
    role = ROLES.get(turn["role"]) if isinstance(turn, dict) and isinstance(turn.get("role"), str) else None
    if role is None:
        raise Fault("bad_field")
    parts = turn.get("parts", turn.get("content"))
    if isinstance(parts, str):
        parts = [{"type": "text", "content": parts}]
    return {"role": role, "content": [_block(part) for part in _listed(parts)]}


def _block(part: Any) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str):
        raise Fault("bad_field")
    if kind == "text":
        return {"type": "text", "text": _text(first_of(part, "content", "text")) or ""}
    if kind in ("reasoning", "thinking"):
        return {"type": "thinking", "thinking": _text(part.get("content")) or ""}
    if kind == "tool_call":
        call = {"type": "tool_use", "id": _text(part.get("id")), "name": _text(part.get("name"))}
        return {**call, "input": arguments_of(part.get("arguments"))}
    if kind == "tool_call_response":
        result = response_of(first_of(part, "response", "result"))
        return {"type": "tool_result", "tool_use_id": _text(part.get("id")), "content": result}
    modality = part.get("modality")
    if kind in ("blob", "file", "uri"):
        return {"type": "image" if modality == "image" else "document"}
    return {"type": kind}


def arguments_of(value: Any) -> Any:
    """The arguments of a tool call; text is decoded if it is JSON."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value


def response_of(value: Any) -> str:
    """A tool result as text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def instructions_of(value: Any) -> str | None:
    """The text of system instructions; raises Fault."""
    if value is None:
        return None
    parts = value if isinstance(value, list) else arguments_of(value)
    if isinstance(parts, str):
        return parts or None
    texts = [_block(part).get("text") or "" for part in _listed(parts)]
    return "\n\n".join(text for text in texts if text) or None


def _numbered(found: Attributes, which: str) -> list[Turn]:
    """The turns of attributes such as `gen_ai.prompt.0.content`."""
    turns: dict[int, Attributes] = {}
    for name, value in found.items():
        if (match := _NUMBERED.match(name)) and match[1] == which:
            turns.setdefault(int(match[2]), {})[match[3]] = value
    return [_numbered_turn(fields, which) for _, fields in sorted(turns.items())]


def _numbered_turn(fields: Attributes, which: str) -> Turn:
    role = ROLES.get(str(fields.get("role") or ("assistant" if which == "completion" else "user")))
    if role is None:
        raise Fault("bad_field")
    text = _text(fields.get("content")) or ""
    if role == "tool":
        result = {"type": "tool_result", "tool_use_id": _text(fields.get("tool_call_id")), "content": text}
        return {"role": role, "content": [result]}
    calls: dict[int, Attributes] = {}
    for name, value in fields.items():
        if match := _NUMBERED_CALL.match(name):
            calls.setdefault(int(match[1]), {})[match[2]] = value
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    for _, call in sorted(calls.items()):
        block = {"type": "tool_use", "id": _text(call.get("id")), "name": _text(call.get("name"))}
        blocks.append({**block, "input": arguments_of(call.get("arguments"))})
    return {"role": role, "content": blocks}


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Fault("bad_field")
    return value
