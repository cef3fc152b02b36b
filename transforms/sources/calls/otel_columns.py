"""Spans whose messages are JSON text, decoded by type, to sessions by column."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from transforms.sources.calls.call_columns import (
    CallColumns,
    SplitContent,
    TurnColumns,
    TurnContent,
    instants_of,
    session_columns_of,
    turn_columns,
    without_times,
)
from transforms.sources.calls.otel_parts import ROLES, instructions_of, response_of
from transforms.sources.calls.otel_spans import (
    END_FIELDS,
    START_FIELDS,
    USER_ATTRIBUTES,
    attributes_of,
    may_have_messages,
    spans_of,
)
from transforms.sources.calls.otel_values import first_of, json_or_text
from transforms.sources.faults import Fault
from transforms.sources.json.item_source import ColumnResult
from transforms.sources.json.once import given, keeps_all_fields


class _Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text", "reasoning", "thinking", "tool_call", "tool_call_response"]
    content: str | UnsetType | None = UNSET
    id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    arguments: Any = UNSET
    response: Any = UNSET
    result: Any = UNSET


class _Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`: decoded, so that it is known to be valid JSON, and not used. A missing field is UNSET."""

    role: Literal["system", "developer", "user", "assistant", "model", "tool", "function"]
    parts: list[_Part]
    finish_reason: Any = UNSET
    name: Any = UNSET


class _Span(NamedTuple):
    """The messages of a span, and their JSON texts; `place` of its item."""

    place: int
    started: Any
    ended: Any
    history: list[_Turn]
    answer: list[_Turn]
    texts: tuple[str, str]
    conversation_id: str | None
    user_id: str | None
    system: str | None


#: Stands for the parts of a turn that has none or several.
_NO_SINGLE_PART = _Part("thinking")
_decode = msgspec.json.Decoder(list[_Turn]).decode
_UNDECODABLE = (msgspec.DecodeError, UnicodeEncodeError, RecursionError, ValueError, Fault)


def columns_of_spans(items: Sequence[dict[str, Any]]) -> ColumnResult:
    """The sessions of the items that can be read by column."""
    spans: list[_Span] = []
    without_messages: list[int] = []
    for place, item in enumerate(items):
        try:
            found = _spans(place, item)
        except Fault:
            continue
        if found is not None:
            spans += found
            without_messages += [] if found else [place]
    doubtful = _places_in_doubt(spans)
    spans = [span for span in spans if span.place not in doubtful]
    asked = instants_of([span.started for span in spans])
    ended = instants_of([span.ended for span in spans])
    turns = _turn_columns([*itertools.chain.from_iterable([span.history + span.answer for span in spans])])
    counts = [len(span.history) + len(span.answer) for span in spans]
    faulty = turns.calls_without_text(counts) | without_times(asked, ended, [span.ended for span in spans])
    excluded = {spans[number].place for number in faulty}
    numbers = [number for number, span in enumerate(spans) if span.place not in excluded]
    if not numbers:
        return ColumnResult([], None, without_messages)
    calls = CallColumns(
        conversation_ids=[span.conversation_id for span in spans],
        user_ids=[span.user_id for span in spans],
        organization_ids=[None] * len(spans),
        systems=[span.system for span in spans],
        asked_at=asked,
        answered_at=[end if span.answer else None for span, end in zip(spans, ended, strict=True)],
        counts=counts,
        turns=turns,
    )
    places = [spans[number].place for number in numbers]
    return ColumnResult(places, session_columns_of(calls.only(numbers)), without_messages)


def _spans(place: int, item: dict[str, Any]) -> list[_Span] | None:
    """The spans of an item that have messages; None if the item must be read by itself."""
    found: list[_Span] = []
    for span in spans_of(item):
        if not isinstance(span, dict):
            return None
        attributes = attributes_of(span)
        inputs, outputs = attributes.get("gen_ai.input.messages"), attributes.get("gen_ai.output.messages")
        if inputs is None and outputs is None:
            if may_have_messages(span, attributes):
                return None
            continue
        user = first_of(attributes, *USER_ATTRIBUTES)
        conversation = attributes.get("gen_ai.conversation.id")
        if not all(
            value is None or value.__class__ is str for value in (inputs, outputs, user, conversation)
        ):
            return None
        try:
            history = [] if inputs is None else _decode(inputs)
            answer = [] if outputs is None else _decode(outputs)
            system = instructions_of(attributes.get("gen_ai.system_instructions"))
        except _UNDECODABLE:
            return None
        if len(answer) > 1:
            return None
        for turn in answer:
            turn.role = "assistant"
        if history or answer:
            started, ended = first_of(span, *START_FIELDS), first_of(span, *END_FIELDS)
            found.append(
                _Span(
                    place,
                    started,
                    ended,
                    history,
                    answer,
                    (inputs or "", outputs or ""),
                    conversation,
                    user,
                    system,
                )
            )
    return found


def _places_in_doubt(spans: Sequence[_Span]) -> set[int]:
    """The places of items in whose messages an object may give a field twice."""
    if _given_once(spans):
        return set()
    return {span.place for span in spans if not _given_once([span])}


def _given_once(spans: Sequence[_Span]) -> bool:
    texts = [text for span in spans for text in span.texts]
    return keeps_all_fields("".join(texts).encode(), [(span.history, span.answer) for span in spans])


def _turn_columns(turns: Sequence[_Turn]) -> TurnColumns:
    parts = [turn.parts for turn in turns]
    single = [each[0] if len(each) == 1 else _NO_SINGLE_PART for each in parts]
    texts = [part.content or "" for part in single]
    contents = {place: parts[place] for place, part in enumerate(single) if part.type != "text"}
    return turn_columns([ROLES[turn.role] for turn in turns], texts, contents, _split)


def _split(parts: list[_Part]) -> SplitContent:
    """The blocks, split into texts, calls, results and thinking. Raises Fault."""
    content = TurnContent()
    for part in parts:
        if part.type == "text":
            content.texts.append(part.content or "")
        elif part.type == "tool_call":
            content.add_call(given(part.id), given(part.name), json_or_text(given(part.arguments)))
        elif part.type == "tool_call_response":
            response = given(part.response)
            result = response_of(given(part.result) if response is None else response)
            content.add_result(given(part.id), result.strip(), len(result))
        else:
            content.add_thought(given(part.content))
    return content.split(len(parts))
