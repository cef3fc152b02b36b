"""Where the elements of a JSON array end, for a window of its bytes at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
_STEP = np.zeros(256, np.int64)
_STEP[list(b"[{")], _STEP[list(b"]}")] = 1, -1
_NOTABLE = _STEP != 0
_NOTABLE[[_QUOTE, _BACKSLASH, _COMMA]] = True


def commas_of(window: bytes) -> list[int] | None:
    """The places of the commas between elements, where the window begins with an element.

    Up to the end of the array or of the window. None where a backslash stands outside of any string, which no
    JSON has and which leaves open what is a string.
    """
    data = np.frombuffer(window, np.uint8)
    places = np.flatnonzero(_NOTABLE[data])
    kinds = data[places]
    escaped = _escaped(places[kinds == _BACKSLASH], len(data))
    quotes = (kinds == _QUOTE) & ~escaped[places]
    outside = np.cumsum(quotes) % 2 == 0
    if (outside & (kinds == _BACKSLASH)).any():
        return None
    depth = np.cumsum(np.where(outside, _STEP[kinds], 0))
    below = np.flatnonzero(depth < 0)
    between = outside & (kinds == _COMMA) & (depth == 0)
    if len(below):
        between[below[0] :] = False
    found: list[int] = places[between].tolist()
    return found


def _escaped(backslashes: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.bool_]:
    """For each byte, whether a backslash escapes it: the first, third, ... of those in a row do so."""
    escaped = np.zeros(size + 1, np.bool_)
    if len(backslashes):
        begins = np.diff(backslashes, prepend=-2) != 1
        first = np.maximum.accumulate(np.where(begins, np.arange(len(backslashes)), 0))
        escaping = (np.arange(len(backslashes)) - first) % 2 == 0
        escaped[backslashes[escaping] + 1] = True
    return escaped
