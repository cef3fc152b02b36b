"""Where the elements of a JSON array end, for a window of its bytes at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
_STEP = np.zeros(256, np.int64)
_STEP[list(b"[{")], _STEP[list(b"]}")] = 1, -1
_NOTABLE = _STEP != 0
_NOTABLE[[_QUOTE, _BACKSLASH, _COMMA]] = True
_FOLLOWS = np.zeros(256, np.bool_)
_FOLLOWS[list(b",:]} \t\r\n")] = True


def commas_of(window: bytes) -> tuple[list[int], bool]:
    """The places of the commas between elements, where the window begins with an element; and if it is sound.

    Up to the end of the array, of the window, or of what is sound: in JSON no backslash stands outside of a
    string, and behind a string's end only what may follow a value or a name.
    """
    data = np.frombuffer(window, np.uint8)
    places = np.flatnonzero(_NOTABLE[data])
    kinds = data[places]
    escaped = _escaped(places[kinds == _BACKSLASH], len(data))
    quotes = (kinds == _QUOTE) & ~escaped[places]
    outside = np.cumsum(quotes) % 2 == 0
    depth = np.cumsum(np.where(outside, _STEP[kinds], 0))
    between = outside & (kinds == _COMMA) & (depth == 0)
    behind = places[quotes][1::2] + 1  # every second quote ends a string
    behind = behind[behind < len(data)]
    odd = behind[~_FOLLOWS[data[behind]]][:1]
    stops: list[int] = np.searchsorted(places, odd).tolist()
    stops += np.flatnonzero(outside & (kinds == _BACKSLASH))[:1].tolist()
    below = np.flatnonzero(depth < 0)
    sound = not stops or (len(below) > 0 and int(below[0]) < min(stops))
    stops += below[:1].tolist()
    if stops:
        between[min(stops) :] = False
    found: list[int] = places[between].tolist()
    return found, sound


def _escaped(backslashes: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.bool_]:
    """For each byte, whether a backslash escapes it: the first, third, ... of those in a row do so."""
    escaped = np.zeros(size + 1, np.bool_)
    if len(backslashes):
        begins = np.diff(backslashes, prepend=-2) != 1
        first = np.maximum.accumulate(np.where(begins, np.arange(len(backslashes)), 0))
        escaping = (np.arange(len(backslashes)) - first) % 2 == 0
        escaped[backslashes[escaping] + 1] = True
    return escaped
