"""The form of a surrogate at its place, so that JSON stays valid and code still parses.

In prose `<PERSON_1>`. In code outside of string literals `PERSON_1`, an identifier in every language, and
`"<PHONE_NUMBER_1>"` in place of a number that is a whole value: JSON and TOML have no bare words as values.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from transforms.deid.spans import Kind, Span

Form = Literal["", "bare", "quoted"]
PLAIN: Form = ""
_TOOL_TEXT = frozenset({"tool_input", "tool_result"})
_FENCE = re.compile(r"```[^\n]*\n[\s\S]*?(?:```|\Z)|(?<!`)`[^`\n]+`(?!`)")
#: The left side of an assignment.
_NAMED = re.compile(r"[ \t]{0,40}[A-Za-z_][\w.\[\]\"'-]{0,60}[ \t]{0,20}=[ \t]{0,20}")
_QUOTES = "\"'`"
#: A whole value follows one of these signs, with or without blanks, and precedes one of those below.
_BEFORE_VALUE = re.compile(r"(?:[=:,(\[{]|^|^\s*-)[ \t]*\Z", re.MULTILINE)
_AFTER_VALUE = re.compile(r"[ \t]*(?:[,)\]};#]|$)", re.MULTILINE)
_IN_BRACES = re.compile(r"\{\Z")
_MAX_LOOK = 40
_Stretch = tuple[int, int]


def forms_of(text: str, spans: Sequence[Span], kind: Kind) -> list[Form]:
    """One form for each of the sorted, disjoint spans of a text."""
    if not spans:
        return []
    if len(spans) == 1 and spans[0].end - spans[0].start == len(text):
        # A whole leaf of a tool input is a string already.
        return [PLAIN]
    code = [(0, len(text))] if kind in _TOOL_TEXT or _is_json(text) else _code_in(text, spans)
    if not code:
        return [PLAIN] * len(spans)
    return list(_forms(text, spans, code))


def _is_json(text: str) -> bool:
    """True for a JSON document or JSON Lines."""
    if text[:1] not in ("{", "[") or text.rstrip()[-1:] not in ("}", "]"):
        return False
    return _decodes(text) or all(_decodes(line) for line in text.splitlines() if line)


def _decodes(text: str) -> bool:
    try:
        msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _code_in(text: str, spans: Sequence[Span]) -> list[_Stretch]:
    """Stretches in backticks, and lines that assign a number to a name: `phone = 4155552671`."""
    fenced = [place.span() for place in _FENCE.finditer(text)] if "`" in text else []
    if "=" not in text:
        return fenced
    lines: list[_Stretch] = []
    begin = seen = 0
    for span in spans:
        # Searched from the last span on: a long line may have many.
        line = text.rfind("\n", seen, span.start) + 1
        begin, seen = line or begin, span.start
        known = lines and lines[-1][0] == begin
        if text[span.start].isdigit() and not known and _NAMED.match(text, begin, span.start):
            end = text.find("\n", span.end)
            lines.append((begin, end if end >= 0 else len(text)))
    begins = [low for low, _ in fenced]
    for low, high in lines:
        place = bisect.bisect_right(begins, low)
        if not place or fenced[place - 1][1] <= low:
            fenced.append((low, high))
    return sorted(fenced)


def _forms(text: str, spans: Sequence[Span], code: Sequence[_Stretch]) -> Iterator[Form]:
    """`code` has the stretches of code in order. A stretch may contain others."""
    quotes = _Quotes(text)
    at = 0
    for span in spans:
        while at < len(code) - 1 and code[at][1] <= span.start:
            at += 1
        begin, end = code[at]
        yield _form(text, span, quotes.open_at(span.start, begin)) if begin <= span.start < end else PLAIN


class _Quotes:
    """The open quotation mark at places of a text, asked for in order; each character is read once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._read = 0
        self._quote = ""

    def open_at(self, place: int, code: int) -> str:
        """The mark that is open at a place of the code that begins at `code`; empty if none is.

        A line begins without one. A mark directly after a backtick does not start a string.
        """
        line = self._text.rfind("\n", self._read, place) + 1
        if line:
            self._read, self._quote = line, ""
        if self._read < code < place and self._text[code] == "`":
            self._read, self._quote = code + 1, ""
        self._quote = _quote(self._text, self._read, place, self._quote)
        self._read = place
        return self._quote


def _quote(text: str, start: int, end: int, quote: str) -> str:
    """The quotation mark that is open at `end`, if `quote` is open at `start`."""
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
