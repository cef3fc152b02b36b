"""People in a text: names the lists are sure of, and the windows in which a model has to be asked."""

from __future__ import annotations

import re
from typing import NamedTuple

from transforms.deid.lexicon import first_names, is_clear_first_name, is_common_word, last_names
from transforms.deid.mentions import TITLES, mentioned, without_possessive
from transforms.deid.spans import Span

_CAPITALISED = re.compile(r"(?<![\w@#$/\\`._-])[A-ZÀ-ÖØ-ÞŠŽČĆĐŁŚŻ][\w'’-]*[\w](?![\w(=\[\\/]|\.\w|_)")
_CODE_LINE = re.compile(
    r"[{};]\s*$|^\s*(?:[$>#]\s|//|/\*|\*\s|@[\w.]+\s*(?:\(|$)|import |from \w+ import|def |class |function |const |let |var |return |if \(|"
    r"for \(|while \(|public |private |protected |#include|<\w+|\||\+\s|-\s\w+\(|\[?\d{4}-\d\d-\d\d)|=>|==|!=|&&|\|\||\w\(\)|::|"
    r"\w\.\w{1,60}\(|</|/>|^\s*[\w.-]+\s*[:=]\s*[\[{\"']"
)
_PARTICLES = frozenset(
    ("de da do dos du del della di la le van von der den ter ten bin ibn al el y e").split()
)
#: A house number or a postcode beside words.
_ADDRESS_SIGN = re.compile(
    r"(?<![\w.:/-])\d{1,5}[A-Za-z]?,? [^\W\d_]{3}|(?<![^\W\d_])[^\W\d_]{3,40},? (?:nº )?\d{1,5}[A-Za-z]?(?![\w.:%-])"
)
_MAX_PIECE = 4_000
_WINDOW_WORDS = 10
_MAX_WINDOW = 240
_MAX_RUN = 5


class People(NamedTuple):
    """Spans the lists give, [start, end) windows for a spaCy model, and pieces of whole lines for the small one.

    A piece is (start, end, code): the lines of code are told apart, for there the small model has to be surer.
    """

    spans: list[Span]
    windows: list[tuple[int, int]]
    pieces: list[tuple[int, int, bool]]


class _Token(NamedTuple):
    start: int
    end: int
    lower: str


def find_people(text: str, prose: bool = True, informal: bool = True) -> People:
    """Names in a text. Code lines give only full names that are on the lists, and no windows.

    In an `informal` text every line of prose is a piece: there people are written in lower case, too.
    """
    spans: list[Span] = []
    windows: list[tuple[int, int]] = []
    pieces: list[tuple[int, int, bool]] = []
    fenced, start = False, 0
    for line in text.split("\n"):
        stripped = line.lstrip()
        if stripped.startswith("```"):
            fenced = not fenced
        elif len(stripped) > 2:
            code = not prose or fenced or is_code_line(line)
            if _line(line, start, code, spans, windows, informal):
                end = start + len(line)
                if (
                    pieces
                    and pieces[-1][1] == start - 1
                    and pieces[-1][2] == code
                    and end - pieces[-1][0] < _MAX_PIECE
                ):
                    pieces[-1] = (pieces[-1][0], end, code)
                else:
                    pieces.append((start, end, code))
        start += len(line) + 1
    return People(spans, windows, pieces)


def is_code_line(line: str) -> bool:
    """True for a line that looks like source code, a log or a table."""
    return _CODE_LINE.search(line) is not None


def _line(
    line: str, offset: int, code: bool, spans: list[Span], windows: list[tuple[int, int]], informal: bool
) -> bool:
    """Adds what the line gives; True if the small model should read it."""
    if not code:
        spans += mentioned(line, offset)
    unsure: list[tuple[int, int]] = []
    named = False
    for run in _runs(line):
        run = _trimmed(run, line)
        if not run:
            continue
        named = named or not code or any(_may_be_name(token) for token in run)
        score = _list_score(run)
        if score and (len(run) > 1 or not code):
            spans.append(Span(offset + run[0].start, offset + run[-1].end, "PERSON", score))
        elif not code and len(run) <= _MAX_RUN:
            unsure.append((run[0].start, run[-1].end))
    windows += [(offset + start, offset + end) for start, end in _windows(line, unsure)]
    return named or _ADDRESS_SIGN.search(line) is not None or (informal and not code)


def _may_be_name(token: _Token) -> bool:
    return (token.lower in first_names() or token.lower in last_names()) and not is_common_word(token.lower)


def _runs(line: str) -> list[list[_Token]]:
    """Capitalised words that stand together, particles and initials allowed between them."""
    runs: list[list[_Token]] = []
    for match in _CAPITALISED.finditer(line):
        word = without_possessive(match.group())
        token = _Token(match.start(), match.start() + len(word), word.lower())
        gap = line[runs[-1][-1].end : token.start] if runs else ""
        joined = runs and (
            gap == " "
            or re.fullmatch(r" (?:[A-Z]\.? ){1,2}", gap)
            or (
                len(gap) < 14
                and gap[:1] == " " == gap[-1:]
                and all(w in _PARTICLES for w in gap.lower().split())
                and gap.strip()
            )
        )
        if joined:
            runs[-1].append(token)
        else:
            runs.append([token])
    return runs


def _trimmed(run: list[_Token], line: str) -> list[_Token]:
    """A run without the titles and common words at its ends, unless a name is spelt with them."""
    while run and run[0].lower in TITLES:
        run = run[1:]
    while run and is_common_word(run[0].lower) and not _spelt_like_a_name(run):
        run = run[1:]
    while run and is_common_word(run[-1].lower) and not _spelt_like_a_name(run):
        run = run[:-1]
    return [] if len(run) == 1 and len(line[run[0].start : run[0].end]) < 3 else run


def _spelt_like_a_name(run: list[_Token]) -> bool:
    """True for a given and a family name from the lists, ordinary words though they may be."""
    return 2 <= len(run) <= 3 and run[0].lower in first_names() and run[-1].lower in last_names()


def _first_ok(token: _Token) -> bool:
    return any(is_clear_first_name(part) for part in re.split(r"[-']", token.lower))


def _list_score(run: list[_Token]) -> float:
    """How sure the lists are that a run is a person: 0 for not at all."""
    if 2 <= len(run) <= 4 and _first_ok(run[0]):
        known = run[-1].lower in last_names() or any(p in last_names() for p in run[-1].lower.split("-"))
        return 0.85 if known else 0.7
    if _spelt_like_a_name(run) and not all(is_common_word(token.lower) for token in run):
        return 0.75
    if len(run) == 2 and run[0].lower in last_names() and _first_ok(run[1]):
        return 0.7
    if len(run) == 1 and _first_ok(run[0]) and len(run[0].lower) > 3:
        return 0.6
    return 0.0


def _windows(line: str, unsure: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in unsure:
        low = _words_back(line, start)
        high = _words_on(line, end)
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return merged


def _words_back(line: str, at: int) -> int:
    floor = max(0, at - _MAX_WINDOW)
    for _ in range(_WINDOW_WORDS):
        found = line.rfind(" ", floor, max(floor, at - 1))
        if found < 0:
            return floor
        at = found
    return at + 1


def _words_on(line: str, at: int) -> int:
    ceiling = min(len(line), at + _MAX_WINDOW)
    for _ in range(_WINDOW_WORDS):
        found = line.find(" ", at + 1, ceiling)
        if found < 0:
            return ceiling
        at = found
    return at
