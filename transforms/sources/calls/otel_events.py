"""Messages in events of spans and in log records, `gen_ai.user.message` and others.

Source: the semantic conventions for generative AI up to version 1.36 (an event per message), and those before
1.28 (`gen_ai.content.prompt` and `gen_ai.content.completion`). Since 1.37 one event,
`gen_ai.client.inference.operation.details`, has the attributes of a span.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from transforms.sources.calls.model_calls import Turn
from transforms.sources.calls.otel_parts import turn_of, turns_in
from transforms.sources.calls.otel_values import (
    Attributes,
    attributes_in,
    field_of,
    first_of,
    json_or_text,
    listed,
    value_in,
)
from transforms.sources.faults import Fault
from transforms.sources.json.once import overlaid

_CHOICE = "gen_ai.choice"
#: Events with one message each, and the role of a message that does not have one.
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    _CHOICE: "assistant",
}
_TIMES = ("timeUnixNano", "time_unix_nano", "observedTimeUnixNano", "timestamp", "time", "observed_timestamp")
_ID_FIELDS = (("traceId", "trace_id"), ("spanId", "span_id"))


def name_of(event: Any) -> str | None:
    """The name of an event or log record, None if it has none."""
    name = field_of(event, "eventName", "event_name", "name")
    if name is None and isinstance(event, dict):
        name = attributes_in(event.get("attributes")).get("event.name")
    return name if isinstance(name, str) else None


def is_message(event: Any) -> bool:
    """True for an event with a message of its own."""
    return name_of(event) in _ROLES


def event_turns(events: Any) -> tuple[list[Turn], list[Turn]]:
    """The turns of the request and of the answer in the events of a span; raises Fault."""
    found = [(name, event) for event in listed(events) if (name := name_of(event)) in _ROLES and name]
    history = [_turn(name, event) for name, event in found if name != _CHOICE]
    return history, [_turn(name, event) for name, event in found if name == _CHOICE]


def prompt_turns(found: Attributes) -> tuple[list[Turn], list[Turn]]:
    """The turns of the attributes `gen_ai.prompt` and `gen_ai.completion`; raises Fault."""
    made = []
    for name, role in (("gen_ai.prompt", "user"), ("gen_ai.completion", "assistant")):
        value = json_or_text(found.get(name), name)
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            value = value["messages"]
        if value is None or isinstance(value, list):
            made.append(turns_in(value, name))
        else:
            text = found[name] if isinstance(found[name], str) and not isinstance(value, dict) else None
            message = value if text is None else {"content": text}
            turn = overlaid({"role": role}, message) if isinstance(message, dict) else message
            made.append(turns_in([turn], name))
    return made[0], made[1]


def spans_of_logs(records: Iterable[Any]) -> Iterator[Any]:
    """Log records as spans: one with the messages of each span as its events, one for each other record."""
    spans: dict[tuple[Any, ...], dict[str, Any]] = {}
    for number, record in enumerate(records):
        if not isinstance(record, dict) or not is_message(record):
            yield _span_of_log(record) if isinstance(record, dict) else record
            continue
        ids = tuple(first_of(record, *names) for names in _ID_FIELDS)
        named = [each if isinstance(each, str) and each else None for each in ids]
        span = spans.setdefault((*named, None if all(named) else number), {"events": []})
        span["events"].append(record)
    for span in spans.values():
        at = [_time(event) for event in span["events"]]
        span["start_time"], span["end_time"] = at[0], at[-1]
        yield span


def _span_of_log(record: Mapping[str, Any]) -> dict[str, Any]:
    """A log record as a span with its attributes."""
    at = _time(record)
    return {"attributes": attributes_in(record.get("attributes")), "start_time": at, "end_time": at}


def _time(record: Mapping[str, Any]) -> Any:
    """The time of a record; 0 is a time that is not known."""
    return next((at for name in _TIMES if (at := record.get(name)) not in (None, "0", 0)), None)


def _turn(name: str, event: Mapping[str, Any]) -> Turn:
    try:
        fields = _fields(event)
        message = json_or_text(fields.get("message"), "message") if name == _CHOICE else None
        if isinstance(message, str):
            message = {"content": message}
        return turn_of(_with_call(name, message if isinstance(message, dict) else fields), _ROLES[name])
    except Fault as fault:
        raise fault.within(name) from None


def _with_call(name: str, fields: Mapping[str, Any]) -> Any:
    """The fields of a message; `id` of a tool's message is the id of the call that it answers."""
    if name == "gen_ai.tool.message" and "tool_call_id" not in fields:
        return overlaid(fields, {"tool_call_id": fields.get("id")})
    return fields


def _fields(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a message: those of the body, of `gen_ai.event.content`, or the attributes."""
    attributes = attributes_in(event.get("attributes"))
    body = json_or_text(value_in(first_of(event, "body", "Body")), "body")
    if body is None:
        body = json_or_text(attributes.get("gen_ai.event.content"), "gen_ai.event.content")
    if body is None:
        return attributes
    return body if isinstance(body, dict) else {"content": body if isinstance(body, list) else str(body)}
