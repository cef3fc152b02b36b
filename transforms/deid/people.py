"""People in a text: names the lists are sure of, and the windows in which a model has to be asked."""

from __future__ import annotations

import re
from typing import NamedTuple

from transforms.deid.lexicon import first_names, is_clear_first_name, is_common_word, last_names
from transforms.deid.spans import Span

_CAPITALISED = re.compile(r"(?<![\w@#$/\\`._-])[A-ZÀ-ÖØ-ÞŠŽČĆĐŁŚŻ][\w'’-]*[\w](?![\w(=\[\\/]|\.\w|_)")
_CODE_LINE = re.compile(
    r"[{};]\s*$|^\s*(?:[$>#]\s|//|/\*|\*\s|@|import |from \w+ import|def |class |function |const |let |var |return |if \(|"
    r"for \(|while \(|public |private |protected |#include|<\w+|\||\+\s|-\s\w+\(|\[?\d{4}-\d\d-\d\d)|=>|==|!=|&&|\|\||\w\(\)|::|"
    r"\w+\.\w+\(|</|/>|^\s*[\w.-]+\s*[:=]\s*[\[{\"']"
)
_PARTICLES = frozenset(
    ("de da do dos du del della di la le van von der den ter ten bin ibn al el y e").split()
)
_TITLES = frozenset(("mr mrs ms dr prof miss sir madam mx herr frau monsieur madame señor señora").split())
_INTRODUCED = re.compile(
    r"(?:\b(?:[Mm]y (?:full |first )?name(?:'s| is)|[Ii] am called|[Cc]all me|[Tt]his is|[Dd]ear|Hi|Hello|Hey|[Rr]egards,?|"
    r"[Ss]incerely,?|[Tt]hanks,|[Bb]est,|[Cc]heers,|signed,?)\s+|\b(?:Mr|Mrs|Ms|Dr|Prof|Miss|Mx|Herr|Frau)\.?\s+)"
    r"(?P<name>[A-ZÀ-ÞŠŽČĆĐŁŚŻ][\w'’-]+(?: (?:[A-Z]\.|(?:de|van|von|der|la|del|bin|al) (?=[A-ZÀ-Þ])|[A-ZÀ-ÞŠŽ][\w'’-]+)){0,3})"
)
_LOWER_INTRODUCED = re.compile(
    r"\b[Mm]y (?:full )?name(?: is|'s) (?P<name>[a-z][a-z'’-]+(?: [a-z][a-z'’-]+)?)"
)
_WINDOW_WORDS = 10
_MAX_WINDOW = 240
_MAX_RUN = 5


class People(NamedTuple):
    """Spans the lists give, and [start, end) windows for the model."""

    spans: list[Span]
    windows: list[tuple[int, int]]


class _Token(NamedTuple):
    start: int
    end: int
    lower: str


def find_people(text: str, prose: bool = True) -> People:
    """Names in a text. Code lines give only full names that are on the lists, and no windows."""
    spans: list[Span] = []
    windows: list[tuple[int, int]] = []
    fenced, start = False, 0
    for line in text.split("\n"):
        stripped = line.lstrip()
        if stripped.startswith("```"):
            fenced = not fenced
        elif len(stripped) > 2:
            code = not prose or fenced or _CODE_LINE.search(line) is not None
            _line(line, start, code, spans, windows)
        start += len(line) + 1
    return People(spans, windows)


def _line(line: str, offset: int, code: bool, spans: list[Span], windows: list[tuple[int, int]]) -> None:
    if not code:
        spans += _introduced(line, offset)
    unsure: list[tuple[int, int]] = []
    for run in _runs(line):
        run = _trimmed(run, line)
        if not run:
            continue
        score = _list_score(run)
        if score and (len(run) > 1 or not code):
            spans.append(Span(offset + run[0].start, offset + run[-1].end, "PERSON", score))
        elif not code and len(run) <= _MAX_RUN:
            unsure.append((run[0].start, run[-1].end))
    windows += [(offset + start, offset + end) for start, end in _windows(line, unsure)]


def _introduced(line: str, offset: int) -> list[Span]:
    found = []
    for match in _INTRODUCED.finditer(line):
        start, end = match.span("name")
        words = match.group("name").split()
        while words and is_common_word(words[-1]) and not _is_name(words[-1]):
            end -= len(words.pop()) + (1 if words else 0)
        if words and not is_common_word(words[0]):
            found.append(Span(offset + start, offset + end, "PERSON", 0.75))
        elif words and (match.group().lower().startswith(tuple(_TITLES)) or _two_names(words)):
            found.append(Span(offset + start, offset + end, "PERSON", 0.7))
    lower = [m for m in _LOWER_INTRODUCED.finditer(line) if not is_common_word(m.group("name").split()[0])]
    return found + [Span(offset + m.start("name"), offset + m.end("name"), "PERSON", 0.7) for m in lower]


def _two_names(words: list[str]) -> bool:
    return len(words) > 1 and words[0].lower() in first_names() and words[-1].lower() in last_names()


def _is_name(word: str) -> bool:
    lower = word.lower().strip(".,'’")
    return lower in first_names() or lower in last_names()


def _runs(line: str) -> list[list[_Token]]:
    """Capitalised words that stand together, particles and initials allowed between them."""
    runs: list[list[_Token]] = []
    for match in _CAPITALISED.finditer(line):
        word = re.sub(r"['’]s\Z", "", match.group())
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
    while run and run[0].lower in _TITLES:
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
