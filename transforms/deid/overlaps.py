"""Overlapping spans to disjoint ones, without ever uncovering a character that some span covered."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.deid.spans import Span


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Sorted, disjoint spans that cover the union; a merged one has the type of its best part.

    Best is the higher score, then the longer span, then the type's name: the order of the input is no matter.
    """
    merged: list[Span] = []
    best: tuple[float, int, str] = (0.0, 0, "")
    for span in sorted(set(spans)):
        rank = (span.score, span.end - span.start, span.type)
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            best = max(best, rank)
            merged[-1] = Span(last.start, max(last.end, span.end), best[2], best[0])
        else:
            merged.append(span)
            best = rank
    return merged
