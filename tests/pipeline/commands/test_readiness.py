"""A run waits as long as it is told to, says what for, and starts at the moment at which all is there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.commands.readiness import Clock, when_ready
from pipeline.dataset.change import begin_change
from pipeline.inputs.config import Settings
from schemas.errors import BusyError, NotReadyError
from tests.support.dated_logs import DatedLogs

MARKER = "logs/2026-02-28/_SUCCESS"


class Stopped(Clock):
    """A clock that moves only in pauses; `events` happen when so many seconds have passed."""

    def __init__(self, start: dt.datetime, **events: Callable[[], object]) -> None:
        self.start, self.passed = start, 0.0
        self.pauses: list[float] = []
        self.events = {int(name.removeprefix("at_")): event for name, event in events.items()}

    def now(self) -> dt.datetime:
        return (self.start + dt.timedelta(seconds=self.passed)).replace(microsecond=0)

    def seconds(self) -> float:
        return 1e6 + self.passed

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.passed += seconds
        for moment in [each for each in self.events if each <= self.passed]:
            self.events.pop(moment)()


NIGHT = dt.datetime(2026, 3, 1, 2, tzinfo=dt.UTC)


@pytest.fixture
def logs(tmp_path: Path) -> DatedLogs:
    """An input whose only day needs a marker; as_of is the clock's."""
    made = DatedLogs(tmp_path, since="P1D", ready={"marker": "logs/{date}/_SUCCESS"})
    made.save(as_of=None)
    return made


def settings_at(logs: DatedLogs, clock: Clock, wait: str | None) -> Settings:
    return logs.settings(wait=wait).at(clock.now())


@pytest.mark.parametrize("wait", [None, "PT0S"])
def test_without_a_wait_a_run_is_refused_at_once(logs: DatedLogs, wait: str | None) -> None:
    """One line: when it was looked for, what is missing, and that a later try may succeed."""
    clock, told = Stopped(NIGHT), list[str]()
    with pytest.raises(NotReadyError) as refused:
        when_ready(settings_at(logs, clock, wait), [], told.append, clock)
    assert str(refused.value) == (
        f"not ready at 2026-03-01T02:00:00Z: inputs[0]: no marker {MARKER}; "
        "nothing was written, try again later"
    )
    assert refused.value.exit_code == 4
    assert (clock.pauses, told) == ([], [])


def test_a_run_starts_as_of_the_moment_at_which_all_is_there(logs: DatedLogs) -> None:
    """A snapshot that came during the wait would be unknown at the moment of the start."""
    clock, told = Stopped(NIGHT, at_600=lambda: logs.write(MARKER)), list[str]()
    ready = when_ready(settings_at(logs, clock, "PT2H"), [], told.append, clock)
    assert ready.as_of == NIGHT + dt.timedelta(minutes=10)
    assert set(clock.pauses) == {60.0}
    assert told == [
        f"waiting until 2026-03-01T04:00:00Z: inputs[0]: no marker {MARKER}",
        "ready at 2026-03-01T02:10:00Z",
    ]


def test_a_fixed_as_of_does_not_move(logs: DatedLogs) -> None:
    """What a scheduler names is what is decided for."""
    logs.save(as_of="2026-03-01T01:00:00Z")
    clock = Stopped(NIGHT, at_60=lambda: logs.write(MARKER))
    ready = when_ready(settings_at(logs, clock, "PT1H"), [], lambda _: None, clock)
    assert ready.as_of == dt.datetime(2026, 3, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(("moment", "is_ready"), [(60, True), (61, False)])
def test_the_last_look_is_at_the_end_of_the_wait(logs: DatedLogs, moment: int, is_ready: bool) -> None:
    """What comes at the very end counts, what comes later does not."""
    clock = Stopped(NIGHT, **{f"at_{moment}": lambda: logs.write(MARKER)})
    settings = settings_at(logs, clock, "PT1M")
    if is_ready:
        assert when_ready(settings, [], lambda _: None, clock).as_of == NIGHT + dt.timedelta(minutes=1)
    else:
        with pytest.raises(NotReadyError, match="not ready at 2026-03-01T02:01:00Z"):
            when_ready(settings, [], lambda _: None, clock)
    assert (clock.passed, clock.pauses[0]) == (60.0, 1.0)


def test_what_is_missing_is_told_when_it_changes(logs: DatedLogs) -> None:
    """A log of a night has a line a change, not a line a minute."""
    logs.save(consent={"snapshots": ["consent/*.csv"], "ready": {"max_age": "P1D"}})
    clock = Stopped(
        NIGHT,
        at_120=lambda: logs.write(MARKER),
        at_300=lambda: logs.consent("2026-03-01T02:04:30Z"),
    )
    told = list[str]()
    ready = when_ready(settings_at(logs, clock, "PT1H"), [], told.append, clock)
    assert ready.as_of == NIGHT + dt.timedelta(minutes=5)
    assert told[0].startswith("waiting until 2026-03-01T03:00:00Z: inputs[0]: no marker")
    assert told[0].endswith("; consent: no snapshot at or before as_of")
    assert len(told) == 3
    assert "marker" not in told[1]
    assert told[2] == "ready at 2026-03-01T02:05:00Z"


def test_after_midnight_the_new_day_is_waited_for(logs: DatedLogs) -> None:
    """The window is that of as_of, which is the moment of the last look."""
    evening = dt.datetime(2026, 2, 28, 23, 30, tzinfo=dt.UTC)
    clock = Stopped(
        evening,
        at_2400=lambda: logs.write("logs/2026-02-27/_SUCCESS"),
        at_3600=lambda: logs.write(MARKER),
    )
    ready = when_ready(settings_at(logs, clock, "PT2H"), [], lambda _: None, clock)
    assert ready.as_of == dt.datetime(2026, 3, 1, 0, 30, tzinfo=dt.UTC)


def test_a_dataset_that_is_written_is_waited_for(logs: DatedLogs) -> None:
    """With `wait`, the claim of another run is one more thing that is not there yet."""
    logs.write(MARKER)
    out = logs.folder / "out"
    held = begin_change(out)
    clock, told = Stopped(NIGHT, at_180=held.release), list[str]()
    ready = when_ready(settings_at(logs, clock, "PT1H"), [out], told.append, clock)
    assert ready.as_of == NIGHT + dt.timedelta(minutes=3)
    assert told[0] == (f"waiting until 2026-03-01T03:00:00Z: {out}: another command is writing version 1")
    held = begin_change(out)
    try:
        with pytest.raises(NotReadyError, match="another command is writing version 1"):
            when_ready(settings_at(logs, Stopped(NIGHT), "PT1M"), [out], lambda _: None, Stopped(NIGHT))
        with pytest.raises(BusyError) as busy:
            begin_change(out)
    finally:
        held.release()
    assert busy.value.exit_code == 4
    for words in ("another command is writing version 1; its claim lasts until 2", "try again later"):
        assert words in str(busy.value)


def test_the_real_clock_moves() -> None:
    """The clock of commands is not one of tests."""
    clock = Clock()
    before, start = dt.datetime.now(dt.UTC), clock.seconds()
    clock.pause(0.001)
    assert clock.seconds() > start
    assert abs(clock.now() - before) < dt.timedelta(minutes=1)
    assert clock.now().microsecond == 0
