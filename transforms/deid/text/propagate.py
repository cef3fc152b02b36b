"""A value found once in a session is masked at every place of that session, in any field."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from transforms.deid.people.lexicon import is_common_word
from transforms.deid.spans import Span
from transforms.deid.text.casing import any_case
from transforms.deid.text.joined import JoinedTexts
from transforms.deid.text.literals import places_of
from transforms.deid.text.overlaps import Additions

_VERBATIM = frozenset(
    (
        "SECRET CREDIT_CARD IBAN_CODE EMAIL_ADDRESS US_SSN GOV_ID PHONE_NUMBER IP_ADDRESS MAC_ADDRESS "
        "BANK_ACCOUNT"
    ).split()
)
#: Shorter values would match by chance.
_MIN_VERBATIM = {"PHONE_NUMBER": 7, "BANK_ACCOUNT": 7}
_MIN_VERBATIM_ELSE = 6
_MIN_USERNAME = 3
#: Numbers that people repeat with other separators.
_REGROUPED = frozenset({"CREDIT_CARD", "US_SSN", "PHONE_NUMBER", "BANK_ACCOUNT"})
_MIN_DIGITS = 9
#: A digit first: an expression that begins with a set is much faster.
_NUMBER = re.compile(r"\d(?<![A-Za-z0-9]\d)(?:[ .()/\-\u00a0]{0,2}\d){8,18}(?![A-Za-z0-9])")
#: Values times characters above which one search finds all values, overlapping matches included; below, each
#: value is searched for alone, which takes less time than building the automaton.
_MUCH_WORK = 10_000_000
_LONGEST_HEAD = 200
#: Separates the joined texts; values that contain it are not searched for.
_BETWEEN = "\x00"


def propagate_values(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """`found` with every other verbatim occurrence of a found value.

    User names are found in any case, as whole words, unless they are common words; numbers also with other
    separators, and telephone numbers without their country code.
    """
    values, users = _values(texts, found)
    if not values and not users:
        return [list(spans) for spans in found]
    joined = JoinedTexts(texts, _BETWEEN)
    again = Additions(found)
    for start, end, first in _occurrences(joined.whole, values, users):
        number, low = joined.place(start)
        again.add(number, Span(low, low + end - start, first.type, first.score))
    return again.resolved()


def _values(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> tuple[dict[str, Span], dict[str, Span]]:
    values: dict[str, Span] = {}
    users: dict[str, Span] = {}
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            value = text[span.start : span.end]
            if span.type == "USERNAME":
                if len(value) >= _MIN_USERNAME and not is_common_word(value.lower()):
                    users.setdefault(any_case(value), span)
            elif (
                span.type in _VERBATIM
                and len(value) >= _MIN_VERBATIM.get(span.type, _MIN_VERBATIM_ELSE)
                and _BETWEEN not in value
            ):
                values.setdefault(value, span)
    return values, users


def _occurrences(
    joined: str, values: Mapping[str, Span], users: Mapping[str, Span]
) -> Iterator[tuple[int, int, Span]]:
    for value, start in _all_places(joined, values):
        if not _inside_a_number(joined, start, start + len(value)):
            yield start, start + len(value), values[value]
    yield from _regrouped(joined, values)
    if users:
        lowered = any_case(joined)
        for name, start in _all_places(lowered, users):
            if _stands_alone(lowered, start, start + len(name)):
                yield start, start + len(name), users[name]


def _all_places(text: str, values: Collection[str]) -> Iterator[tuple[str, int]]:
    """Every value with every place where it begins."""
    if len(values) * len(text) <= _MUCH_WORK:
        for value in values:
            for start in _places(text, value):
                yield value, start
        return
    heads: dict[str, list[str]] = {}
    for value in values:
        heads.setdefault(value[:_LONGEST_HEAD], []).append(value)
    for head, start in places_of(text, heads):
        for value in heads[head]:
            if text.startswith(value, start):
                yield value, start


def _places(text: str, value: str) -> Iterator[int]:
    start = text.find(value)
    while start >= 0:
        yield start
        start = text.find(value, start + len(value))


def _inside_a_number(text: str, start: int, end: int) -> bool:
    """True if digits continue on either side: 10.1.2.3 is not in 10.1.2.34."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    return (before.isdigit() and text[start].isdigit()) or (after.isdigit() and text[end - 1].isdigit())


def _stands_alone(text: str, start: int, end: int) -> bool:
    """True if neither side is an ASCII letter or digit, except the letter of an escaped line end before
    it.
    """
    before = text[max(0, start - 2) : start]
    after = text[end : end + 1]
    alone = not (before[-1:].isascii() and before[-1:].isalnum()) or before in ("\\n", "\\r", "\\t")
    return alone and not (after.isascii() and after.isalnum())


def _regrouped(joined: str, values: Mapping[str, Span]) -> Iterator[tuple[int, int, Span]]:
    exact: dict[str, Span] = {}
    endings: dict[str, Span] = {}
    for value, first in values.items():
        digits = re.sub(r"\D", "", value) if first.type in _REGROUPED else ""
        if len(digits) >= _MIN_DIGITS:
            exact.setdefault(digits, first)
            if first.type == "PHONE_NUMBER":
                endings.setdefault(digits[-_MIN_DIGITS:], first)
    if not exact:
        return
    for number in _NUMBER.finditer(joined):
        digits = re.sub(r"\D", "", number.group())
        known = exact.get(digits) or endings.get(digits[-_MIN_DIGITS:] if len(digits) <= 15 else "")
        if known is not None:
            yield number.start(), number.end(), known
