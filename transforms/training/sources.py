"""Pieces of program sources without people, as sessions show them: plain, numbered, as a diff, as output of grep.

Sources have few people. Lines that may have one, and listed names, are UNSURE; all else is labelled as nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import xxhash

from transforms.deid.people.line_signs import LineSigns
from transforms.deid.people.listed_names import find_listed_names
from transforms.deid.people.reading import Reading
from transforms.deid.spans import Segment
from transforms.deid.text.word_table import WordTable
from transforms.training.examples import UNSURE
from transforms.training.teachers import strings_of

_Labelled = tuple[str, list[tuple[int, int, str]]]
_LINES = (4, 24)
_LONGEST_LINE = 200
#: Lines that may name a person or an address.
_MAY_NAME = re.compile(
    r"(?i)@|author|copyright|\(c\)|©|maintain|contribut|thank|credit|written by|street|avenue"
)
_IDENTIFIER = re.compile(r"\b(?:[A-Z][a-z]+){2,4}\b")
_ACRONYM = re.compile(r"\b[A-Z]{2,6}\b")


def pieces(files: Sequence[Path], characters: int, random_: random.Random) -> Iterator[_Labelled]:
    """Distinct pieces of some lines of the files, up to a number of characters in total, with labels."""
    found = {piece: file for file in sorted(files) for piece in _cut(file)}
    words, signs, total = WordTable(b"sources"), LineSigns(), 0
    for piece in sorted(found, key=lambda text: xxhash.xxh64_intdigest(text.encode("utf-8", "replace"))):
        text = _shown(piece, found[piece], random_)
        total += len(text)
        if total > characters:
            return
        yield text, _unsure(text, words, signs)


def words_of(texts: Sequence[str]) -> dict[str, list[str]]:
    """The identifiers in Pascal case and the acronyms of the texts, sorted."""
    forms = (("identifier", _IDENTIFIER), ("acronym", _ACRONYM))
    return {name: sorted({one for text in texts for one in form.findall(text)}) for name, form in forms}


def _cut(file: Path) -> Iterator[str]:
    """Pieces of a few lines, of lengths that depend on the file's name alone; of JSON, of its longer strings."""
    lines = [line for one in strings_of(file) if one.count("\n") > 2 for line in one.splitlines()]
    random_ = random.Random(file.name)
    begin = 0
    while begin < len(lines):
        end = begin + random_.randint(*_LINES)
        piece = "\n".join(line[:_LONGEST_LINE] for line in lines[begin:end])
        if len(piece.strip()) > 40:
            yield piece
        begin = end


def _shown(piece: str, file: Path, random_: random.Random) -> str:
    """The piece as a session shows it."""
    lines = piece.split("\n")
    first = random_.randint(1, 900)
    match random_.randint(0, 5):
        case 0:
            return "\n".join(f"{first + n:6}\t{line}" for n, line in enumerate(lines))
        case 1:
            return "\n".join(f"{first + n:>5}→{line}" for n, line in enumerate(lines))
        case 2:
            signs = [random_.choice(" +-") for _ in lines]
            head = f"@@ -{first},{len(lines)} +{first},{len(lines)} @@"
            return "\n".join([head, *(sign + line for sign, line in zip(signs, lines, strict=True))])
        case 3:
            return "\n".join(
                f"{file.parent.name}/{file.name}:{first + n * 3}:{line}"
                for n, line in enumerate(lines)
                if line.strip()
            )
    return piece


def _unsure(text: str, words: WordTable, signs: LineSigns) -> list[tuple[int, int, str]]:
    reading = Reading([[Segment(text, "user")]], words, signs)
    spans = [(span.start, span.end, UNSURE) for span in find_listed_names(reading).spans.get(0, ())]
    begin = 0
    for line in text.split("\n"):
        if _MAY_NAME.search(line):
            spans.append((begin, begin + len(line), UNSURE))
        begin += len(line) + 1
    return spans
