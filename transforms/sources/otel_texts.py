"""Spans whose messages are nothing but texts, decoded by type."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from transforms.sources.decode import Fault
from transforms.sources.history_texts import Calls, Said, moments_of, plains_of
from transforms.sources.item_file import Told
from transforms.sources.otel_spans import BEGUN, ENDED, USER, first_of, instructions_of

_TEXT = (str, type(None))
_RESOURCES = ("resourceSpans", "resource_spans")


class _Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text"]
    content: str


class _Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`: decoded, so that it is known to be sound, and not read."""

    role: Literal["system", "user", "assistant"]
    parts: list[_Part]
    finish_reason: Any = None
    name: Any = None


class _Owner(NamedTuple):
    conversation_id: str | None
    user_id: str | None
    system: str | None


_decode = msgspec.json.Decoder(list[_Turn]).decode
_UNDECODABLE = (msgspec.DecodeError, UnicodeEncodeError, RecursionError, ValueError, Fault)


def told_of(items: Sequence[dict[str, Any]]) -> Told:
    """What bare spans tell, where their messages are texts."""
    spans = [(place, *said) for place, span in enumerate(items) if (said := _said(span)) is not None]
    asked = moments_of([first_of(items[place], *BEGUN) for place, *_ in spans])
    ends = [first_of(items[place], *ENDED) for place, *_ in spans]
    ended = moments_of(ends)
    turns = [history + answer for _, history, answer, _ in spans]
    calls = Calls(
        conversation_ids=[owner.conversation_id for *_, owner in spans],
        user_ids=[owner.user_id for *_, owner in spans],
        organization_ids=[None] * len(spans),
        systems=[owner.system for *_, owner in spans],
        asked_at=asked,
        answered_at=[end if answer else None for (_, _, answer, _), end in zip(spans, ended, strict=True)],
        counts=[*map(len, turns)],
        said=_texts([*itertools.chain.from_iterable(turns)]),
    )
    sound = [
        place
        for place, (at, end, ending) in enumerate(zip(asked, ended, ends, strict=True))
        if at is not None and (end is not None or ending is None)
    ]
    plains = plains_of(calls.only(sound)) if sound else None
    return Told([spans[place][0] for place in sound], plains)


def _said(span: dict[str, Any]) -> tuple[list[_Turn], list[_Turn], _Owner] | None:
    """History, at most one answer, and whose it is; None if the span may say more than texts, or nothing."""
    found = span.get("attributes")
    if not isinstance(found, dict) or span.get("events") or not span.keys().isdisjoint(_RESOURCES):
        return None
    given, taken = found.get("gen_ai.input.messages"), found.get("gen_ai.output.messages", "[]")
    if not isinstance(given, str) or not isinstance(taken, str):
        return None
    user, conversation = first_of(found, *USER), found.get("gen_ai.conversation.id")
    if not isinstance(user, _TEXT) or not isinstance(conversation, _TEXT):
        return None
    try:
        history, answer = _decode(given), _decode(taken)
        system = instructions_of(found.get("gen_ai.system_instructions"))
    except _UNDECODABLE:
        return None
    if len(answer) > 1 or not (history or answer):
        return None
    for turn in answer:
        turn.role = "assistant"
    return history, answer, _Owner(conversation, user, system)


def _texts(turns: Sequence[_Turn]) -> Said:
    parts = [turn.parts for turn in turns]
    several = [place for place, count in enumerate(map(len, parts)) if count != 1]
    texts = [each[0].content if each else "" for each in parts]
    same = [*map(str.strip, texts)]
    for place in several:
        texts[place] = "".join([part.content for part in parts[place]])
        same[place] = "".join([part.content.strip() for part in parts[place]])
    return Said([turn.role for turn in turns], texts, same)
