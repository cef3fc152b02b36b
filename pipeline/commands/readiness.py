"""Waits until a run can start, or refuses it: exit code 4, and nothing is written."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from pathlib import PurePath

from pipeline.dataset.claims import writer_of
from pipeline.inputs.config import Settings
from pipeline.inputs.readiness import Readiness
from schemas.errors import NotReadyError
from transforms.shuffle.instants import moment_text

#: The shortest and longest pause between two looks, in seconds, and the number of looks in a wait.
_SHORTEST, _LONGEST, _LOOKS = 1.0, 60.0, 60


class Clock:
    """The time, for tests to replace."""

    def now(self) -> dt.datetime:
        """The time of day, in UTC and whole seconds."""
        return dt.datetime.now(dt.UTC).replace(microsecond=0)

    def seconds(self) -> float:
        """Seconds since any moment; they do not jump."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Returns after so many seconds; a signal ends it."""
        time.sleep(seconds)


def when_ready(
    settings: Settings,
    outputs: Sequence[PurePath],
    tell: Callable[[str], None],
    clock: Clock | None = None,
) -> Settings:
    """The settings at the moment at which everything was found that `ready` asks for.

    Without `wait`, NotReadyError if anything is missing; with it, if anything still is after that time. Then
    a command that holds one of the `outputs` is waited for too. Unless `as_of` is fixed, it is the moment of
    the last look, so a snapshot that came during the wait counts. `tell` gets a line at the start of a wait,
    when what is missing changes, and at its end.
    """
    clock = clock or Clock()
    wait = settings.config.wait
    seconds = wait.total_seconds() if wait else 0.0
    begun, readiness, told = clock.seconds(), Readiness(), ""
    while True:
        missing = readiness.missing(settings, clock.now())
        if wait:
            missing += [f"{path}: {held}" for path in outputs if (held := writer_of(path))]
        now = moment_text(clock.now())
        if not missing:
            if told:
                tell(f"ready at {now}")
            return settings
        left = begun + seconds - clock.seconds()
        text = "; ".join(missing)
        if left <= 0:
            raise NotReadyError(f"not ready at {now}: {text}; nothing was written, try again later")
        if text != told:
            end = moment_text(clock.now() + dt.timedelta(seconds=round(left)))
            tell(f"waiting until {end}: {text}")
            told = text
        clock.pause(min(left, max(_SHORTEST, min(_LONGEST, seconds / _LOOKS))))
        settings = settings.at(clock.now())
