"""Where any of many values stands in a text: in time that grows with the text, not with their number.

All stretches of a value's length are digested; a table of bits says which may be of a value, and those are
compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from transforms.deid.text.codepoints import codes_of
from transforms.deid.text.polynomials import Digests, inverse_powers_of, powers_of, running_sums

_BLOCK = 1 << 17
_BASE = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xBF58476D1CE4E5B9)
#: So many bits of the table for each value.
_BITS_A_VALUE = 64


def places_of(text: str, values: Collection[str]) -> Iterator[tuple[str, int]]:
    """Every value (none is empty) with every place where it begins, overlapping ones too."""
    by_length: dict[int, set[str]] = {}
    for value in values:
        by_length.setdefault(len(value), set()).add(value)
    if not by_length:
        return
    longest = max(by_length)
    powers = powers_of(_BASE, _BLOCK + longest)
    inverses = inverse_powers_of(_BASE, _BLOCK + longest)
    tables = {length: _table(some, length, powers) for length, some in by_length.items()}
    codes = codes_of(text)
    for begin in range(0, len(codes), _BLOCK):
        block = codes[begin : begin + _BLOCK + longest - 1]
        sums = running_sums(block, powers)
        for length, (table, shift) in tables.items():
            count = min(_BLOCK, len(block) - length + 1)
            if count <= 0:
                continue
            digests = (sums[length : length + count] - sums[:count]) * inverses[:count]
            for place in (begin + np.flatnonzero(table[_slots(digests, shift)])).tolist():
                value = text[place : place + length]
                if value in by_length[length]:
                    yield value, place


def _table(values: Collection[str], length: int, powers: Digests) -> tuple[npt.NDArray[np.bool_], np.uint64]:
    """Bits by digest, set for the values' own; and how far a digest is shifted to give its bit."""
    bits = max(16, (len(values) * _BITS_A_VALUE).bit_length())
    shift = np.uint64(64 - bits)
    codes = codes_of("".join(values)).reshape(len(values), length)
    digests = ((codes + np.uint32(1)) * powers[:length]).sum(axis=1, dtype=np.uint64)
    table = np.zeros(1 << bits, dtype=np.bool_)
    table[_slots(digests, shift)] = True
    return table, shift


def _slots(digests: Digests, shift: np.uint64) -> npt.NDArray[np.int64]:
    slots: npt.NDArray[np.int64] = (((digests ^ (digests >> np.uint64(32))) * _MIX) >> shift).astype(np.int64)
    return slots
