"""Overlapping spans resolved to disjoint ones; every covered character stays covered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from transforms.deid.spans import Span


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Sorted, disjoint spans that cover the union; a merged span has the type of its best part.

    The best has the higher score, then the greater length, then the later type name. The order of the input
    does not matter.
    """
    ordered = sorted(set(spans))
    if len(ordered) < 2:
        return ordered
    merged = [ordered[0]]
    best: tuple[float, int, str] | None = None
    for span in ordered[1:]:
        last = merged[-1]
        if span.start < last.end:
            best = max(best or _rank(last), _rank(span))
            merged[-1] = Span(last.start, max(last.end, span.end), best[2], best[0])
        else:
            merged.append(span)
            best = None
    return merged


def _rank(span: Span) -> tuple[float, int, str]:
    return span.score, span.end - span.start, span.type


class Additions:
    """Sorted, disjoint spans of several texts, to which spans are added, most of which are known already.

    A text is resolved again only if an added span differs from all of its spans.
    """

    def __init__(self, found: Sequence[Sequence[Span]]) -> None:
        self._spans = [list(spans) for spans in found]
        self._places: list[dict[int, int]] = [{} for _ in found]
        self._changed: set[int] = set()

    def add(self, number: int, span: Span) -> None:
        """Adds a span to a text."""
        spans, places = self._spans[number], self._places[number]
        if spans and not places:
            places.update((one.start, n) for n, one in enumerate(spans))
        place = places.get(span.start)
        if place is not None and spans[place].end == span.end:
            spans[place] = max(spans[place], span, key=_rank)
        else:
            spans.append(span)
            self._changed.add(number)

    def resolved(self) -> list[list[Span]]:
        """By text its spans, sorted and disjoint."""
        return [
            resolve(spans) if number in self._changed else spans for number, spans in enumerate(self._spans)
        ]
