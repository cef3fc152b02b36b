"""A progress bar on a terminal: the stage, sessions and bytes done, the rate, and the remaining time."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.telemetry.watch import Watch
from transforms.shuffle.counters import (
    BYTES_READ,
    CHARACTERS_MASKED,
    RECORDS_DECIDED,
    RECORDS_READ,
    SESSIONS_MASKED,
    SESSIONS_TO_MASK,
)

_INTERVAL_SECONDS = 0.3
_BAR_COLUMNS = 14


@dataclasses.dataclass(frozen=True)
class _Stage:
    """A stage of the progress bar.

    `steps`: parts of the Beam step labels of this stage. `sessions`, `size`: its counters of sessions and of
    bytes or characters. `of`: the counter with the final value of `sessions`.
    """

    title: str
    steps: tuple[str, ...]
    sessions: str | None = None
    size: str | None = None
    of: str | None = None


_STAGES = (
    _Stage("Reading", ("Facts/",), RECORDS_READ, BYTES_READ),
    _Stage("Deciding", ("Decide/", "Settle"), RECORDS_DECIDED, None, RECORDS_READ),
    _Stage("Taking over", ("/Take over/",)),
    _Stage(
        "De-identifying",
        ("/Text/", "/Estimate/", "/Check/"),
        SESSIONS_MASKED,
        CHARACTERS_MASKED,
        SESSIONS_TO_MASK,
    ),
    _Stage("Writing shards", ("/Shard/",)),
    _Stage("Writing ledger", ("/Ledger/",)),
)


class Progress:
    """Shows the counters of the workers while `watching`, if standard error is a terminal.

    `watch` is told when a stage ends.
    """

    def __init__(
        self,
        enabled: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
        watch: Watch | None = None,
    ) -> None:
        self.enabled = sys.stderr.isatty() if enabled is None else enabled
        self.watch = watch or Watch()
        self._counted: collections.Counter[str] = collections.Counter()
        self._running: dict[str, dict[str, int]] = {}
        self._bundle = 0
        self._stage = _STAGES[0]
        self._begun = 0.0
        self._total_bytes = 0
        self._clock = clock
        self._draw: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    @property
    def is_followed(self) -> bool:
        """True if anybody wants to know of stages and counters."""
        return self.enabled or self.watch.is_on

    @property
    def frequency(self) -> float | None:
        """The interval, in seconds, at which the runner polls its workers; None: never."""
        return _INTERVAL_SECONDS if self.enabled else None

    def expect(self, total_bytes: int) -> None:
        """Sets the size of all input files."""
        self._total_bytes = total_bytes

    def begin(self, steps: list[str]) -> int:
        """Starts a bundle of the steps with these labels, and returns its number."""
        named = [f"/{step}/" for step in steps]
        found = [stage for stage in _STAGES if any(mark in name for name in named for mark in stage.steps)]
        with self._lock:
            self._bundle += 1
            if found:
                self._enter(found[-1])
            return self._bundle

    @property
    def bundle(self) -> int:
        """The number of the running bundle."""
        return self._bundle

    def note(self, bundle: int, instruction: str, counters: dict[str, int]) -> None:
        """Updates the counters of a worker in a bundle; ignored if the bundle has ended."""
        with self._lock:
            if bundle == self._bundle:
                self._running[instruction] = counters

    def finish(self, counters: dict[str, int]) -> None:
        """Ends the running bundle and adds its counters."""
        with self._lock:
            self._bundle += 1
            self._running.clear()
            self._counted.update(counters)
        self._draw()

    def report(self, counters: dict[str, int]) -> None:
        """Replaces all counters by those of a job, and finds the stage by them: the last one that has any."""
        reached = [stage for stage in _STAGES if stage.sessions and counters.get(stage.sessions)]
        with self._lock:
            self._counted = collections.Counter(counters)
            if reached:
                self._enter(reached[-1])
        self._draw()

    def _enter(self, stage: _Stage) -> None:
        """Ends the present stage if this is another one."""
        if stage is not self._stage:
            self._end_stage()
            self._stage, self._begun = stage, self._clock()

    def _end_stage(self) -> None:
        stage = self._stage
        name = stage.title.lower().replace(" ", "_")
        sessions = self._counted[stage.sessions] if stage.sessions else None
        self.watch.stage_finished(name, self._clock() - self._begun, sessions)

    def line(self) -> dict[str, Any]:
        """The fields of the bar: stage, fraction done (None: unknown), sessions, size, rate, time left."""
        with self._lock:
            stage, seconds = self._stage, self._clock() - self._begun
            total = self._counted.copy()
            for counters in self._running.values():
                total.update(counters)
        sessions = total[stage.sessions] if stage.sessions else None
        done = self._fraction(stage, total)
        fields = {
            "sessions": "" if sessions is None else f"{sessions:,} sessions",
            "size": f"{total[stage.size] / 1e6:,.1f} MB" if stage.size else "",
            "rate": f"{sessions / seconds:,.0f}/s" if sessions and seconds > 0 else "",
            "left": _left(done, seconds),
        }
        return {"stage": stage.title, "done": done, **fields}

    def _fraction(self, stage: _Stage, total: collections.Counter[str]) -> float | None:
        if stage.of and total[stage.of]:
            return min(1.0, total[str(stage.sessions)] / total[stage.of])
        if stage.size == BYTES_READ and self._total_bytes:
            return min(1.0, total[BYTES_READ] / self._total_bytes)
        return None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Shows the bar during the block, and ends the last stage after it."""
        self._begun = self._clock()
        with self._bar():
            yield
        with self._lock:
            self._end_stage()

    @contextlib.contextmanager
    def _bar(self) -> Iterator[None]:
        if not self.enabled:
            yield
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.fields[stage]:<14}"),
            BarColumn(_BAR_COLUMNS),
            TextColumn("{task.fields[sessions]} {task.fields[size]} {task.fields[rate]} {task.fields[left]}"),
        )
        stop = threading.Event()
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None, **self.line())
            self._draw = functools.partial(self._update, bar, task)
            thread = threading.Thread(target=self._draw_often, args=(stop,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                stop.set()
                thread.join()
                self._draw = lambda: None

    def _draw_often(self, stop: threading.Event) -> None:
        while not stop.wait(_INTERVAL_SECONDS):
            self._draw()

    def _update(self, bar: Any, task: Any) -> None:
        line = self.line()
        done = line["done"]
        if done is None:
            bar.reset(task, total=None, **line)
        else:
            bar.update(task, total=1.0, completed=done, **line)
        bar.refresh()


def _left(done: float | None, seconds: float) -> str:
    """The remaining time of a stage at its current rate."""
    if not done:
        return ""
    minutes, rest = divmod(round(seconds * (1 - done) / done), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} left"
