"""One span of a generative AI call to a `Call`, by a whitelist of attributes and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transforms.sources.calls.model_calls import Call, Turn, instant_text
from transforms.sources.calls.otel_events import (
    event_turns,
    is_message,
    name_of,
    prompt_turns,
    spans_of_logs,
)
from transforms.sources.calls.otel_numbered import is_numbered, numbered_turns
from transforms.sources.calls.otel_parts import instructions_of, turns_in
from transforms.sources.calls.otel_values import Attributes, attributes_in, field_of, first_of, listed
from transforms.sources.faults import Fault, bad_field
from transforms.sources.json.once import overlaid

USER_ATTRIBUTES = ("user.id", "enduser.id", "gen_ai.user.id")
CONVERSATION_ATTRIBUTES = ("gen_ai.conversation.id",)
#: The id of a conversation in OpenInference; elsewhere, that of a browser or a device.
_SESSION = ("session.id",)
START_FIELDS = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime")
END_FIELDS = ("endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime")
#: The fields of an export, of a resource and of a scope, with spans and with log records.
_EXPORTS = (
    (("resourceSpans", "resource_spans"), ("scopeSpans", "scope_spans"), ("spans",)),
    (("resourceLogs", "resource_logs"), ("scopeLogs", "scope_logs"), ("logRecords", "log_records")),
)
#: Of a single log record; a span has a start.
_LOG_FIELDS = ("body", "observedTimeUnixNano", "observed_timestamp", "severityNumber", "severity_number")
#: How attributes and events of generative AI begin, of known conventions and of those that are not read.
_OF_AI = ("gen_ai.", "llm.", "openinference.", "traceloop.", "ai.")
_PLAIN = ("gen_ai.prompt", "gen_ai.completion")


def spans_of(item: Mapping[str, Any]) -> Iterator[Any]:
    """The spans of an OTLP export, or the object itself if it is none; invalid spans are not left out.

    Log records become spans as `spans_of_logs` describes.
    """
    (of_spans, *spans), (of_logs, *_) = _EXPORTS
    resources = first_of(item, *of_spans)
    if logs := log_records_in(item):
        yield from spans_of_logs(logs)
    elif resources is not None:
        yield from _below(resources, *spans)
    elif first_of(item, *of_logs) is None:
        yield item


def log_records_in(item: Mapping[str, Any]) -> list[Any]:
    """The log records of an export, or the single one that the object is; none for spans."""
    _, (of_logs, *logs) = _EXPORTS
    logged = first_of(item, *of_logs)
    if logged is not None:
        return [*_below(logged, *logs)]
    is_one = first_of(item, *START_FIELDS) is None and any(name in item for name in _LOG_FIELDS)
    return [item] if is_one and first_of(item, *_EXPORTS[0][0]) is None else []


def is_telemetry(item: Mapping[str, Any]) -> bool:
    """True for an export of spans or log records, and for a single one."""
    if any(name in item for (names, *_) in _EXPORTS for name in names):
        return True
    has_ids = any(name in item for name in ("span_id", "spanId", "context"))
    return (has_ids and "attributes" in item) or is_message(item)


def _below(resources: Any, scopes: tuple[str, ...], inner: tuple[str, ...]) -> Iterator[Any]:
    for resource in listed(resources):
        for scope in listed(field_of(resource, *scopes)):
            yield from listed(field_of(scope, *inner))


def call_of(span: Any) -> Call | None:
    """The call of a span, None for a span without messages; raises Fault."""
    if not isinstance(span, dict):
        raise Fault("not_an_object")
    found = attributes_of(span)
    history, answers, conversation = _messages(found, span.get("events"))
    if not history and not answers:
        return None
    asked, answered = _instant(span, START_FIELDS), _instant(span, END_FIELDS)
    return Call(
        system=instructions_of(found.get("gen_ai.system_instructions")),
        history=history,
        answers=[{**turn, "role": "assistant"} for turn in answers],
        asked_at=asked,
        answered_at=answered or asked,
        user_id=_id(found, USER_ATTRIBUTES),
        conversation_id=_id(found, conversation) or None,
        turns_field="gen_ai.input.messages",
    )


def _messages(found: Attributes, events: Any) -> tuple[list[Turn], list[Turn], Sequence[str]]:
    """The history, the answers, and the attributes that may have the id of their conversation.

    They are those of the newest convention that the span uses. Raises Fault.
    """
    inputs, outputs = found.get("gen_ai.input.messages"), found.get("gen_ai.output.messages")
    if inputs is not None or outputs is not None:
        turns = turns_in(inputs, "gen_ai.input.messages"), turns_in(outputs, "gen_ai.output.messages")
        return *turns, CONVERSATION_ATTRIBUTES
    history, answers = event_turns(events)
    if history or answers:
        return history, answers, CONVERSATION_ATTRIBUTES
    history, answers, is_openinference = numbered_turns(found)
    if history or answers:
        return history, answers, (*CONVERSATION_ATTRIBUTES, *(_SESSION if is_openinference else ()))
    return *prompt_turns(found), CONVERSATION_ATTRIBUTES


def _id(found: Attributes, names: Sequence[str]) -> str | None:
    for name in names:
        value = found.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise bad_field(name, value)
            return value
    return None


def _instant(span: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    name = next((name for name in names if span.get(name) is not None), None)
    return None if name is None else instant_text(span[name], name)


def attributes_of(span: Mapping[str, Any]) -> Attributes:
    """The attributes of a span by name, completed by the attributes of its events."""
    found = attributes_in(span.get("attributes"))
    for event in listed(span.get("events")):
        if isinstance(event, dict):
            found = overlaid(attributes_in(event.get("attributes")), found)
    return found


def is_of_ai(span: Any) -> bool:
    """True for a span with an attribute, or an event, of a convention for generative AI."""
    if not isinstance(span, dict):
        return False
    names = [*attributes_of(span), *map(name_of, listed(span.get("events")))]
    return any(name is not None and name.startswith(_OF_AI) for name in names)


def may_have_messages(span: Mapping[str, Any], found: Attributes) -> bool:
    """True if a span without `gen_ai.input.messages` and `gen_ai.output.messages` may have messages."""
    return (
        any(map(is_numbered, found))
        or any(name in found for name in (*_PLAIN, "llm"))
        or any(map(is_message, listed(span.get("events"))))
    )
