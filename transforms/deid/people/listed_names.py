"""People on the lists of names, and capitalised words that a model has to decide."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from transforms.deid.evidence import FITTING, FORM, LIKELY, WEAK
from transforms.deid.people.lexicon import (
    PARTICLES,
    TITLES,
    first_names,
    is_clear_first_name,
    is_common_word,
    last_names,
)
from transforms.deid.people.line_signs import CODE, MENTIONED, MENTIONS
from transforms.deid.people.name_phrases import mentioned, without_possessive
from transforms.deid.people.places import names_a_place, names_a_thing
from transforms.deid.people.reading import Mask, Reading
from transforms.deid.spans import Span
from transforms.deid.text.casing import CAPITALS
from transforms.deid.text.word_table import COMMON, LISTED

_CAPITALISED = re.compile(rf"(?<![\w@#$/\\`._-])[{CAPITALS}][\w'’-]*[\w](?![\w(=\[\\/]|\.\w|_)")
_INITIALS = re.compile(r" (?:[A-Z]\.? ){1,2}")
_WINDOW_WORDS = 10
_MAX_WINDOW = 240
#: Longer windows are not merged: a model needs some 3 kB of memory a character.
_MAX_MERGED = 8_192
_MAX_RUN = 5
#: A full name has at most so many words; a given name alone has more letters than `_SHORT`.
_MOST_WORDS = 4
_SHORT = 3
#: The greatest distance in tokens between two words of a name, with particles and initials between them.
_RUN_REACH = 6


class UnlistedNames(NamedTuple):
    """Runs of capitalised words [start, end) of a line of prose that are not on the lists, and the line's
    bounds.
    """

    line: int
    line_end: int
    runs: list[tuple[int, int]]


class ListedNames(NamedTuple):
    """By text the people found by lists and phrases, and the runs left to a model; places in the text."""

    spans: dict[int, list[Span]]
    unsure: dict[int, list[UnlistedNames]]


class _Token(NamedTuple):
    start: int
    end: int
    lower: str


def find_listed_names(reading: Reading) -> ListedNames:
    """Names in texts. In code lines only full names on the lists are found, and no runs are left to a
    model.
    """
    found = ListedNames({}, {})
    for number, line, offset, ways in _lines_with_phrases(reading):
        found.spans.setdefault(number, []).extend(mentioned(line, offset, ways))
    for number, line, offset, code, starts in _lines_with_names(reading):
        _line(
            line,
            offset,
            code,
            starts,
            found.spans.setdefault(number, []),
            found.unsure.setdefault(number, []),
        )
    return found


def windows_of(text: str, unsure: list[UnlistedNames]) -> list[tuple[int, int]]:
    """[start, end) of some ten words around each run, for a model; within lines, in order.

    Windows that touch are merged up to 8,192 characters. Beyond, they overlap: each run keeps its ten words.
    """
    windows: list[tuple[int, int]] = []
    for one in unsure:
        line = text[one.line : one.line_end]
        windows += [(one.line + start, one.line + end) for start, end in _windows(line, one.runs)]
    return windows


def _lines_with_phrases(reading: Reading) -> Iterator[tuple[int, str, int, list[int]]]:
    """Lines of prose that may contain a phrase: text, line, its place in the text, and the kinds of
    phrase.
    """
    texts, flags = reading.texts, reading.line_flags
    lines = np.flatnonzero(((flags & MENTIONED) != 0) & ((flags & CODE) == 0))
    for line, number, flag in zip(
        lines.tolist(), texts.text_of(texts.lines[lines] + 1).tolist(), flags[lines].tolist(), strict=True
    ):
        begin, end = int(texts.lines[line]), int(texts.lines[line + 1]) - 1
        ways = [way for way, sign in enumerate(MENTIONS) if flag & sign]
        yield number, texts.whole[begin:end], begin - int(texts.begins[number]), ways


def _lines_with_names(reading: Reading) -> Iterator[tuple[int, str, int, bool, list[int]]]:
    """Lines in which capitalised words may be a name: text, line, its place, whether it is code, where they
    begin.
    """
    tokens, texts = reading.tokens, reading.texts
    capital = np.flatnonzero(reading.capitals & _may_be_of_a_run(reading))
    lines, firsts, counts = np.unique(tokens.lines[capital], return_index=True, return_counts=True)
    begins = texts.lines[lines]
    numbers = texts.text_of(begins + 1)
    words = (tokens.starts[capital] - np.repeat(begins, counts)).tolist()
    for number, begin, end, offset, code, low, count in zip(
        numbers.tolist(),
        begins.tolist(),
        texts.lines[lines + 1].tolist(),
        (begins - texts.begins[numbers]).tolist(),
        ((reading.line_flags[lines] & CODE) != 0).tolist(),
        firsts.tolist(),
        counts.tolist(),
        strict=True,
    ):
        yield number, texts.whole[begin : end - 1], offset, code, words[low : low + count]


def _may_be_of_a_run(reading: Reading) -> Mask:
    """By token whether it is close to an uncommon capitalised word, or to two capitalised words on the
    lists.
    """
    flags, capital = reading.flags, reading.capitals
    listed = (capital & ((flags & LISTED) != 0)).astype(np.int32)
    sums = np.concatenate([np.zeros(1, dtype=np.int32), np.cumsum(listed)])
    place = np.arange(len(listed))
    near = sums[np.minimum(place + _RUN_REACH + 1, len(listed))] - sums[np.maximum(place - _RUN_REACH, 0)]
    return reading.around(capital & (((flags & COMMON) == 0) | (near >= 2)), _RUN_REACH)


def _line(
    line: str, offset: int, code: bool, starts: list[int], spans: list[Span], unsure: list[UnlistedNames]
) -> None:
    doubtful: list[tuple[int, int]] = []
    for run in itertools.chain.from_iterable(map(_parted, _runs(line, starts))):
        run = _trimmed(run, line)
        if not run or names_a_place(line, run[0].start, run[-1].end):
            continue
        if names_a_thing(line, run[0].start, run[-1].end):
            continue
        score = _list_score(run)
        if score and (len(run) > 1 or not code):
            spans.append(Span(offset + run[0].start, offset + run[-1].end, "PERSON", score))
        elif not code and len(run) <= _MAX_RUN and run[-1].end - run[0].start <= _MAX_MERGED:
            doubtful.append((run[0].start, run[-1].end))
    if doubtful:
        unsure.append(UnlistedNames(offset, offset + len(line), doubtful))


def _runs(line: str, starts: list[int]) -> list[list[_Token]]:
    """Runs of adjacent capitalised words; particles and initials may be between them."""
    runs: list[list[_Token]] = []
    done = end = 0
    for start in starts:
        match = _CAPITALISED.match(line, start) if start >= done else None
        if match is None:
            continue
        done = match.end()
        word = without_possessive(match.group())
        token = _Token(start, start + len(word), word.lower())
        gap = line[end:start] if runs else ""
        if runs and (gap == " " or (len(gap) < 14 and _joins(gap))):
            runs[-1].append(token)
        else:
            runs.append([token])
        end = token.end
    return runs


def _parted(run: list[_Token]) -> list[list[_Token]]:
    """A long run in parts that each begin with a given name: full names that follow each other without a sign."""
    if len(run) < 4:
        return [run]
    parts = [[run[0]]]
    for before, token in itertools.pairwise(run):
        if before.lower in last_names() and _first_ok(token) and len(parts[-1]) > 1:
            parts.append([token])
        else:
            parts[-1].append(token)
    return parts


def _joins(gap: str) -> bool:
    if not (gap[:1] == " " == gap[-1:]) or not gap.strip():
        return False
    return _INITIALS.fullmatch(gap) is not None or all(word in PARTICLES for word in gap.lower().split())


def _trimmed(run: list[_Token], line: str) -> list[_Token]:
    """A run without titles and common words at its ends, unless they form a listed name."""
    while run and run[0].lower in TITLES:
        run = run[1:]
    while run and is_common_word(run[0].lower) and not _spelt_like_a_name(run):
        run = run[1:]
    while run and is_common_word(run[-1].lower) and not _spelt_like_a_name(run):
        run = run[:-1]
    return [] if len(run) == 1 and len(line[run[0].start : run[0].end]) < 3 else run


def _spelt_like_a_name(run: list[_Token]) -> bool:
    """True for a listed given name and family name, even if they are common words."""
    return 2 <= len(run) <= 3 and run[0].lower in first_names() and run[-1].lower in last_names()


def _first_ok(token: _Token) -> bool:
    return any(is_clear_first_name(part) for part in re.split(r"[-']", token.lower))


def _list_score(run: list[_Token]) -> float:
    """The score of a run by the lists alone, 0 if it is not a person."""
    first, last = run[0], run[-1]
    if len(run) == 1:
        return WEAK if _first_ok(first) and len(first.lower) > _SHORT else 0.0
    if len(run) <= _MOST_WORDS and _first_ok(first):
        return FORM if any(part in last_names() for part in (last.lower, *last.lower.split("-"))) else LIKELY
    if _spelt_like_a_name(run) and not all(is_common_word(token.lower) for token in run):
        return FITTING
    reversed_name = len(run) == 2 and first.lower in last_names() and _first_ok(last)
    return LIKELY if reversed_name else 0.0


def _windows(line: str, unsure: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in unsure:
        low = _words_back(line, start)
        high = _words_on(line, end)
        if merged and low <= merged[-1][1] and high - merged[-1][0] <= _MAX_MERGED:
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
