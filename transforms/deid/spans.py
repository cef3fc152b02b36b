"""Spans, segments and sessions: what the parts of the de-identification hand to each other."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["system", "user", "assistant", "thinking", "tool_input", "tool_result"]


class Span(NamedTuple):
    """A stretch [start, end) of one text, in code points, found to be of `type` with a score in 0..1."""

    start: int
    end: int
    type: str
    score: float


class Segment(NamedTuple):
    """One text of a session; `key` is the JSON key that a tool input's leaf stands under, if any."""

    text: str
    kind: Kind
    key: str | None = None


class SessionText(NamedTuple):
    """All texts of one session in their order; `key` is its 16-byte conversation key."""

    key: bytes
    segments: list[Segment]


class MaskedText(NamedTuple):
    """A masked text, where in it the surrogates stand, and the spans of the original that they replace."""

    text: str
    places: list[tuple[int, int]]
    spans: list[Span]


class Masked(NamedTuple):
    """What a session became: one text a segment, what was replaced by type, and a refusal if any.

    `refusal` is a reason of `schemas.decisions.TEXT_REASONS` or None; with a refusal `texts` is empty.
    `masked_again` is how many stretches only the second look found.
    """

    texts: list[str]
    entities: dict[str, int]
    language: str
    refusal: str | None = None
    masked_again: int = 0
