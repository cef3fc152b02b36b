"""The simulations of the plan against closed forms and conservation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.skew import bucket_loads, heavy_tailed, schedule, uneven


@pytest.mark.parametrize(("units", "workers"), [(1, 4), (4, 4), (5, 4), (1000, 7), (3, 1)])
def test_equal_units_take_as_many_rounds_as_needed(units: int, workers: int) -> None:
    """The closed form: ceil(units / workers) rounds."""
    found = schedule([2.5] * units, [1.0] * workers)
    assert found.makespan == pytest.approx(math.ceil(units / workers) * 2.5)


def test_no_work_is_lost_or_done_twice() -> None:
    """Time busy times speed is the work, for uneven units and workers of any speed."""
    costs = uneven(1000.0, 333, 1.5)
    speeds = [0.25, 1.0, 2.0]
    found = schedule(costs.tolist(), speeds)
    assert costs.sum() == pytest.approx(1000.0)
    assert sum(busy * speed for busy, speed in zip(found.busy, speeds, strict=True)) == pytest.approx(1000.0)
    assert found.makespan == pytest.approx(max(found.busy))


def test_list_scheduling_is_at_most_one_unit_longer_than_the_ideal() -> None:
    """Graham's bound: total / workers + (1 - 1 / workers) * the largest unit."""
    costs = uneven(500.0, 200, 1.0)
    for workers in (1, 3, 16):
        makespan = schedule(costs.tolist(), [1.0] * workers).makespan
        assert 500.0 / workers - 1e-9 <= makespan <= 500.0 / workers + (1 - 1 / workers) * costs.max() + 1e-9


def test_a_slow_worker_that_gets_the_last_unit_ends_late() -> None:
    """Two units, two workers, one four times slower: the second unit takes four times as long."""
    assert schedule([1.0, 1.0], [1.0, 0.25]).makespan == pytest.approx(4.0)
    assert schedule([1.0], [1.0, 0.25]).makespan == pytest.approx(1.0)


@pytest.mark.parametrize(("users", "exponent"), [(50_000, 1.1), (3_000_000, 1.0), (300_000_000, 0.8)])
def test_users_have_the_given_sessions_and_heaviest_user(users: int, exponent: float) -> None:
    """The law must be that of the arguments, also where most users are not placed one by one."""
    sessions = users * 30.0
    law = heavy_tailed(users, sessions, 10_000, exponent)
    assert law.total() == pytest.approx(sessions, rel=1e-3)
    assert law.of_ranks(np.array([1.0]))[0] == pytest.approx(10_000)
    assert law.total() == pytest.approx(law.total(after=1) + 10_000, rel=1e-3)


def test_the_integral_equals_the_sum() -> None:
    """Ranks after the millionth are integrated: the sum over all of them must be the same."""
    law = heavy_tailed(2_500_000, 50_000_000.0, 5_000, 1.1)
    every = law.of_ranks(np.arange(1, 2_500_001, dtype=float))
    assert law.total() == pytest.approx(every.sum(), rel=1e-6)
    assert law.total(2) == pytest.approx((every**2).sum(), rel=1e-6)


@pytest.mark.parametrize("buckets", [1, 256, 4096])
@pytest.mark.parametrize("users", [2_000, 5_000_000])
def test_buckets_hold_every_session_and_the_heaviest_user_whole(users: int, buckets: int) -> None:
    """A user is in one bucket, and no session is lost."""
    law = heavy_tailed(users, users * 30.0, 2_000, 1.1)
    loads = bucket_loads(law, buckets)
    assert loads.sum() == pytest.approx(law.total(), rel=1e-9)
    assert loads.max() >= 2_000 * (1 - 1e-9)
    assert len(loads) == buckets


def test_an_impossible_law_is_refused() -> None:
    """The heaviest user cannot have less than the mean."""
    with pytest.raises(ValueError, match="heaviest"):
        heavy_tailed(1000, 50_000.0, 40, 1.1)
