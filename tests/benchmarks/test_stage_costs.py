"""The meter of the plan: every stage is found, and nothing that runs is left out."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import pytest

from benchmarks.stage_costs import STAGE_OF, UNIT_OF, Meter
from transforms.shuffle.entries import entry

ROOT = Path(__file__).resolve().parents[2]


def test_every_measured_step_exists() -> None:
    """A DoFn under another name would be counted as the program's own time."""
    stages = [importlib.import_module(f"transforms.{room}.stage") for room in
              ("read", "consent", "decide", "deid", "output")]  # fmt: skip
    found = {name for stage in stages for name, each in vars(stage).items() if isinstance(each, type)}
    assert set(STAGE_OF) <= found
    assert set(STAGE_OF.values()) < set(UNIT_OF)


def test_a_stage_is_charged_for_its_own_work_alone() -> None:
    """The next stage runs while a generator waits at its yield: that time is not its own."""
    now = 0.0
    meter = Meter(lambda: now)

    def process() -> object:
        nonlocal now
        now += 3
        yield 3, b"12345"
        yield beam.pvalue.TaggedOutput("entries", entry("text", characters=7))
        yield beam.pvalue.TaggedOutput("quarantined", b"12")

    for _ in meter.watch("Facts", process)():
        now += 100
    assert meter.seconds["Facts"] == 3
    assert meter.given["Facts"] == 7
    assert meter.characters == 7


@pytest.mark.prove
def test_the_plan_is_printed_from_a_measurement() -> None:
    """The command of the documentation runs, and prints each of its parts."""
    command = [sys.executable, "-m", "benchmarks.plan", "--small", "40", "--large", "160", "--workers", "20"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    for part in (*UNIT_OF, "bytes read", "choose", "unit MiB", "memory of a worker", "requests", "money"):
        assert part in printed
