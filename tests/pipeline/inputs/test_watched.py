"""Files that were written to a moment ago: their state must tell a later write."""

from __future__ import annotations

import time

import pytest

from pipeline.inputs.watched import WatchedFile, wait_for_ticks
from transforms.sources.file_state import FileState

NOW = 1_790_000_000_500_000_000


@pytest.mark.parametrize(
    ("ago", "waited"),
    [
        (0, 0.02),
        (5_000_001, 0.014999999),
        (20_000_000, 0),
        (3_600_000_000_001, 0),
        (-1, 0.02),  # the clock of a server is ahead
        (500_000_000, 1.5),  # whole seconds
        (2_500_000_000, 0),
        (-60_500_000_000, 2.0),
    ],
)
def test_a_run_waits_until_a_tick_has_passed(
    ago: int, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest file counts; a run over older files does not wait."""
    slept: list[float] = []
    monkeypatch.setattr(time, "time_ns", lambda: NOW)
    monkeypatch.setattr(time, "sleep", slept.append)
    files = [
        WatchedFile(name, FileState(3, (1, 2), 7, changed), None)
        for name, changed in (("old", 12_345), ("new", NOW - ago))
    ]
    wait_for_ticks(files)
    assert slept == ([waited] if waited else [])


def test_objects_and_no_files_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity of an object changes with each write."""
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited"))
    wait_for_ticks([])
    wait_for_ticks([WatchedFile("s3://b/a", FileState(3, "etag"), None)])
