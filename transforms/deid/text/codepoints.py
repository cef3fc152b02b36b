"""A text as an array of its code points, and the class of each: letter, digit, sign or blank."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

BLANK, LETTER, DIGIT, SIGN = range(4)
_BASIC = 0x10000
Codes = npt.NDArray[np.uint32]
Classes = npt.NDArray[np.uint8]


def codes_of(text: str) -> Codes:
    """The code points of a text, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def classes_of(codes: Codes) -> Classes:
    """By code point its class, as in Python's expressions: `[^\\W\\d_]`, `\\d`, `[^\\w\\s]|_`, `\\s`."""
    table = _table()
    if len(codes) == 0 or codes.max() < _BASIC:
        return table[codes]
    classes = table[np.minimum(codes, _BASIC - 1)]
    beyond = np.flatnonzero(codes >= _BASIC)
    characters, which = np.unique(codes[beyond], return_inverse=True)
    classes[beyond] = np.array([_class(chr(code)) for code in characters.tolist()], dtype=np.uint8)[which]
    return classes


def is_in(characters: str) -> npt.NDArray[np.bool_]:
    """A table by code point below 0x10000: true for the given characters."""
    table = np.zeros(_BASIC, dtype=np.bool_)
    table[[ord(character) for character in characters]] = True
    return table


def _class(character: str) -> int:
    if character.isalnum():
        return DIGIT if character.isdecimal() else LETTER
    return BLANK if character.isspace() else SIGN


@functools.cache
def _table() -> Classes:
    return np.array([_class(chr(code)) for code in range(_BASIC)], dtype=np.uint8)
