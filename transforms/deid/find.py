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
#: Names that begin alike are tried one after another.
_MAX_SHARED = 40
#: So many beginnings of names are faster searched for one by one than word by word; they meet at some 130.
_FEW = 50
_LETTERS = re.compile(r"[^\W_]+")
_GAP = re.compile(r"[\s,]{1,3}")
_NOT_BEFORE_PART = frozenset("_@/\\`$.-")
_NOT_AFTER_PART = re.compile(r"[\w@/\\`(]|\.\w")
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
    by_first = _by_first_letters(full, parts)
    # The empty one stands in every text.
    beginnings = [_any_case(first) for first in by_first] if len(by_first) <= _FEW else [""]
    result = []
    for text, spans in zip(texts, found, strict=True):
        more = list(spans)
        folded = _any_case(text)
        may_hold = any(first in folded for first in beginnings)
        for word in _LETTERS.finditer(text) if may_hold else ():
            for words, is_part in by_first.get(word.group().lower(), ()):
                start = word.start()
                end = _part_end(text, start, words[0]) if is_part else _name_end(text, start, words)
                if end > start:
                    more.append(Span(start, end, "PERSON", 0.8 if is_part else 0.9))
        result.append(resolve(more) if len(more) > len(spans) else list(spans))
    return result


def _any_case(text: str) -> str:
    """In lower case, alike for a word and for what it stands in: a sigma is lowered by its neighbours."""
    return text.lower().replace("ς", "σ")


def _by_first_letters(
    full: set[tuple[str, ...]], parts: set[str]
) -> dict[str, list[tuple[tuple[str, ...], bool]]]:
    """Names, and parts of names, by the first letters of each: looked for only where those stand."""
    known: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
    listed = [(words, False) for words in sorted(full, key=lambda words: (-len(words), words))[:_MAX_NAMES]]
    listed += [((part,), True) for part in sorted(parts, key=lambda part: (-len(part), part))[:_MAX_NAMES]]
    for words, is_part in listed:
        first = _LETTERS.match(words[0])
        same = known.setdefault(first.group().lower(), []) if first else []
        if len(same) < _MAX_SHARED:
            same.append((words, is_part))
    return known


def _name_end(text: str, start: int, words: Sequence[str]) -> int:
    """Where the words of a full name end that stand at `start` in any case, or `start`."""
    place = start
    for number, word in enumerate(words):
        if number:
            gap = _GAP.match(text, place)
            if gap is None:
                return start
            place = gap.end()
        if text[place : place + len(word)].lower() != word.lower():
            return start
        place += len(word)
    return start if _LETTERS.match(text, place) else place


def _part_end(text: str, start: int, part: str) -> int:
    """Where a part of a name ends that stands at `start` as a word of its own, or `start`."""
    if not text.startswith(part, start) and not text.startswith(part.upper(), start):
        return start
    end = start + len(part)
    before = text[start - 1 : start] if start else ""
    return start if before in _NOT_BEFORE_PART or _NOT_AFTER_PART.match(text, end) else end


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
