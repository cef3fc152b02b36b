"""All spans of one session: patterns, keyed leaves, people, and what is known from elsewhere in it.

A pure function of the session's segments and the config: nothing is remembered from one session to the next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.deid import DeidConfig
from transforms.deid.keyed import keyed_span
from transforms.deid.lexicon import is_common_word
from transforms.deid.names import NameFinder
from transforms.deid.overlaps import resolve
from transforms.deid.patterns import PatternScanner
from transforms.deid.propagate import propagate_values
from transforms.deid.spans import Segment, Span

_FULL_NAME_SCORE = 0.6
_PART_SCORE = 0.7
_MAX_NAMES = 2_000
_NOT_PART = re.compile(r"[^\W\d_]\.?\Z")


class SpanFinder:
    """Finds the spans of a session. One instance a thread."""

    def __init__(self, config: DeidConfig, scanner: PatternScanner, names: NameFinder | None) -> None:
        self._config = config
        self._scanner = scanner
        self._names = names

    def find(self, segments: Sequence[Segment], language: str | None) -> list[list[Span]]:
        """Per segment its spans, sorted and disjoint; without a language by patterns only."""
        texts = [segment.text for segment in segments]
        found: list[list[Span]] = [list(spans) for spans in self._scanner.scan(texts)]
        for spans, segment in zip(found, segments, strict=True):
            leaf = keyed_span(segment)
            if leaf is not None:
                spans.append(leaf)
        names = language is not None and self._names is not None
        if language is not None and self._names is not None:
            for spans, people in zip(found, self._names.find(segments, language), strict=True):
                spans += people
        found = [resolve(self._sure(spans, s.kind)) for spans, s in zip(found, segments, strict=True)]
        found = propagate_values(texts, found)
        return propagate_names(texts, found) if names else found

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


def propagate_names(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """`found` with other mentions of its people: full names in any case, their parts where capitalised."""
    full, parts = _names(texts, found)
    if not full and not parts:
        return [list(spans) for spans in found]
    expressions = [
        r"[\s,]{1,3}".join(map(re.escape, words)) for words in sorted(full, key=lambda w: (-len(w), w))
    ]
    whole = (
        re.compile(r"(?<![^\W_])(?i:" + "|".join(expressions[:_MAX_NAMES]) + r")(?![^\W_])") if full else None
    )
    listed = sorted(parts, key=lambda part: (-len(part), part))[:_MAX_NAMES]
    either = "|".join(re.escape(form) for part in listed for form in (part, part.upper()))
    part_of = re.compile(rf"(?<![\w@/\\`$.-])(?:{either})(?![\w@/\\`(]|\.\w)") if parts else None
    result = []
    for text, spans in zip(texts, found, strict=True):
        more = list(spans)
        for expression, score in ((whole, 0.9), (part_of, 0.8)):
            if expression is not None:
                more += [Span(m.start(), m.end(), "PERSON", score) for m in expression.finditer(text)]
        result.append(resolve(more) if len(more) > len(spans) else list(spans))
    return result


def _names(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> tuple[set[tuple[str, ...]], set[str]]:
    full: set[tuple[str, ...]] = set()
    parts: set[str] = set()
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            if span.type != "PERSON" or span.score < _FULL_NAME_SCORE:
                continue
            words = [word.strip(".,'’") for word in text[span.start : span.end].split()]
            words = [word for word in words if word and not _NOT_PART.match(word)]
            if len(words) > 1:
                full.add(tuple(words))
            if len(words) > 1 or span.score >= _PART_SCORE:
                named = {word.capitalize() if word.isupper() else word for word in words}
                parts |= {w for w in named if len(w) >= 3 and w[0].isupper() and not is_common_word(w)}
    return full, parts
