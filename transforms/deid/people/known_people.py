"""Other mentions of the people of a session: full names, their parts, and logins made of them."""

from __future__ import annotations

import bisect
import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from transforms.deid.evidence import CHECKED, LIKELY, STATED, WEAK
from transforms.deid.people.lexicon import is_common_word, is_dictionary_word, is_listed
from transforms.deid.people.logins import Logins, on_the_lists, stands_in_more
from transforms.deid.spans import Span
from transforms.deid.text.casing import any_case
from transforms.deid.text.joined import JoinedTexts
from transforms.deid.text.overlaps import Additions

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
#: The words of a full name, or a part of one.
_Known = tuple[str, ...] | str


class _Place(NamedTuple):
    """A place where a known name may begin: its first letters in lower case, and whether they are a word.

    Digits may follow a word. Letters that are not a word may be part of a login.
    """

    start: int
    beginning: str
    is_word: bool


def propagate_names(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """`found` with other mentions of the same people: full names in any case, their parts, logins made of
    them.

    A part is found if capitalised; in lower case, too, if it is a listed name and not a common word.
    """
    full, parts = _names(texts, found)
    if not full and not parts:
        return [list(spans) for spans in found]
    names = sorted(full, key=lambda words: (-len(words), words))[:_MAX_NAMES]
    logins = Logins(names[:_MAX_OWNERS])
    known = _by_first_letters(names, parts)
    for name in logins.names:
        known.setdefault(name, [])
    again = Additions(found)
    joined = JoinedTexts(texts, "\n")
    for place in _places(joined.whole, known, logins):
        number, start = joined.place(place.start)
        place = place._replace(start=start)
        people = _people_at(texts[number], start, known[place.beginning]) if place.is_word else []
        for span in (*people, *_logins_at(texts[number], place, logins, found[number])):
            again.add(number, span)
    return again.resolved()


def _people_at(text: str, start: int, known: Sequence[_Known]) -> list[Span]:
    """The names and parts of names that begin at a place."""
    spans = [
        Span(start, _part_end(text, start, one), "PERSON", STATED)
        if isinstance(one, str)
        else Span(start, _name_end(text, start, one), "PERSON", CHECKED)
        for one in known
    ]
    return [span for span in spans if span.end > start]


def _logins_at(text: str, place: _Place, logins: Logins, found: Sequence[Span]) -> list[Span]:
    """The login around a place, if it is part of a longer word and no part of a span, such as a mailbox."""
    start, end = place.start, place.start + len(place.beginning)
    if place.is_word and not stands_in_more(text, start, end):
        return []
    if _covered(found, start, end):
        return []
    low, high = logins.at(text, start, place.beginning)
    return [Span(low, high, "USERNAME", LIKELY)] if high > low else []


def _covered(spans: Sequence[Span], start: int, end: int) -> bool:
    """True if one of the sorted, disjoint spans covers [start, end)."""
    place = bisect.bisect_right(spans, start, key=lambda span: span.start)
    return place > 0 and spans[place - 1].end >= end


def _places(text: str, known: Collection[str], logins: Logins) -> Iterator[_Place]:
    """The places of the known beginnings of names, in any case."""
    return _among_words(text, known, logins) if len(known) > _FEW else _searched(text, known, logins)


def _among_words(text: str, known: Collection[str], logins: Logins) -> Iterator[_Place]:
    """Looks up each word of the text."""
    for word in _LETTERS.finditer(text):
        beginning = word.group().lower().rstrip(_DIGITS)
        if beginning in known or beginning in logins.unsigned:
            yield _Place(word.start(), beginning, beginning in known)


def _searched(text: str, known: Collection[str], logins: Logins) -> Iterator[_Place]:
    """Searches for each beginning."""
    folded = any_case(text)
    for beginning in known:
        for start, end in _occurrences(folded, any_case(beginning)):
            if _word_at(text, start) == beginning:
                yield _Place(start, beginning, True)
            elif beginning in logins.names and stands_in_more(text, start, end):
                yield _Place(start, beginning, False)


def _occurrences(text: str, sought: str) -> Iterator[tuple[int, int]]:
    start = text.find(sought)
    while start >= 0:
        end = start + len(sought)
        yield start, end
        start = text.find(sought, end)


def _word_at(text: str, start: int) -> str:
    """The word that begins at a place, in lower case and without digits at its end; empty inside a word."""
    if start and _LETTERS.match(text, start - 1):
        return ""
    word = _LETTERS.match(text, start)
    return word.group().lower().rstrip(_DIGITS) if word else ""


def _by_first_letters(names: Sequence[tuple[str, ...]], parts: set[str]) -> dict[str, list[_Known]]:
    """Full names and parts of names by their first letters: searched for only where these occur."""
    known: dict[str, list[_Known]] = {}
    some = sorted(parts, key=lambda part: (-len(part), part))[:_MAX_NAMES]
    listed: list[_Known] = [*names, *some]
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
