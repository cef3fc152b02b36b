"""A job that fails, hangs or is lost ends the run with one line, and is cancelled."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from pipeline.runners import job
from pipeline.runners.job import NO_LIMITS, Failures, JobFailedError, Limits, run_job
from pipeline.runners.progress import Progress
from schemas.errors import PipelineError


class _Job:
    """A job whose states are given; the last one stays until it is cancelled."""

    def __init__(self, states: Iterable[str | None], error: str = "") -> None:
        self._states = list(states)
        self._error = error
        self.cancelled = False
        self.count = 0
        self.moves = False

    def state(self) -> str | None:
        if self.cancelled:
            return "CANCELLED"
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    def counters(self) -> tuple[dict[str, int], bytes]:
        self.count += self.moves
        return {"records_read": self.count}, bytes([self.count % 256])

    def error(self) -> str:
        return self._error

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_POLL_SECONDS", (0.001, 0.002))
    monkeypatch.setattr(job, "_LOST_SECONDS", 0.05)
    monkeypatch.setattr(job, "_ANSWER_SECONDS", 5.0)


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """A run that committed ignores SIGINT from then on, in this process too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _run(given: _Job, limits: Limits = NO_LIMITS, begun: Callable[[], bool] = lambda: True) -> None:
    run_job(lambda: given, Progress(False), Failures(), limits, begun)


def test_a_job_that_is_done_is_not_cancelled() -> None:
    """Some services forget a job when it is cancelled after its end."""
    given = _Job(["STARTING", "RUNNING", None, "RUNNING", "DONE"])
    _run(given)
    assert not given.cancelled


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "DRAINED", "UPDATED"])
def test_a_job_that_ends_otherwise_fails_the_run(state: str) -> None:
    """Only a job that is done has written everything."""
    with pytest.raises(JobFailedError) as caught:
        _run(_Job(["RUNNING", state], "Traceback\nValueError: a text of Ada Lovelace\n"))
    line = caught.value.line()
    assert line.startswith(f"the job ended in state {state} (ValueError); nothing was committed")
    assert "Ada" not in line


@pytest.mark.parametrize(
    ("given", "limits", "begun", "line"),
    [
        (_Job(["RUNNING"]), Limits(start=0.05), False, "no worker has begun within 0 seconds"),
        (_Job(["RUNNING"]), Limits(idle=0.05), True, "no counter of the job moved for 0 seconds"),
        (_Job([None]), Limits(), True, "the job service has not answered for 0 seconds"),
    ],
)
def test_a_job_that_does_not_go_on_is_given_up(given: _Job, limits: Limits, begun: bool, line: str) -> None:
    """Without a limit the command would wait, and hold its claim, for ever."""
    with pytest.raises(PipelineError, match=line):
        _run(given, limits, lambda: begun)
    assert given.cancelled is (given._states != [None])


def test_a_job_with_moving_counters_is_waited_for() -> None:
    """The limit is on standing still, not on the whole time."""
    given = _Job([*["RUNNING"] * 100, "DONE"])
    given.moves = True
    _run(given, Limits(idle=0.05))


def test_a_failed_worker_ends_the_wait() -> None:
    """A service may not notice that a worker of this run ended."""
    given, failures = _Job(["RUNNING"]), Failures()
    failures.add("a worker process ended")
    with pytest.raises(PipelineError, match=r"^a worker process ended$"):
        run_job(lambda: given, Progress(False), failures)
    assert given.cancelled


def test_a_submission_that_fails_raises_its_error() -> None:
    """It happens in a thread."""

    def fail() -> _Job:
        raise PipelineError("the job service did not take the job")

    with pytest.raises(PipelineError, match="did not take"):
        run_job(fail, Progress(False), Failures())


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_cancels_the_job() -> None:
    """Ctrl-C must not leave a job behind that writes into a folder which is removed."""
    given = _Job(["RUNNING"])
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        _run(given)
    assert given.cancelled


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_while_a_job_is_submitted_cancels_it() -> None:
    """The service may already have the job when the interrupt comes."""
    given, interrupted = _Job(["RUNNING"]), threading.Event()

    def submit() -> _Job:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.wait(60)
        return given

    threading.Timer(0.2, interrupted.set).start()
    with pytest.raises(KeyboardInterrupt):
        run_job(submit, Progress(False), Failures())
    assert given.cancelled


def test_progress_shows_what_was_attempted() -> None:
    """Committed counters of a service may be too low, or come at the end only."""
    progress = Progress(True, clock=lambda: 0.0)
    progress.report({"records_read": 7, "bytes_read": 5_000_000})
    assert progress.line()["sessions"] == "7 sessions"
    progress.report({"records_read": 9, "records_decided": 9, "sessions_to_mask": 4, "sessions_masked": 1})
    line = progress.line()
    assert (line["stage"], line["sessions"], line["done"]) == ("De-identifying", "1 sessions", 0.25)
