"""Where the elements of a JSON array end, for a window of bytes at once.

With NumPy, because matching byte by byte with a regular expression takes 12 times as long (29 MB: 0.11 s
against 1.31 s). It also finds the quotes and backslashes of a damaged element, which tell the caller to
search for the next element.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
#: Without this bit `[` and `{` are one byte, and so are `]` and `}`.
_CURLY = np.uint8(0x20)
_OPEN, _CLOSE = b"[]"
_PIECE = 1 << 17
_STEP = np.zeros(256, np.int32)
_STEP[list(b"[{")], _STEP[list(b"]}")] = 1, -1
_FOLLOWS = np.zeros(256, np.bool_)
_FOLLOWS[list(b",:]} \t\r\n")] = True


def element_ends(window: bytes) -> tuple[list[int], bool]:
    """The offsets of the commas between elements, and whether the window is well formed.

    The window begins with an element. Offsets are returned up to the end of the array, of the window, or of
    its well-formed part: in JSON a backslash occurs only in strings, and a string is followed by white space,
    a comma, a colon or a closing bracket.
    """
    data = np.frombuffer(window, np.uint8)
    places = _notable(data)
    kinds = data[places]
    quotes = kinds == _QUOTE
    backslashes = kinds == _BACKSLASH
    if backslashes.any():
        quotes &= ~_escaped(places[backslashes], len(data))[places]
    outside = (np.cumsum(quotes, dtype=np.int32) & 1) == 0
    behind = places[quotes][1::2] + 1  # every second quote ends a string
    behind = behind[behind < len(data)]
    stops = [*behind[~_FOLLOWS[data[behind]]][:1], *places[outside & backslashes][:1]]
    structural = np.flatnonzero(outside & ~quotes)
    kinds, places = kinds[structural], places[structural]
    depth = np.cumsum(_STEP[kinds], dtype=np.int32)
    between = (kinds == _COMMA) & (depth == 0)
    ends = places[depth < 0][:1]
    well_formed = not stops or (len(ends) > 0 and ends[0] < min(stops))
    if len(ends) or stops:
        between &= places < min([*ends, *stops])
    found: list[int] = places[between].tolist()
    return found, well_formed


def _notable(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The offsets of brackets, commas, quotes and backslashes.

    Compares pieces that fit the processor's cache: a lookup table takes twice as long.
    """
    found = []
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE]
        flat = piece & ~_CURLY
        marked = (flat == _OPEN) | (flat == _CLOSE)
        for kind in (_QUOTE, _BACKSLASH, _COMMA):
            marked |= piece == kind
        found.append(np.flatnonzero(marked) + start)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _escaped(backslashes: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.bool_]:
    """For each byte, whether a backslash escapes it: the first, third, ... of several in a row do."""
    escaped = np.zeros(size + 1, np.bool_)
    begins = np.diff(backslashes, prepend=-2) != 1
    first = np.maximum.accumulate(np.where(begins, np.arange(len(backslashes)), 0))
    escaping = (np.arange(len(backslashes)) - first) % 2 == 0
    escaped[backslashes[escaping] + 1] = True
    return escaped
