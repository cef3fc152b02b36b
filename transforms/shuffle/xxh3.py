"""XXH3 with a seed over a whole column of short texts: the numbers of `xxhash.xxh3_64_intdigest`, by array.

A call for each of millions of ids, and a Python object for it, takes most of the time of reading them. What
XXH3 does with up to 64 bytes is a few multiplications, and those can be done for all at once. Written after
https://github.com/Cyan4973/xxHash/blob/v0.8.3/doc/xxhash_spec.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

#: The default secret, of which short texts use the first 64 bytes.
_SECRET = np.frombuffer(
    bytes.fromhex(
        "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
        "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    ),
    "<u8",
).tolist()
_LOW = np.uint64(0xFFFFFFFF)
_ALL = (1 << 64) - 1
_HALF = np.uint64(32)
_PRIME_1, _PRIME_2, _PRIME_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_MIX_1, _MIX_2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
_LONGEST = 64
#: Texts at once: what is made of them stays in the cache of a core.
_AT_ONCE = 8_192


def xxh3_64(data: bytes | memoryview, begins: Places, lengths: Places, seed: int) -> Numbers:
    """The number of each text of `data`, given by its place and its length in bytes."""
    found = np.empty(len(begins), np.uint64)
    for first in range(0, len(begins), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        found[part] = _some(_Bytes(data), begins[part], lengths[part], seed)
    return found


class _Bytes:
    """Bytes read as little-endian numbers of any place."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = memoryview(data)

    def at(self, places: Places, kind: str = "<u8") -> Numbers:
        size = np.dtype(kind).itemsize
        numbers: npt.NDArray[Any] = np.ndarray(
            max(0, len(self.data) - size + 1), kind, self.data, strides=(1,)
        )
        found: Numbers = numbers[places].astype(np.uint64)
        return found


def _some(data: _Bytes, begins: Places, lengths: Places, seed: int) -> Numbers:
    found = np.empty(len(begins), np.uint64)
    for least, most, number in _BY_LENGTH:
        chosen = np.flatnonzero((lengths >= least) & (lengths <= most))
        if len(chosen) == len(begins):
            return number(data, begins, lengths, seed)
        if len(chosen):
            found[chosen] = number(data, begins[chosen], lengths[chosen], seed)
    for place in np.flatnonzero((lengths < 1) | (lengths > _LONGEST)).tolist():
        begin = int(begins[place])
        found[place] = xxhash.xxh3_64_intdigest(data.data[begin : begin + int(lengths[place])], seed)
    return found


def _of_3(data: _Bytes, begins: Places, lengths: Places, seed: int) -> Numbers:
    first, middle = data.at(begins, "u1"), data.at(begins + (lengths >> 1), "u1")
    last = data.at(begins + lengths - 1, "u1")
    size = lengths.astype(np.uint64)
    number: Numbers = first << np.uint64(16) | middle << np.uint64(24) | last | size << np.uint64(8)
    number ^= _word((_SECRET[0] ^ _SECRET[0] >> 32) & 0xFFFFFFFF, seed)
    number ^= number >> np.uint64(33)
    number *= np.uint64(_PRIME_2)
    number ^= number >> np.uint64(29)
    number *= np.uint64(_PRIME_3)
    return number ^ number >> _HALF


def _of_8(data: _Bytes, begins: Places, lengths: Places, seed: int) -> Numbers:
    seed ^= int.from_bytes((seed & 0xFFFFFFFF).to_bytes(4, "little"), "big") << 32
    number = data.at(begins, "<u4") << _HALF
    number += data.at(begins + lengths - 4, "<u4")
    number ^= _word(_SECRET[1] ^ _SECRET[2], -seed)
    number ^= _turned(number, 49) ^ _turned(number, 24)
    number *= np.uint64(_MIX_2)
    number ^= (number >> np.uint64(35)) + lengths.astype(np.uint64)
    number *= np.uint64(_MIX_2)
    return number ^ number >> np.uint64(28)


def _of_16(data: _Bytes, begins: Places, lengths: Places, seed: int) -> Numbers:
    low = data.at(begins) ^ _word(_SECRET[3] ^ _SECRET[4], seed)
    high = data.at(begins + lengths - 8) ^ _word(_SECRET[5] ^ _SECRET[6], -seed)
    return _avalanche(lengths.astype(np.uint64) + low.byteswap() + high + _folded(low, high))


def _of_64(data: _Bytes, begins: Places, lengths: Places, seed: int) -> Numbers:
    """Sixteen bytes at a time from both ends towards the middle, as far as the text goes."""
    total = lengths.astype(np.uint64) * np.uint64(_PRIME_1)
    for step in range(2):
        rows = np.flatnonzero(lengths > 32 * step) if step else slice(None)
        front = begins[rows] + 16 * step
        back = begins[rows] + lengths[rows] - 16 * (step + 1)
        total[rows] += _mixed(data, front, 4 * step, seed) + _mixed(data, back, 4 * step + 2, seed)
    return _avalanche(total)


def _mixed(data: _Bytes, places: Places, secret: int, seed: int) -> Numbers:
    low = data.at(places) ^ _word(_SECRET[secret], seed)
    return _folded(low, data.at(places + 8) ^ _word(_SECRET[secret + 1], -seed))


def _folded(one: Numbers, other: Numbers) -> Numbers:
    """The product of both in 128 bits, its halves in one by exclusive or."""
    one_low, one_high, low, high = one & _LOW, one >> _HALF, other & _LOW, other >> _HALF
    across = one_high * low
    carried = (one_low * low >> _HALF) + (across & _LOW) + one_low * high
    folded: Numbers = (across >> _HALF) + (carried >> _HALF) + one_high * high ^ one * other
    return folded


def _avalanche(number: Numbers) -> Numbers:
    number ^= number >> np.uint64(37)
    number *= np.uint64(_MIX_1)
    return number ^ number >> _HALF


def _turned(number: Numbers, bits: int) -> Numbers:
    turned: Numbers = number << np.uint64(bits) | number >> np.uint64(64 - bits)
    return turned


def _word(secret: int, seed: int) -> np.uint64:
    return np.uint64((secret + seed) & _ALL)


_Number = Callable[[_Bytes, Places, Places, int], Numbers]
_BY_LENGTH: tuple[tuple[int, int, _Number], ...] = (
    (1, 3, _of_3),
    (4, 8, _of_8),
    (9, 16, _of_16),
    (17, _LONGEST, _of_64),
)
