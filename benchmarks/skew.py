"""Simulations for `benchmarks.plan`: sessions of users in buckets, and units of work on workers."""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Iterable, Sequence

import numpy as np

#: Users that are placed one by one, heaviest first; the others are placed as a whole, by mean and variance.
_PLACED = 1_000_000


@dataclasses.dataclass(frozen=True)
class Users:
    """Sessions by user, heaviest first: the user of rank r has `scale` * (r + `offset`) ** -`exponent`."""

    users: int
    exponent: float
    offset: float
    scale: float

    def of_ranks(self, ranks: np.ndarray) -> np.ndarray:
        """Sessions of the users of these ranks, from 1."""
        return np.asarray(self.scale * (ranks + self.offset) ** -self.exponent)

    def total(self, power: int = 1, after: int = 0) -> float:
        """The sum of sessions ** power over the users after rank `after`."""
        first = np.arange(after + 1, min(self.users, after + _PLACED) + 1, dtype=float)
        exact = float((self.of_ranks(first) ** power).sum())
        start, end = after + len(first) + 0.5 + self.offset, self.users + 0.5 + self.offset
        if end <= start:
            return exact
        slope = 1 - self.exponent * power
        integral = np.log(end / start) if abs(slope) < 1e-9 else (end**slope - start**slope) / slope
        return exact + self.scale**power * float(integral)


def heavy_tailed(users: int, sessions: float, heaviest: float, exponent: float) -> Users:
    """Users whose sessions add up to `sessions`, of whom the heaviest has `heaviest` (Zipf-Mandelbrot).

    Raises ValueError if no such law exists: the heaviest user has less than the mean, or too much.
    """
    mean = sessions / users

    def with_offset(offset: float) -> Users:
        return Users(users, exponent, offset, heaviest * (1 + offset) ** exponent)

    if not mean < heaviest or with_offset(0.0).total() > sessions:
        raise ValueError(
            f"the heaviest user needs more than the mean of {mean:.0f} sessions, or a steeper law"
        )
    low, high = 0.0, math.log(1e15)  # of 1 + offset
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if with_offset(math.expm1(middle)).total() < sessions else (low, middle)
    return with_offset(math.expm1(low))


def bucket_loads(law: Users, buckets: int, seed: int = 7) -> np.ndarray:
    """Sessions of each bucket. User keys are uniform, as from HMAC, so each user's bucket is random."""
    rng = np.random.default_rng(seed)
    placed = min(law.users, _PLACED)
    heavy = law.of_ranks(np.arange(1, placed + 1, dtype=float))
    loads = np.bincount(rng.integers(0, buckets, placed), weights=heavy, minlength=buckets)
    rest = law.total(after=placed) if placed < law.users else 0.0
    spread = (law.total(2, after=placed) / buckets) ** 0.5 if rest else 0.0
    others = np.maximum(0, rest / buckets + rng.normal(0, spread, buckets)) if rest else np.zeros(buckets)
    if rest:
        others *= rest / others.sum()
    return np.asarray(loads + others)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Seconds until the last worker is done, and the seconds each worker was busy."""

    makespan: float
    busy: tuple[float, ...]


def schedule(costs: Iterable[float], speeds: Sequence[float]) -> Schedule:
    """Units in the given order, each to the worker that is free first; a unit takes cost / speed seconds."""
    free = [(0.0, worker) for worker in range(len(speeds))]
    busy = [0.0] * len(speeds)
    end = 0.0
    for cost in costs:
        at, worker = free[0]
        took = cost / speeds[worker]
        busy[worker] += took
        end = max(end, at + took)
        heapq.heapreplace(free, (at + took, worker))
    return Schedule(end, tuple(busy))


def uneven(total: float, count: int, sigma: float, seed: int = 7) -> np.ndarray:
    """`count` log-normal costs that add up to `total`; `sigma` 0: all equal."""
    drawn = np.random.default_rng(seed).lognormal(0, sigma, count)
    return np.asarray(drawn * (total / drawn.sum()))
