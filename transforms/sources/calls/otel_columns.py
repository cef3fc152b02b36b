"""Spans whose messages are written as JSON text, decoded by type."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from transforms.sources.calls.call_columns import (
    Calls,
    Holding,
    Mixed,
    Said,
    moments_of,
    plains_of,
    said_of,
    untimed,
)
from transforms.sources.calls.otel_spans import (
    BEGUN,
    ENDED,
    ROLES,
    USER,
    arguments_of,
    attributes_of,
    first_of,
    instructions_of,
    is_message,
    response_of,
    spans_of,
)
from transforms.sources.decode import Fault
from transforms.sources.json.item_source import Told


class _Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text", "reasoning", "thinking", "tool_call", "tool_call_response"]
    content: str | None = None
    id: str | None = None
    name: str | None = None
    arguments: Any = None
    response: Any = None
    result: Any = None


class _Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`: decoded, so that it is known to be sound, and not read."""

    role: Literal["system", "developer", "user", "assistant", "model", "tool", "function"]
    parts: list[_Part]
    finish_reason: Any = None
    name: Any = None


class _Span(NamedTuple):
    """What a span says, and where its item stands."""

    place: int
    begun: Any
    ended: Any
    history: list[_Turn]
    answer: list[_Turn]
    conversation_id: str | None
    user_id: str | None
    system: str | None


#: Of a turn with none, or with several.
_NO_PART = _Part("thinking")
_decode = msgspec.json.Decoder(list[_Turn]).decode
_UNDECODABLE = (msgspec.DecodeError, UnicodeEncodeError, RecursionError, ValueError, Fault)


def told_of(items: Sequence[dict[str, Any]]) -> Told:
    """What items of spans tell, where their messages are written as JSON text."""
    spans: list[_Span] = []
    nothing: list[int] = []
    for place, item in enumerate(items):
        found = _spans(place, item)
        if found is not None:
            spans += found
            nothing += [] if found else [place]
    asked, ended = moments_of([span.begun for span in spans]), moments_of([span.ended for span in spans])
    said = _said([*itertools.chain.from_iterable([span.history + span.answer for span in spans])])
    counts = [len(span.history) + len(span.answer) for span in spans]
    odd = said.owners_of_none(counts) | untimed(asked, ended, [span.ended for span in spans])
    bad = {spans[number].place for number in odd}
    sound = [number for number, span in enumerate(spans) if span.place not in bad]
    if not sound:
        return Told([], None, nothing)
    calls = Calls(
        conversation_ids=[span.conversation_id for span in spans],
        user_ids=[span.user_id for span in spans],
        organization_ids=[None] * len(spans),
        systems=[span.system for span in spans],
        asked_at=asked,
        answered_at=[end if span.answer else None for span, end in zip(spans, ended, strict=True)],
        counts=counts,
        said=said,
    )
    return Told([spans[number].place for number in sound], plains_of(calls.only(sound)), nothing)


def _spans(place: int, item: dict[str, Any]) -> list[_Span] | None:
    """The spans of an item that hold messages; None if one may have to be looked at with care."""
    found: list[_Span] = []
    for span in spans_of(item):
        if not isinstance(span, dict):
            return None
        attributes = attributes_of(span)
        given, taken = attributes.get("gen_ai.input.messages"), attributes.get("gen_ai.output.messages")
        if given is None and taken is None:
            if any(map(is_message, attributes)):
                return None
            continue
        user, conversation = first_of(attributes, *USER), attributes.get("gen_ai.conversation.id")
        if not (_is_text(given) and _is_text(taken) and _is_text(user) and _is_text(conversation)):
            return None
        try:
            history = [] if given is None else _decode(given)
            answer = [] if taken is None else _decode(taken)
            system = instructions_of(attributes.get("gen_ai.system_instructions"))
        except _UNDECODABLE:
            return None
        if len(answer) > 1:
            return None
        for turn in answer:
            turn.role = "assistant"
        if history or answer:
            begun, ended = first_of(span, *BEGUN), first_of(span, *ENDED)
            found.append(_Span(place, begun, ended, history, answer, conversation, user, system))
    return found


def _is_text(value: Any) -> bool:
    return value is None or value.__class__ is str


def _said(turns: Sequence[_Turn]) -> Said:
    parts = [turn.parts for turn in turns]
    only = [each[0] if len(each) == 1 else _NO_PART for each in parts]
    texts = [part.content or "" for part in only]
    kinds = [part.type for part in only]
    odd = {place: parts[place] for place, kind in enumerate(kinds) if kind != "text"}
    return said_of([ROLES[turn.role] for turn in turns], texts, odd, _held)


def _held(parts: list[_Part]) -> tuple[str, str, Mixed | None]:
    """The texts as one, what of them stays the same, and what else there is; raises Fault."""
    holding = Holding()
    for part in parts:
        if part.type == "text":
            holding.texts.append(part.content or "")
        elif part.type == "tool_call":
            holding.add_call(part.id, part.name, arguments_of(part.arguments))
        elif part.type == "tool_call_response":
            answer = response_of(part.response if part.response is not None else part.result)
            holding.add_result(part.id, answer.strip(), len(answer))
        else:
            holding.add_thought(part.content)
    return holding.made(len(parts))
