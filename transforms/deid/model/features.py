"""Features of a token for the small model: rows of its table for a word, a run of digits or a sign."""

from __future__ import annotations

import functools

import xxhash

from transforms.deid.people.lexicon import trained_first_names, trained_last_names
from transforms.deid.people.word_lists import frequency_of, word_lists
from transforms.deid.text.texts import GAPS

_MAX_WORD = 32

#: How many rows each feature has in the model's table, in the order of `feature_rows`.
VOCABULARY = 20_000
_AFFIXES = 6_000
_SHAPES = 64
_LEXICON = 64
FEATURES = 6
PAD = 0
UNKNOWN = 1
WORDS_AT = 2
PREFIXES_AT = WORDS_AT + VOCABULARY
SUFFIXES_AT = PREFIXES_AT + _AFFIXES
ENDINGS_AT = SUFFIXES_AT + _AFFIXES
SHAPES_AT = ENDINGS_AT + _AFFIXES
LEXICON_AT = SHAPES_AT + _SHAPES
GAPS_AT = LEXICON_AT + _LEXICON
ROWS = GAPS_AT + GAPS


def feature_rows(word: str) -> tuple[int, ...]:
    """The rows of the table that add up to a token's vector, without that of its gap."""
    word = word[:_MAX_WORD]
    lower = "0" * min(len(word), 8) if word[0].isdigit() else word.lower()
    return (
        _vocabulary().get(lower, UNKNOWN),
        PREFIXES_AT + _bucket(lower[:3], _AFFIXES),
        SUFFIXES_AT + _bucket(lower[-3:], _AFFIXES),
        ENDINGS_AT + _bucket(f"{lower[:1]}{lower[-2:]}{min(len(lower), 12)}", _AFFIXES),
        SHAPES_AT + _shape(word),
        LEXICON_AT + _listed(lower),
    )


def _bucket(text: str, size: int) -> int:
    return int(xxhash.xxh32_intdigest(text.encode("utf-8", "surrogatepass")) % size)


def _shape(word: str) -> int:
    length = min(len(word), 7)
    if word[0].isdigit():
        kind = 0
    elif not word[0].isalpha():
        kind = 1
    elif not word.isascii() and word.lower() == word.upper():
        kind = 2
    elif word.islower():
        kind = 3
    elif word.isupper():
        kind = 4
    elif word[0].isupper() and word[1:].islower():
        kind = 5
    elif word[0].isupper():
        kind = 6
    else:
        kind = 7
    return kind * 8 + length


def _listed(lower: str) -> int:
    """On the lists of given or family names, and how frequent a word it is."""
    return (lower in trained_first_names()) + 2 * (lower in trained_last_names()) + 4 * frequency_of(lower)


@functools.cache
def _vocabulary() -> dict[str, int]:
    words = [word for word in word_lists().frequent[: VOCABULARY * 2] if word.isalpha()]
    signs = [*"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", *("0" * n for n in range(1, 9))]
    return {word: WORDS_AT + place for place, word in enumerate([*signs, *words][:VOCABULARY])}
