"""The residual check: a second search of the masked text, with other rules than the first.

Three passes: our patterns again; Presidio's own pattern recognizers around possible identifiers; and a scan
of user messages for long numbers and random tokens without an explanation. Hits are masked; if a hit remains
after that, the session is refused.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from stdnum.isbn import is_valid as is_valid_isbn

from transforms.deid.contexts.counted import is_counted, is_range
from transforms.deid.people.line_signs import is_code_line
from transforms.deid.rules.contact import is_password_of_url, is_service_mailbox
from transforms.deid.rules.scanner import PatternScanner
from transforms.deid.rules.secret_values import UUID_FORM, entropy, is_public
from transforms.deid.spans import MaskedText, Segment, Span
from transforms.deid.text.codepoints import DIGIT, classes_of
from transforms.deid.text.hyperscan_hits import Expressions
from transforms.deid.text.overlaps import resolve
from transforms.deid.text.texts import Texts

_STRUCTURED = frozenset(
    (
        "EMAIL_ADDRESS PHONE_NUMBER CREDIT_CARD IBAN_CODE US_SSN IP_ADDRESS MAC_ADDRESS SECRET BANK_ACCOUNT"
    ).split()
)
_OWN_SCORE = 0.7
#: Scores at which Presidio's recognizers report a match that passes their check digits or formats.
_STOCK_SCORES = {
    "EMAIL_ADDRESS": 0.9,
    "CREDIT_CARD": 0.9,
    "IBAN_CODE": 0.9,
    "US_SSN": 0.5,
    "PHONE_NUMBER": 0.4,
}
_SUSPECT = re.compile(
    r"[^\s@]@[^\s@]+\.|\d(?:[ ().-]{0,2}\d){6,40}|(?<![A-Za-z])[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}"
)
#: A recognizer runs only on windows that match its expression: recognizers are slow, and in a log the time in
#: each line makes it a window. A telephone number has nine digits with short gaps, or fewer and an extension.
_PHONE_GAP = r"(?:[^\w:\n]|[x\u30fc]){0,4}"
_NEEDED = {
    "EMAIL_ADDRESS": re.compile("@"),
    "CREDIT_CARD": re.compile(r"\d(?:[- ]?\d){12}"),
    "IBAN_CODE": re.compile(r"(?i)[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2}"),
    "US_SSN": re.compile(r"[0-9]{3}[- .]?[0-9]{2}[- .]?[0-9]{4}"),
    "PHONE_NUMBER": re.compile(
        rf"(?i)\d(?:{_PHONE_GAP}\d){{6}}"
        rf"(?:(?:{_PHONE_GAP}\d){{2}}|[- ]{{5,}}\d|"
        r"[ \u00a0\t,;-]*[exia#~\uff45\uff58\uff49\uff03\uff5e\u0434])"
    ),
}
_AROUND = 48
_Stretch = tuple[int, int]
_FENCE = re.compile("```")
_LINE_END = re.compile("\n")
_LONGEST_NUMBER = re.compile(r"(?<![\w.,#$€£/=:+-])\d(?:[ -]?\d){8,18}(?![\w%/=]|[.,-]\d)")
_CLOCK = re.compile(r"(?:1[4-9]\d{8}(?:\d{3}){0,3}|(?:19|20)\d{2}(?:0\d|1[0-2])[0-3]\d\d{0,6})\Z")
_YEARS = re.compile(r"(?:(?:19|20)\d\d[ -]?)+\Z|(?:19|20)\d\d-\d\d-\d\d")
_TOKEN = re.compile(r"(?<![\w/.@:=-])[A-Za-z0-9_-]{20,200}(?![\w/.@=-])")
_MIN_ENTROPY = 3.9
_ASCII = 127
_SEPARATED = re.compile(r"[ ().+-]")


#: For Hyperscan, on UTF-8: a text without a match has none of `_SUSPECT` or of the third pass's expressions.
_SIGNS = (
    r"[^\s@]@[^\s@]+\.|[0-9](?:[ ().-]{0,2}[0-9]){6}|(?:^|[^A-Za-z])[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4}",
    r"(?:^|[^A-Za-z0-9_/.@:=-])[A-Za-z0-9_-]{20}",
)


def _is_isbn(value: str) -> bool:
    """True for an ISBN (ISO 2108)."""
    return value.startswith(("978", "979")) and is_valid_isbn(value)


class ResidualCheck:
    """Finds spans that masking left. Not thread-safe."""

    def __init__(self, scanner: PatternScanner, types: Collection[str]) -> None:
        self._scanner = scanner
        self._types = frozenset(types) & _STRUCTURED
        self._signs = Expressions(_SIGNS, name="residual")

    def left(
        self, segments: Sequence[Segment], masked: Sequence[MaskedText], first: Sequence[Sequence[Span]]
    ) -> list[list[Span]]:
        """By text the spans, in the original text, that the `first` pass left."""
        found: list[list[Span]] = [[] for _ in masked]
        # A text without spans is unchanged, so our patterns have scanned it already.
        changed: dict[str, list[int]] = {}
        for n, (one, spans) in enumerate(zip(masked, first, strict=True)):
            if spans:
                changed.setdefault(one.text, []).append(n)
        scanned = self._scanner.scan(list(changed), self._types)
        for numbers, ours in zip(changed.values(), scanned, strict=True):
            hits = [span for span in ours if span.score >= _OWN_SCORE]
            for n in numbers:
                found[n] += hits
        each: dict[tuple[str, bool], list[int]] = {}
        for n, (segment, one) in enumerate(zip(segments, masked, strict=True)):
            each.setdefault((one.text, segment.kind == "user"), []).append(n)
        alike = list(each.items())
        for place, lines in self._suspects([text for text, _ in each]):
            (text, typed), numbers = alike[place]
            hits = self._hits(text, typed, lines)
            for n in numbers:
                found[n] += hits
        return [
            [_original(one, hit) for hit in resolve(hits) if not _is_made(one, hit)] if hits else hits
            for one, hits in zip(masked, found, strict=True)
        ]

    def _suspects(self, each: Sequence[str]) -> list[tuple[int, list[_Stretch]]]:
        """The numbers of the texts that may hold an identifier, and the lines of each that may; in order."""
        texts = Texts(each)
        _, ends = self._signs.hits(texts)
        codes = texts.codes
        # The expressions match ASCII digits only.
        foreign = np.flatnonzero((codes > _ASCII) & (classes_of(codes) == DIGIT)) + 1
        suspects = np.concatenate([ends, foreign])
        lines = np.unique(np.searchsorted(texts.lines, suspects, side="left") - 1)
        numbers = texts.text_of(texts.lines[lines] + 1)
        starts = texts.lines[lines] - texts.begins[numbers]
        ends = texts.lines[lines + 1] - texts.begins[numbers]
        found: dict[int, list[_Stretch]] = {}
        for number, start, end in zip(numbers.tolist(), starts.tolist(), ends.tolist(), strict=True):
            found.setdefault(number, []).append((start, end))
        return list(found.items())

    def _hits(self, text: str, typed: bool, lines: Sequence[_Stretch]) -> list[Span]:
        code = _Code(text)
        hits = list(self._stock_hits(text, code, typed, lines))
        return [*hits, *self._ruthless_hits(text, code)] if typed else hits

    def _stock_hits(self, text: str, code: _Code, typed: bool, lines: Sequence[_Stretch]) -> Iterator[Span]:
        for low, high in _windows(text, lines):
            window = text[low:high]
            for kind, score in _STOCK_SCORES.items():
                if kind not in self._types or (kind == "PHONE_NUMBER" and not typed):
                    continue
                for result in _stock_results(kind, window):
                    start, end = low + result.start, low + result.end
                    if kind == "PHONE_NUMBER" and is_range(text[start:end]):
                        continue
                    if result.score >= score and not _left_on_purpose(text, start, end, kind, code):
                        yield Span(start, end, kind, round(float(result.score), 4))

    def _ruthless_hits(self, text: str, code: _Code) -> Iterator[Span]:
        for kind, expression in (("BANK_ACCOUNT", _LONGEST_NUMBER), ("SECRET", _TOKEN)):
            if kind not in self._types:
                continue
            for match in expression.finditer(text):
                value = match.group()
                if code.holds(match.start()):
                    continue
                if kind == "SECRET" and (not _random(value) or is_public(text, match.start(), match.end())):
                    continue
                if kind == "BANK_ACCOUNT" and (
                    _CLOCK.match(value) or _YEARS.match(value) or len(set(value)) < 4 or _is_isbn(value)
                ):
                    continue
                if kind == "BANK_ACCOUNT" and is_counted(text, match.start(), match.end()):
                    continue
                yield Span(match.start(), match.end(), kind, 0.5)


class _Code:
    """Whether a place of a text is in a code fence or in a line of code; each line is classified once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._fences = [fence.start() for fence in _FENCE.finditer(text)]
        self._lines: dict[int, bool] = {}

    @functools.cached_property
    def _line_ends(self) -> list[int]:
        return [end.start() for end in _LINE_END.finditer(self._text)]

    def holds(self, place: int) -> bool:
        """True if the place is in code."""
        if bisect.bisect_left(self._fences, place) % 2 == 1:
            return True
        ends = self._line_ends
        line = bisect.bisect_left(ends, place)
        known = self._lines.get(line)
        if known is None:
            start = ends[line - 1] + 1 if line else 0
            end = ends[line] if line < len(ends) else len(self._text)
            known = self._lines[line] = is_code_line(self._text[start:end])
        return known


