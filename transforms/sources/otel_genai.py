"""OpenTelemetry spans of generative AI calls: OTLP in JSON, or spans one by one.

Source: the semantic conventions for generative AI, `gen_ai.system_instructions`, `gen_ai.input.messages`,
`gen_ai.output.messages` and `gen_ai.conversation.id`, on spans or on their events; and the numbered
`gen_ai.prompt.N` and `gen_ai.completion.N` of instrumentations from before. Other attributes are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from transforms.sources.accounting import dropped, note_record
from transforms.sources.decode import Fault
from transforms.sources.histories import Call, Turn, moment, record_of
from transforms.sources.history_texts import Said, plain_of
from transforms.sources.json_items import objects_of
from transforms.sources.otel_texts import texts_of
from transforms.sources.record_file import Record, RecordFile, Texts, record_or_fault

Attributes = dict[str, Any]
_DEFAULT_BYTES = 64 << 20
_USER = ("user.id", "enduser.id", "gen_ai.user.id")
_NUMBERED = re.compile(r"gen_ai\.(prompt|completion)\.(\d{1,5})\.(.+)\Z")
_NUMBERED_CALL = re.compile(r"tool_calls\.(\d{1,5})\.(id|name|arguments)\Z")
_ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    "user": "user",
    **dict.fromkeys(("assistant", "model"), "assistant"),
    **dict.fromkeys(("tool", "function"), "tool"),
}
_BEGUN = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime")
_ENDED = ("endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime")
_MAX_NESTING = 100
_NOTHING: Mapping[str, Any] = {}


class OtelGenai(RecordFile):
    """Lines, an array or one object of spans, bare or as OTLP has them."""

    folder_patterns: Sequence[str] = ("**/*.jsonl", "**/*.json")

    def records(self, path: str) -> Iterator[Record]:
        """The records of a file."""
        return self.records_within(path, _DEFAULT_BYTES)

    def records_within(self, path: str, max_record_bytes: int) -> Iterator[Record]:
        """One record for each span that holds messages; other spans are passed over."""
        for item in objects_of(path, max_record_bytes):
            if isinstance(item, Fault):
                yield item
                continue
            for span in _spans(item):
                made = record_or_fault(_texts, span)
                if isinstance(made, Texts):
                    yield made
                elif (record := record_or_fault(_record, span)) is _NOTHING:
                    note_record(dropped("span_without_messages"))
                else:
                    yield record


def _record(span: Any) -> Mapping[str, Any]:
    call = call_of(span)
    return _NOTHING if call is None else record_of(call)


def _texts(span: Any) -> Texts | None:
    """The span if its messages are nothing but texts; raises whatever speaks against it."""
    found = span["attributes"]
    given, taken = found.get("gen_ai.input.messages"), found.get("gen_ai.output.messages", "[]")
    if span.get("events") or not isinstance(given, str) or not isinstance(taken, str):
        return None
    history, answers = texts_of(given), texts_of(taken)
    if history is None or answers is None or len(answers[1]) > 1:
        return None
    asked = _moment(span, _BEGUN)
    system, user = _instructions(found.get("gen_ai.system_instructions")), _first(found, *_USER)
    conversation = found.get("gen_ai.conversation.id")
    if not isinstance(user, str | None) or not isinstance(conversation, str | None):
        return None
    said = Said(
        roles=[*history[0], *(("assistant",) if answers[1] else ())],
        turns=history[1] + answers[1],
        answered=bool(answers[1]),
        system=system,
        asked_at=asked,
        answered_at=_moment(span, _ENDED) or asked,
        user_id=user,
        organization_id=None,
        conversation_id=conversation or None,
    )
    plain = plain_of(said)
    size = len(given) + len(taken) + len(system or "") + len(user or "") + len(conversation or "")
    return None if plain is None else Texts(lambda _: plain, lambda: record_or_fault(_record, span), size)


def _moment(span: dict[str, Any], names: Sequence[str]) -> Any:
    return moment(_first(span, *names))


def call_of(span: Any) -> Call | None:
    """The call that a span tells of, None if it holds no messages; raises Fault."""
    if not isinstance(span, dict):
        raise Fault("not_an_object")
    found = _attributes(span.get("attributes"))
    for event in _listed(span.get("events")):
        if isinstance(event, dict):
            found = {**_attributes(event.get("attributes")), **found}
    given = found.get("gen_ai.input.messages")
    taken = found.get("gen_ai.output.messages")
    if given is None and taken is None:
        turns, answers = _numbered(found, "prompt"), _numbered(found, "completion")
    else:
        turns, answers = _turns(given), _turns(taken)
    if not turns and not answers:
        return None
    asked, answered = _moment(span, _BEGUN), _moment(span, _ENDED)
    user = _first(found, *_USER)
    conversation = found.get("gen_ai.conversation.id")
    if not isinstance(user, str | None) or not isinstance(conversation, str | None):
        raise Fault("bad_field")
    return Call(
        system=_instructions(found.get("gen_ai.system_instructions")),
        history=turns,
        answers=[{**turn, "role": "assistant"} for turn in answers],
        asked_at=asked,
        answered_at=answered or asked,
        user_id=user,
        conversation_id=conversation or None,
    )


def _spans(item: dict[str, Any]) -> Iterator[Any]:
    """The spans of an OTLP export, else the object itself; faulty places of an export as they are."""
    resources = item.get("resourceSpans", item.get("resource_spans"))
    if resources is None:
        yield item
        return
    for resource in _listed(resources):
        for scope in _listed(_field(resource, "scopeSpans", "scope_spans")):
            yield from _listed(_field(scope, "spans"))


def _field(holder: Any, *names: str) -> Any:
    return _first(holder, *names) if isinstance(holder, dict) else None


def _first(holder: dict[str, Any], *names: str) -> Any:
    return next((holder[name] for name in names if holder.get(name) is not None), None)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _attributes(given: Any) -> Attributes:
    """Attributes by name: of a mapping as they are, of OTLP's pairs with their values taken out."""
    if isinstance(given, dict):
        return given
    found: Attributes = {}
    for pair in _listed(given):
        if isinstance(pair, dict) and isinstance(pair.get("key"), str):
            found[pair["key"]] = _value(pair.get("value"), _MAX_NESTING)
    return found


