"""Where a decoder that passes over values nobody reads would take what one that reads all refuses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_ZERO, _E, _PLUS = b"0E+"
_CASE = np.uint8(0xDF)
#: What is looked at together: as much as stays next to the processor, and of what follows, a whole number.
_WINDOW, _FOLLOWING = 1 << 17, 512
#: A number of 309 digits is too great for a float, or one of 210 with an exponent of two digits; 127 in a row
#: fill a whole block of these wherever they begin.
_BLOCK_BYTES, _WORD_BYTES = 64, 8
_ALL_DIGITS = np.frombuffer(b"\1" * _WORD_BYTES, np.uint64)[0]
_BEFORE_NUMBERS = b":,[ \t\r\n"
#: How far back it is looked for all at once, and by byte what may stand in a number and what before one.
_BEHIND = np.arange(1, 9)
_NUMERIC = np.isin(np.arange(256), [*b"0123456789."])
_MAY_PRECEDE = np.isin(np.arange(256), [*_BEFORE_NUMBERS, *b"-"])
#: Of a number with an exponent, its digits before that; with more of them it is not said to be ordinary.
_MOST_DIGITS = 40
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


def may_skip(data: bytes) -> bool:
    """True only if JSON that is skipped in these bytes is refused where JSON that is read would be.

    msgspec checks what it skips but for two things: that it is UTF-8, and that its numbers are not too great.
    """
    if not data.isascii():
        ends = np.array([0, len(data)], np.int64)
        try:
            pa.LargeStringArray.from_buffers(1, pa.py_buffer(ends), pa.py_buffer(data)).validate(full=True)
        except pa.ArrowInvalid:
            return False
    found = np.frombuffer(data, np.uint8)
    return not any(_great_number(found, start) for start in range(0, len(data), _WINDOW))


def _great_number(found: Bytes, start: int) -> bool:
    """Whether one of the numbers that begin in a window may be too great."""
    window = found[start : start + _WINDOW + _FOLLOWING]
    digit = (window - np.uint8(_ZERO)) < 10
    return _long_number(digit) or _great_exponent(found, start, window, digit)


def _long_number(digit: Bools) -> bool:
    whole = len(digit) // _BLOCK_BYTES * _BLOCK_BYTES
    words = digit[:whole].view(np.uint64) == _ALL_DIGITS
    return bool((words.view(np.uint64) == _ALL_DIGITS).any())  # eight words of eight digits each


def _great_exponent(found: Bytes, start: int, window: Bytes, digit: Bools) -> bool:
    """Whether there may be a number with an exponent of three digits; ids and words with an `e` are none."""
    marked = (window[1:] & _CASE) == _E
    marked &= digit[:-1]
    places = np.flatnonzero(marked) + 1
    places = places[places + len("999") < len(window)]
    if not len(places):
        return False
    places = places[_all_at(digit, places + 1 + (window[places + 1] == _PLUS))]
    places = places[~_in_words(window, places)]
    return any(
        _is_number(found[max(0, place - _MOST_DIGITS) : place].tobytes())
        for place in (places + start).tolist()
    )


def _in_words(window: Bytes, places: npt.NDArray[np.int64]) -> Bools:
    """Where the digits before an `e` follow what no number follows, as in most ids; others are looked at."""
    before = window[np.maximum(places[:, None] - _BEHIND, 0)]
    part = _NUMERIC[before]
    first = part.argmin(axis=1)
    rows = np.arange(len(places))
    found: Bools = ~part[rows, first] & ~_MAY_PRECEDE[before[rows, first]] & (places > _BEHIND[-1])
    return found


def _is_number(before: bytes) -> bool:
    """Whether what stands before an `e` is perhaps the whole of a number up to there."""
    start = before.rstrip(b"0123456789.").removesuffix(b"-")
    return not start or start[-1:] in _BEFORE_NUMBERS


def _all_at(digit: Bools, first: npt.NDArray[np.int64]) -> Bools:
    """Whether three digits begin at a place."""
    last = len(digit) - 1
    inside: Bools = first + 2 <= last
    return (
        inside
        & digit[np.minimum(first, last)]
        & digit[np.minimum(first + 1, last)]
        & digit[np.minimum(first + 2, last)]
    )