def _stock_results(kind: str, window: str) -> Sequence[Any]:
    """What Presidio's recognizer of a type finds in a window that may have one."""
    if not _NEEDED[kind].search(window):
        return ()
    from transforms.deid.stock_recognizers import stock_recognizer

    return stock_recognizer(kind).analyze(window, [kind], None) or ()


def _windows(text: str, lines: Sequence[_Stretch]) -> Iterator[_Stretch]:
    """Windows around possible identifiers in some lines; Presidio's recognizers are too slow for whole texts.

    No match of the expression spans lines.
    """
    low, high = 0, -1
    for suspect in (match for line in lines for match in _SUSPECT.finditer(text, *line)):
        if suspect.start() - _AROUND > high:
            if high >= 0:
                yield low, high
            low = max(0, suspect.start() - _AROUND)
        high = min(len(text), suspect.end() + _AROUND)
    if high >= 0:
        yield low, high


_UUID = re.compile(UUID_FORM)


def _left_on_purpose(text: str, start: int, end: int, kind: str, code: _Code) -> bool:
    """True for a value that the first pass leaves unmasked on purpose."""
    value = text[start:end]
    if kind == "EMAIL_ADDRESS":
        return is_service_mailbox(value) or "/" in value or is_password_of_url(text, start)
    if kind == "CREDIT_CARD" and any(
        found.start() <= start and end <= found.end()
        for found in _UUID.finditer(text, max(0, start - 36), end + 36)
    ):
        return True
    if kind in ("PHONE_NUMBER", "CREDIT_CARD", "US_SSN") and code.holds(start):
        return True
    if kind in ("PHONE_NUMBER", "US_SSN"):
        digits = re.sub(r"\D", "", value)
        return len(digits) < 9 or not _SEPARATED.search(value.strip()) or _YEARS.match(value) is not None
    return False


def _random(value: str) -> bool:
    kinds = sum(bool(re.search(kind, value)) for kind in (r"[a-z]", r"[A-Z]", r"\d"))
    return kinds == 3 and entropy(value) >= _MIN_ENTROPY and len(re.findall(r"\d", value)) >= 3


def _is_made(made: MaskedText, hit: Span) -> bool:
    """True if more than half of the hit is surrogates."""
    first = bisect.bisect_right(made.places, (hit.start, 0)) - 1
    inside = 0
    for start, end in made.places[max(0, first) :]:
        if start >= hit.end:
            break
        inside += max(0, min(end, hit.end) - max(start, hit.start))
    return inside > 0


def _original(made: MaskedText, hit: Span) -> Span:
    """Maps a hit in the masked text to the span of the original text."""
    before = bisect.bisect_right(made.places, hit.start, key=lambda place: place[1])
    shift = made.spans[before - 1].end - made.places[before - 1][1] if before else 0
    return Span(hit.start + shift, hit.end + shift, hit.type, hit.score)