def _value(value: Any, levels: int) -> Any:
    """What an OTLP AnyValue holds."""
    if levels == 0:
        raise Fault("malformed_json")
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, held),) = value.items()
    if kind == "arrayValue":
        return [_value(item, levels - 1) for item in _listed(_field(held, "values"))]
    if kind == "kvlistValue":
        pairs = [pair for pair in _listed(_field(held, "values")) if isinstance(pair, dict)]
        return {str(pair.get("key")): _value(pair.get("value"), levels - 1) for pair in pairs}
    if kind == "intValue" and isinstance(held, str) and held.lstrip("-").isdecimal():
        return int(held)
    return held if kind in ("stringValue", "intValue", "doubleValue", "boolValue") else None


def _decoded(value: Any) -> Any:
    """A structure, which most exporters write as JSON text."""
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
    role = _ROLES.get(turn["role"]) if isinstance(turn, dict) and isinstance(turn.get("role"), str) else None
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
        return {"type": "text", "text": _text(_first(part, "content", "text")) or ""}
    if kind in ("reasoning", "thinking"):
        return {"type": "thinking", "thinking": _text(part.get("content")) or ""}
    if kind == "tool_call":
        call = {"type": "tool_use", "id": _text(part.get("id")), "name": _text(part.get("name"))}
        return {**call, "input": _arguments(part.get("arguments"))}
    if kind == "tool_call_response":
        answer = _first(part, "response", "result")
        said = answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
        return {"type": "tool_result", "tool_use_id": _text(part.get("id")), "content": said}
    modality = part.get("modality")
    if kind in ("blob", "file", "uri"):
        return {"type": "image" if modality == "image" else "document"}
    return {"type": kind}


def _arguments(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value


def _instructions(value: Any) -> str | None:
    if value is None:
        return None
    parts = value if isinstance(value, list) else _arguments(value)
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
    role = _ROLES.get(str(fields.get("role") or ("assistant" if which == "completion" else "user")))
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
        blocks.append({**block, "input": _arguments(call.get("arguments"))})
    return {"role": role, "content": blocks}


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Fault("bad_field")
    return value


OTEL_GENAI = OtelGenai()
