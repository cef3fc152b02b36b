"""Types that the parts of de-identification exchange: spans, segments, sessions, masked texts."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["system", "user", "assistant", "thinking", "tool_input", "tool_result"]


class Span(NamedTuple):
    """The stretch [start, end) of a text, in code points, with an entity type and a score in 0..1."""

    start: int
    end: int
    type: str
    score: float


class Segment(NamedTuple):
    """One text of a session; `key` is the JSON key of a tool input's leaf, if any."""

    text: str
    kind: Kind
    key: str | None = None


class SessionText(NamedTuple):
    """All texts of one session in order; `key` is its 16-byte conversation key."""

    key: bytes
    segments: list[Segment]


class MaskedText(NamedTuple):
    """A masked text, the places of its surrogates, and the spans of the original that they replace."""

    text: str
    places: list[tuple[int, int]]
    spans: list[Span]


class Masked(NamedTuple):
    """The result for a session: one text per segment, counts of replaced spans by type, and a refusal if any.

    `refusal` is a reason of `schemas.decisions.TEXT_REASONS` or None; with a refusal `texts` is empty.
    `masked_again` counts the spans that only the residual check found.
    """

    texts: list[str]
    entities: dict[str, int]
    language: str
    refusal: str | None = None
    masked_again: int = 0
