"""Places of many values in a text, found in one pass (Aho and Corasick 1975), whatever their number."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from ahocorasick_rs import BytesAhoCorasick


def places_of(text: str, values: Collection[str]) -> Iterator[tuple[str, int]]:
    """Every value (none is empty) with every place where it begins, in code points; matches may overlap.

    The search runs on bytes: the library refuses strings with lone surrogates, which JSON can escape.
    """
    distinct = list(set(values))
    data = text.encode("utf-8", "surrogatepass")
    patterns = [value.encode("utf-8", "surrogatepass") for value in distinct]
    matches = BytesAhoCorasick(patterns).find_matches_as_indexes(data, overlapping=True)
    if len(data) == len(text):
        for value, begin, _ in matches:
            yield distinct[value], begin
        return
    # By byte, how many code points begin before it: bytes 0x80 to 0xBF continue a code point.
    first_bytes = (np.frombuffer(data, dtype=np.uint8) & 0xC0) != 0x80
    code_points = np.cumsum(first_bytes) - first_bytes
    for value, begin, _ in matches:
        yield distinct[value], int(code_points[begin])
