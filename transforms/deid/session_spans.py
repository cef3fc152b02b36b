"""All spans of sessions: patterns, keyed leaves, people, and repetitions of values found in the session.

The spans of a session are a pure function of its segments and the config, whatever else is read with it.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Collection, Iterator, Sequence

from schemas.deid import DeidConfig
from transforms.deid.contexts.fields import keyed_span
from transforms.deid.evidence import CHECKED, LIKELY, STATED, WEAK
from transforms.deid.people.identifiers import without_identifiers
from transforms.deid.people.lexicon import is_common_word, is_dictionary_word, is_listed
from transforms.deid.people.logins import Logins, on_the_lists, stands_in_more
from transforms.deid.people.names import NameFinder
from transforms.deid.people.reading import Reading
from transforms.deid.rules.scanner import PatternScanner
from transforms.deid.spans import Span
from transforms.deid.text.casing import any_case
from transforms.deid.text.joined import JoinedTexts
from transforms.deid.text.overlaps import Additions, resolve
from transforms.deid.text.propagate import propagate_values

#: Types that the small model finds, too, and may extend beyond the span of a pattern.
_NAMED = frozenset({"PERSON", "ADDRESS"})
_MAX_NAMES = 2_000
#: The logins of at most so many people are searched for.
_MAX_OWNERS = 200
#: Names with the same beginning are tried in turn; at most so many.
_MAX_SHARED = 40
#: Up to so many beginnings are searched for one by one, which is faster than word by word up to some 130.
_FEW = 50
_LETTERS = re.compile(r"[^\W_]+")
_GAP = re.compile(r"[\s,]{1,3}")
_NOT_BEFORE_PART = frozenset("_@/\\`$.-")
_NOT_AFTER_PART = re.compile(r"[\w@/\\`(]|\.\w")
#: A variable named after a person is masked together with its attributes.
_NOT_AFTER_LOWER_PART = re.compile(r"[\w@/\\`(]")
_NOT_PART = re.compile(r"[^\W\d_]\.?\Z")
_DIGITS = "0123456789"


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


def propagate_names(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """`found` with other mentions of the same people: full names in any case, their parts, logins made of
    them.

    A part is found if capitalised; in lower case, too, if it is a listed name and not a common word.
    """
    full, parts = _names(texts, found)
    if not full and not parts:
        return [list(spans) for spans in found]
    again = Additions(found)
    names = sorted(full, key=lambda words: (-len(words), words))[:_MAX_NAMES]
    logins = Logins(names[:_MAX_OWNERS])
    by_first = _by_first_letters(names, parts)
    for name in logins.names:
        by_first.setdefault(name, [])
    joined = JoinedTexts(texts, "\n")
    for place, beginning, alone in _beginnings(joined.whole, by_first, logins):
        number, start = joined.place(place)
        text = texts[number]
        for known in by_first[beginning] if alone else ():
            if isinstance(known, str):
                span = Span(start, _part_end(text, start, known), "PERSON", STATED)
            else:
                span = Span(start, _name_end(text, start, known), "PERSON", CHECKED)
            if span.end > start:
                again.add(number, span)
        end = start + len(beginning)
        if (not alone or stands_in_more(text, start, end)) and not _covered(found[number], start, end):
            low, high = logins.at(text, start, beginning)
            if high > low:
                again.add(number, Span(low, high, "USERNAME", LIKELY))
    return again.resolved()


def _covered(spans: Sequence[Span], start: int, end: int) -> bool:
    """True if one of the sorted, disjoint spans covers [start, end), usually a mailbox."""
    place = bisect.bisect_right(spans, start, key=lambda span: span.start)
    return place > 0 and spans[place - 1].end >= end


def _beginnings(text: str, known: Collection[str], logins: Logins) -> Iterator[tuple[int, str, bool]]:
    """Places of the known beginnings of names, in any case: place, beginning, and whether it is a whole word.

    Digits may follow it. Inside a longer word it is returned only where that word may be a login.
    """
    if len(known) > _FEW:
        for word in _LETTERS.finditer(text):
            beginning = word.group().lower().rstrip(_DIGITS)
            if beginning in known or beginning in logins.unsigned:
                yield word.start(), beginning, beginning in known
        return
    folded = any_case(text)
    for beginning in known:
        sought = any_case(beginning)
        start = folded.find(sought)
        while start >= 0:
            end = start + len(sought)
            here = _LETTERS.match(text, start)
            alone = start == 0 or not _LETTERS.match(text, start - 1)
            if alone and here is not None and here.group().lower().rstrip(_DIGITS) == beginning:
                yield start, beginning, True
            elif beginning in logins.names and stands_in_more(text, start, end):
                yield start, beginning, False
            start = folded.find(sought, end)


def _by_first_letters(
    names: Sequence[tuple[str, ...]], parts: set[str]
) -> dict[str, list[tuple[str, ...] | str]]:
    """Full names and parts of names by their first letters: searched for only where these occur."""
    known: dict[str, list[tuple[str, ...] | str]] = {}
    some = sorted(parts, key=lambda part: (-len(part), part))[:_MAX_NAMES]
    listed: list[tuple[str, ...] | str] = [*names, *some]
    for one in listed:
        first = _LETTERS.match(one if isinstance(one, str) else one[0])
        same = known.setdefault(first.group().lower(), []) if first else []
        if len(same) < _MAX_SHARED:
            same.append(one)
    return known


def _name_end(text: str, start: int, words: Sequence[str]) -> int:
    """The end of a full name that begins at `start`, in any case; `start` if it does not."""
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
    """The end of a part of a name that is a whole word at `start`; `start` if it is not."""
    end = start + len(part)
    here = text[start:end]
    lower = here == part.lower() and on_the_lists(part)
    if here not in (part, part.upper()) and not lower:
        return start
    not_after = _NOT_AFTER_LOWER_PART if lower else _NOT_AFTER_PART
    before = text[start - 1 : start] if start else ""
    return start if before in _NOT_BEFORE_PART or not_after.match(text, end) else end


def _names(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> tuple[set[tuple[str, ...]], set[str]]:
    full: set[tuple[str, ...]] = set()
    parts: set[str] = set()
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            if span.type != "PERSON" or span.score < WEAK:
                continue
            words = [word.strip(".,'’") for word in text[span.start : span.end].split()]
            words = [word for word in words if word and not _NOT_PART.match(word)]
            if len(words) > 1:
                full.add(tuple(words))
            if len(words) > 1 or span.score >= LIKELY:
                named = {_as_name(word) for word in words}
                is_word = is_common_word if any(is_listed(word) for word in words) else is_dictionary_word
                parts |= {w for w in named if len(w) >= 3 and w[0].isupper() and not is_word(w)}
    return full, parts


def _as_name(word: str) -> str:
    """A word of a name capitalised, if it is in capitals, or in lower case and a listed name."""
    return word.capitalize() if word.isupper() or (word.islower() and on_the_lists(word)) else word
