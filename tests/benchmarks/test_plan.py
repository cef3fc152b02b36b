"""The arithmetic of the plan on costs that are known."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.estimates import (
    BUFFERS,
    HOUR,
    MIB,
    PASSES,
    Prices,
    Rates,
    Scale,
    adjusted,
    buckets_that_fit,
    line,
    money,
    plan_of,
    rates,
    stretched,
    worker_memory,
)
from benchmarks.files_costs import FileCosts
from benchmarks.stage_costs import UNIT_OF, Costs

FILES = FileCosts(0.5, 2.0, "files")
SCALE = Scale(1e6, 30_000, 2, 100 * MIB, 1e9, 10)


def costs(sessions: float, fixed: float, each: float) -> Costs:
    """A run in which every stage has these costs for its units."""
    units = {
        "sessions": sessions,
        "input_bytes": 5_000 * sessions,
        "characters": 2_000 * sessions,
        "consent_rows": 3 * sessions,
    }
    seconds = {stage: fixed + each * units[of] for stage, of in UNIT_OF.items()}
    given = {stage: 7 * units[of] for stage, of in UNIT_OF.items()}
    return Costs(units, seconds, given, units["characters"] / 4, 1e9)


KNOWN: Rates = rates(costs(500, 2.0, 1e-6), costs(2_500, 2.0, 1e-6))


def test_two_sizes_separate_what_is_paid_once_from_what_a_unit_costs() -> None:
    """A plan that multiplied the start of a process by ten billion would be useless."""
    assert {stage: found.fixed for stage, found in KNOWN.seconds.items()} == pytest.approx(
        dict.fromkeys(UNIT_OF, 2.0)
    )
    assert [found.each for found in KNOWN.seconds.values()] == pytest.approx([1e-6] * len(UNIT_OF))
    assert line((1.0, 5.0), (3.0, 4.0)).each == 0.0  # noise: never a negative cost
    assert line((1.0, 1.0), (2.0, 3.0)).fixed == 0.0


def test_the_plan_is_the_measured_rates_times_the_units() -> None:
    """Each figure by hand, for costs that are known."""
    plan = plan_of(SCALE, KNOWN, FILES)
    files = -(-5_000_000_000 // (100 * MIB))
    assert plan.units == pytest.approx(
        {"sessions": 1e6, "input_bytes": 5e9, "characters": 2e9, "consent_rows": 60_000}
    )
    assert plan.read == pytest.approx(PASSES * 5e9)
    assert plan.cpu_hours["Facts"] == pytest.approx((10 * 2.0 + 5e9 * 1e-6) / HOUR)
    assert plan.cpu_hours["Consent"] == pytest.approx((10 * 2.0 + 60_000 * 1e-6) / HOUR)
    assert plan.cpu_hours["Files"] == pytest.approx(PASSES * files * 0.5 / HOUR)
    assert plan.shuffled["Decide"] == pytest.approx(7e6)
    assert plan.written == pytest.approx(5e8)
    assert plan.reads == pytest.approx(PASSES * files * (2 + 13) + files / 1000)
    assert plan.writes == 2 * (3 + 30)  # two shards of 250 MB, in parts of 8 MiB


def test_a_plan_of_the_measured_run_has_the_measured_cost() -> None:
    """Nothing is lost between the measurement and the plan: one worker, the same sessions."""
    large = costs(2_500, 2.0, 1e-6)
    scale = dataclasses.replace(SCALE, sessions=2_500, users=7_500, snapshots=1, workers=1)
    plan = plan_of(scale, KNOWN, dataclasses.replace(FILES, seconds=0.0))
    assert {stage: hours * HOUR for stage, hours in plan.cpu_hours.items() if stage != "Files"} == (
        pytest.approx(large.seconds)
    )
    assert plan.shuffled == pytest.approx(large.given)


def test_the_size_of_sessions_and_the_speed_of_masking_can_be_given() -> None:
    """A user knows the size of the own sessions, and has measured the own texts."""
    changed = adjusted(KNOWN, session_kb=50, text_rate=500)
    assert changed.per_session == pytest.approx({"input_bytes": 50_000, "characters": 20_000})
    assert changed.seconds["Text"].each == pytest.approx(2e-6)
    assert changed.seconds["Text"].fixed == pytest.approx(2.0)
    assert adjusted(KNOWN, None, None) == KNOWN


def test_money_is_amounts_times_prices() -> None:
    """Only arithmetic: each amount has one price."""
    plan = plan_of(SCALE, KNOWN, FILES)
    hours = sum(plan.cpu_hours.values())
    assert money(plan, 2 * 2**30, Prices(3.0, 0.5, 0.1, 0.2)) == pytest.approx(
        {"CPU": 3 * hours, "memory": hours, "reads": plan.reads / 1e4, "writes": plan.writes / 5e3}
    )


def test_memory_holds_a_bucket_and_one_share_of_it() -> None:
    """More buckets need less memory until a bucket is smaller than a share."""
    assert worker_memory(KNOWN, 16 * MIB, 2.0, 100 * MIB) == 1e9 + BUFFERS + 100 * MIB + 64 * MIB
    assert worker_memory(KNOWN, 16 * MIB, 2.0, 8 * MIB) == 1e9 + BUFFERS + 8 * MIB + 32 * MIB


def test_buckets_fit_a_share_and_occupy_every_worker() -> None:
    """The least number that satisfies both; the greatest where none does."""
    means = {256: 64.0, 1024: 16.0, 4096: 4.0}
    assert buckets_that_fit(means, 16.0, 8) == 1024
    assert buckets_that_fit(means, 16.0, 512) == 4096
    assert buckets_that_fit(means, 1.0, 8) == 4096


def test_small_units_cost_overhead_and_large_ones_wait_for_the_last() -> None:
    """Both ends of the choice of a unit."""
    assert stretched(1000, 1.0, 0.5, 10, 0, 1) == pytest.approx(1.5)
    assert stretched(1000, 90.0, 0.0, 10, 0, 1) == pytest.approx(2 * 1000 / 11 / 100)
    assert stretched(1000, 10.0, 0.0, 10, 0, 4) > stretched(1000, 1.0, 0.0, 10, 0, 4) > 1.0
