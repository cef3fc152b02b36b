"""Polynomial digests of stretches of a text as differences of running sums (Karp and Rabin 1987)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.deid.text.codepoints import Codes

Digests = npt.NDArray[np.uint64]


def powers_of(base: int, count: int) -> Digests:
    """The first powers of a base, from 1 on."""
    powers = np.full(count, base, dtype=np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


def inverse_powers_of(base: int, count: int) -> Digests:
    """The powers of an odd base's inverse: they move what begins further on to the beginning."""
    return powers_of(pow(base, -1, 1 << 64), count)


def running_sums(codes: Codes, powers: Digests) -> Digests:
    """By place the polynomial of all code points before it."""
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum((codes + np.uint32(1)) * powers[: len(codes)], out=sums[1:])
    return sums
