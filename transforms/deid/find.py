"""All spans of sessions: patterns, keyed leaves, people, and what is known from elsewhere in a session.

What is found in a session is a pure function of its segments and the config, whatever else is read with it.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Collection, Iterator, Sequence

from schemas.deid import DeidConfig
from transforms.deid.casing import any_case
from transforms.deid.keyed import keyed_span
from transforms.deid.lexicon import is_common_word
from transforms.deid.names import NameFinder
from transforms.deid.overlaps import Additions, resolve
from transforms.deid.patterns import PatternScanner
from transforms.deid.propagate import propagate_values
from transforms.deid.reading import Reading
from transforms.deid.spans import Span

#: What the small model looks for, too: it may see more of it than a pattern did.
_NAMED = frozenset({"PERSON", "ADDRESS"})
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
    """Finds the spans of sessions. One instance a thread."""

    def __init__(self, config: DeidConfig, scanner: PatternScanner, names: NameFinder | None) -> None:
        self._config = config
        self._scanner = scanner
        self._names = names

    def find(self, reading: Reading, languages: Sequence[str | None]) -> list[list[Span]]:
        """By segment its spans, sorted and disjoint; in sessions without a language by patterns only."""
        scanned = self._scanner.scan_all(reading.texts)
        found = [list(scanned[number]) for number in reading.numbers]
        for spans, segment in zip(found, reading.segments, strict=True):
            leaf = keyed_span(segment) if segment.key else None
            if leaf is not None:
                spans.append(leaf)
        if self._names is not None:
            named = self._names.find(reading, languages, reading.within(self._explained(scanned)))
            for spans, people in zip(found, named, strict=True):
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

    def _explained(self, scanned: Sequence[Sequence[Span]]) -> list[tuple[int, int, int]]:
        """What patterns are sure of that it is no name and no address: text, start, end."""
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


def propagate_names(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """`found` with other mentions of its people: full names in any case, their parts where capitalised."""
    full, parts = _names(texts, found)
    if not full and not parts:
        return [list(spans) for spans in found]
    again = Additions(found)
    by_first = _by_first_letters(full, parts)
    joined = "\n".join(texts)
    begins = list(itertools.accumulate((len(text) + 1 for text in texts), initial=0))
    for place, beginning in _beginnings(joined, by_first):
        number = bisect.bisect_right(begins, place) - 1
        text, start = texts[number], place - begins[number]
        for words, is_part in by_first[beginning]:
            end = _part_end(text, start, words[0]) if is_part else _name_end(text, start, words)
            if end > start:
                again.add(number, Span(start, end, "PERSON", 0.8 if is_part else 0.9))
    return again.resolved()


def _beginnings(text: str, known: Collection[str]) -> Iterator[tuple[int, str]]:
    """Where runs of letters and digits stand that are known in lower case, with them."""
    if len(known) > _FEW:
        for word in _LETTERS.finditer(text):
            beginning = word.group().lower()
            if beginning in known:
                yield word.start(), beginning
        return
    folded = any_case(text)
    for beginning in known:
        sought = any_case(beginning)
        start = folded.find(sought)
        while start >= 0:
            end = start + len(sought)
            here = _LETTERS.match(text, start)
            alone = start == 0 or not _LETTERS.match(text, start - 1)
            if alone and here is not None and here.end() == end and here.group().lower() == beginning:
                yield start, beginning
            start = folded.find(sought, end)


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
