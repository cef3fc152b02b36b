"""Finds the groups of an array in which a number occurs more than once."""

from __future__ import annotations

import numpy as np

from transforms.shuffle.instants import Ints

#: 2^64 divided by the golden ratio: multiples are well mixed, so groups rarely collide.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
#: The largest group in which each number is compared with all others.
_SMALL = 8


def repeats(group: Ints, numbers: Ints) -> Ints:
    """The groups in which a number may occur more than once: no false negatives, rare false positives.

    `group` is ascending. Numbers of a small group are compared with each other; large groups are sorted.
    """
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1])) if len(group) else np.zeros(0, np.int64)
    size = np.diff(np.append(starts, len(group)))
    big = size > _SMALL
    found = [np.zeros(0, np.int64)]
    if big.any():
        among = np.repeat(big, size)
        found.append(_repeats_sorted(group[among], numbers[among]))
    for apart in range(1, min(int(size.max(initial=0)), _SMALL)):
        same = np.flatnonzero(numbers[apart:] == numbers[:-apart])
        found.append(group[same][group[same] == group[same + apart]])
    return np.unique(np.concatenate(found))


def _repeats_sorted(group: Ints, numbers: Ints) -> Ints:
    mixed = numbers.view(np.uint64) ^ (group.astype(np.uint64) * _SPREAD)
    ordered = np.sort(mixed)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(twice, mixed), len(twice) - 1)
    return np.unique(group[twice[place] == mixed])
