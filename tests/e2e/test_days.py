"""Simulated histories of a dataset: after each day, the version of the run equals that of a rebuild."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.prove.days import logs, people, planned
from tests.prove.days.history import days_of
from tests.prove.days.mutants import MUTANTS
from tests.prove.days.world import MARK
from tests.support.command import ROOT

pytestmark = pytest.mark.e2e
EVENTS = {**logs.EVENTS, **people.EVENTS}


def simulate(*arguments: object) -> str:
    """What a simulation prints; a day that fails fails the test, with the command that repeats it."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.prove.days", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def test_each_of_a_few_days_equals_a_rebuild() -> None:
    """A short history, so that a difference is found by every run of the tests; its state has many parts."""
    printed = simulate("--days", 4, "--seed", 3, "--events", 3, "--small")
    assert "4 days, equal" in printed
    parts = re.search("most parts of a state: ([0-9]+)", printed)
    assert parts is not None
    assert int(parts[1]) > 3


@pytest.mark.faults
@pytest.mark.parametrize("arguments", [("--seed", 1), ("--seed", 2, "--small")], ids=["whole", "small"])
def test_each_of_thirty_days_equals_a_rebuild(arguments: tuple[object, ...]) -> None:
    """Longer than retention, so that rows expire; with killed runs, erasures and changed policies."""
    assert "30 days, equal" in simulate("--days", 30, *arguments)


@pytest.mark.prove
def test_each_day_of_a_year_equals_a_rebuild() -> None:
    """Every event occurs many times and with many others, on days with more events."""
    printed = simulate("--days", 365, "--seed", 4, "--events", 7, "--verify", 30)
    assert "365 days, equal" in printed


@pytest.mark.prove
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_fault_of_increments_is_found(mutant: str) -> None:
    """A simulation that passes whatever a run takes over would prove nothing."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.prove.days", "--seed", "2", "--mutant", mutant]
    days = str(1 + len(planned.DAYS))
    done = subprocess.run([*command, "--days", days], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"--events 4 --mutant {mutant} --keep" in done.stdout


def test_a_seed_repeats_its_history() -> None:
    """A failing seed can be repeated only if equal seeds give equal days."""
    first, second, other = (list(days_of(seed, 40, 6, EVENTS, planned.DAYS)) for seed in (1, 1, 2))
    assert first == second != other


def test_a_year_of_days_has_every_event() -> None:
    """An event that never occurs is not tested; each is drawn four times, each kind of change made."""
    days = list(days_of(4, 365, 7, EVENTS, planned.DAYS))
    names = [name for day in days for name in day.names]
    assert not [event.__name__ for event in EVENTS if names.count(event.__name__) < 4]
    changes = [change for day in days for change in day.changes]
    assert any(change.source for change in changes)
    assert any(change.data is None and change.source is None for change in changes)
    assert any(change.in_place for change in changes)
    assert {command[0] for day in days for command in day.commands} == {"forget", "expire", "gc"}
    assert sum(day.is_missed for day in days) >= 10
    assert sum(not day.names for day in days) >= 10
    assert any(MARK.encode() in (change.data or b"") for change in changes)
