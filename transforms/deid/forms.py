"""In which form a surrogate stands where it stands, so that JSON stays valid and code still parses.

In prose `<PERSON_1>`. In code outside of string literals `PERSON_1`, which is a word in every language; and
`"<PHONE_NUMBER_1>"` for a number that is a value by itself: bare words are no values in JSON and TOML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from transforms.deid.spans import Kind, Span

Form = Literal["", "bare", "quoted"]
PLAIN: Form = ""
_TOOL_TEXT = frozenset({"tool_input", "tool_result"})
_FENCE = re.compile(r"```[^\n]*\n[\s\S]*?(?:```|\Z)|(?<!`)`[^`\n]+`(?!`)")
_QUOTES = "\"'`"
#: A value by itself: behind these signs (blanks aside) and before those.
_BEFORE_VALUE = re.compile(r"(?:[=:,(\[{]|^|^\s*-)[ \t]*\Z", re.MULTILINE)
_AFTER_VALUE = re.compile(r"[ \t]*(?:[,)\]};#]|$)", re.MULTILINE)
_IN_BRACES = re.compile(r"\{\Z")
_MAX_LOOK = 40


def forms_of(text: str, spans: Sequence[Span], kind: Kind) -> list[Form]:
    """One form for each of the sorted, disjoint spans of a text."""
    if not spans:
        return []
    if len(spans) == 1 and spans[0].end - spans[0].start == len(text):
        # A whole leaf of a tool's input is a string already.
        return [PLAIN]
    code = [(0, len(text))] if kind in _TOOL_TEXT else _in_backticks(text)
    if not code:
        return [PLAIN] * len(spans)
    return list(_forms(text, spans, code))


def _in_backticks(text: str) -> list[tuple[int, int]]:
    return [place.span() for place in _FENCE.finditer(text)] if "`" in text else []


def _forms(text: str, spans: Sequence[Span], code: Sequence[tuple[int, int]]) -> Iterator[Form]:
    regions = iter(code)
    low, high = next(regions)
    line = -1
    at, quote = 0, ""
    for span in spans:
        while span.start >= high:
            following = next(regions, None)
            if following is None:
                break
            low, high = following
        if not low <= span.start < high:
            yield PLAIN
            continue
        begin = text.rfind("\n", at if at <= span.start else 0, span.start) + 1
        if begin > line:
            line = at = begin
            quote = ""
        # A quotation mark that opens inline code opens no string.
        if at < low < span.start and text[low] == "`":
            at, quote = low + 1, ""
        quote = _quote(text, at, span.start, quote)
        at = span.start
        yield _form(text, span, quote)


def _quote(text: str, start: int, end: int, quote: str) -> str:
    """The quotation mark that is open at `end`, if `quote` was at `start`."""
    place = start
    while place < end:
        sign = text[place]
        if sign == "\\":
            place += 1
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        place += 1
    return quote


def _form(text: str, span: Span, quote: str) -> Form:
    before = text[max(0, span.start - _MAX_LOOK) : span.start]
    if quote:
        return (
            "bare" if _IN_BRACES.search(before) and text[span.end : span.end + 1] in tuple("}.[:!") else PLAIN
        )
    value = text[span.start].isdigit() and _BEFORE_VALUE.search(before) is not None
    return "quoted" if value and _AFTER_VALUE.match(text, span.end) else "bare"
