"""All spans of sessions: patterns, keyed leaves, people, and repetitions of values found in the session.

The spans of a session are a pure function of its segments and the config, whatever else is read with it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence

from schemas.deid import DeidConfig
from transforms.deid.contexts.fields import keyed_span
from transforms.deid.people.identifiers import without_identifiers
from transforms.deid.people.known_people import propagate_names
from transforms.deid.people.names import NameFinder
from transforms.deid.people.reading import Reading
from transforms.deid.rules.scanner import PatternScanner
from transforms.deid.spans import Span
from transforms.deid.text.overlaps import resolve
from transforms.deid.text.propagate import propagate_values

#: Types that the small model finds, too, and may extend beyond the span of a pattern.
_NAMED = frozenset({"PERSON", "ADDRESS"})
_LETTERS = re.compile(r"[^\W_]+")


class SpanFinder:
    """Finds the spans of sessions. Not thread-safe."""

    def __init__(self, config: DeidConfig, scanner: PatternScanner, names: NameFinder | None) -> None:
        self._config = config
        self._scanner = scanner
        self._names = names

    def find(self, reading: Reading, languages: Sequence[str | None]) -> list[list[Span]]:
        """By segment its spans, sorted and disjoint; in sessions without a language, only those of
        patterns.
        """
        scanned = self._scanner.scan_all(reading.texts)
        found = [list(scanned[number]) for number in reading.numbers]
        for spans, segment in zip(found, reading.segments, strict=True):
            leaf = keyed_span(segment) if segment.key else None
            if leaf is not None:
                spans.append(leaf)
        if self._names is not None:
            listed, guessed = self._names.find(reading, languages, reading.within(self._explained(scanned)))
            for spans, people in zip(found, listed, strict=True):
                spans += people
            others = list(self._without_identifiers(reading, found, guessed))
            for spans, people in zip(found, others, strict=True):
                spans += people
        for number, segment in enumerate(reading.segments):
            if found[number]:
                found[number] = resolve(self._sure(found[number], segment.kind))
        for language, low, high in zip(languages, reading.bounds, reading.bounds[1:], strict=False):
            if any(found[low:high]):
                texts = [segment.text for segment in reading.segments[low:high]]
                known = propagate_values(texts, found[low:high])
                names = language is not None and self._names is not None
                found[low:high] = propagate_names(texts, known) if names else known
        return found

    @staticmethod
    def _without_identifiers(
        reading: Reading, found: Sequence[Sequence[Span]], guessed: Sequence[list[Span]]
    ) -> Iterator[list[Span]]:
        """By segment the `guessed` spans, without people whose names are identifiers of the session's code.

        A name stays if another detector `found` one of its words as a person's anywhere in the session.
        """
        for low, high in itertools.pairwise(reading.bounds):
            names = {
                (place, span.start, span.end)
                for place, spans in enumerate(guessed[low:high])
                for span in spans
                if span.type == "PERSON"
            }
            if names and reading.has_code(reading.numbers[low:high]):
                texts = [segment.text for segment in reading.segments[low:high]]
                known = {
                    word.lower()
                    for text, spans in zip(texts, found[low:high], strict=True)
                    for span in spans
                    if span.type == "PERSON"
                    for word in _LETTERS.findall(text[span.start : span.end])
                }
                names = without_identifiers(texts, names, known)
            for place, spans in enumerate(guessed[low:high]):
                yield [
                    span for span in spans if span.type != "PERSON" or (place, span.start, span.end) in names
                ]

    def _explained(self, scanned: Sequence[Sequence[Span]]) -> list[tuple[int, int, int]]:
        """Spans that patterns identify as neither a person nor an address: text, start, end."""
        thresholds = self._config.thresholds
        return [
            (number, span.start, span.end)
            for number, spans in enumerate(scanned)
            for span in spans
            if span.type not in _NAMED and span.score >= thresholds.get(span.type, math.inf)
        ]

    def _sure(self, spans: list[Span], kind: str) -> list[Span]:
        thresholds = self._config.thresholds
        kept = []
        for span in spans:
            threshold = thresholds.get(span.type)
            if span.type == "PERSON" and kind == "user" and threshold is not None:
                threshold = min(threshold, self._config.person_in_user_turns)
            if threshold is not None and span.score >= threshold:
                kept.append(span)
        return kept
