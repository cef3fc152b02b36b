"""A job of a job service: started, watched until it ends, and cancelled if this process gives up first.

Answers of the service are polled, each with a deadline. Beam's own wait follows a stream without one, which
ends after five minutes, and never ends if the service is stopped.
"""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import grpc
from apache_beam.portability.api import beam_job_api_pb2

from pipeline.runners.counters import counters_of
from pipeline.runners.progress import Progress
from schemas.errors import PipelineError

_ANSWER_SECONDS = 10.0
#: A service that does not answer for so long is lost.
_LOST_SECONDS = 30.0
_CANCEL_SECONDS = 15.0
_POLL_SECONDS = (0.1, 1.0)
_FAILED = frozenset({"FAILED", "CANCELLED", "DRAINED", "UPDATED"})
_ENDED = _FAILED | {"DONE"}
_ERROR_CLASS = re.compile(r"^(?:\w+\.)*([A-Z]\w*(?:Error|Exception))\b", re.MULTILINE)
_NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class Job(Protocol):
    """What every job service tells of a job."""

    def state(self) -> str | None:
        """The name of its state; None if the service does not answer."""
        ...

    def counters(self) -> tuple[dict[str, int], bytes]:
        """The counters of the stages, as attempted so far, and a digest of everything that is counted."""
        ...

    def error(self) -> str:
        """Why it failed, as the service reports it; may hold anything."""
        ...

    def cancel(self) -> None:
        """Asks the service to end it; returns at once."""
        ...


class Limits(NamedTuple):
    """Seconds until a worker has begun, and seconds without a moving counter; None: no limit."""

    start: float | None = None
    idle: float | None = None


NO_LIMITS = Limits()


class Failures:
    """Reasons to give a job up, which threads report."""

    def __init__(self) -> None:
        self._reasons: queue.SimpleQueue[str] = queue.SimpleQueue()

    def add(self, reason: str) -> None:
        """Ends the wait for the job with this reason."""
        self._reasons.put(reason)

    def wait(self, seconds: float) -> None:
        """Waits so long; raises PipelineError as soon as there is a reason."""
        with contextlib.suppress(queue.Empty):
            raise PipelineError(self._reasons.get(timeout=seconds))


def run_job(
    submit: Callable[[], Job],
    progress: Progress,
    failures: Failures,
    limits: Limits = NO_LIMITS,
    has_begun: Callable[[], bool] = lambda: True,
) -> None:
    """Submits a job and returns when it is done. PipelineError if it failed, is lost, or exceeds a limit.

    On any error, and if this process is interrupted, the job is cancelled. `has_begun`: whether a worker has
    begun; it is asked only while there is a limit for that.
    """
    job = None
    submitted = _Submitted(submit)
    try:
        submitted.start()
        job = submitted.get(failures)
        with progress.watching():
            _wait(job, progress, failures, limits, has_begun)
    except BaseException:
        _cancel(job or submitted.late())
        raise


class _Submitted:
    """A job that is submitted by a thread, so that an interrupt does not lose it half-way."""

    def __init__(self, submit: Callable[[], Job]) -> None:
        self._answers: queue.SimpleQueue[Job | BaseException] = queue.SimpleQueue()
        self._submit = submit
        self._is_answered = False

    def start(self) -> None:
        """Begins to submit."""
        threading.Thread(target=self._run, name="submit", daemon=True).start()

    def get(self, failures: Failures) -> Job:
        """The job; raises what submitting raised."""
        while True:
            with contextlib.suppress(queue.Empty):
                answer = self._answers.get(timeout=_POLL_SECONDS[0])
                self._is_answered = True
                if isinstance(answer, BaseException):
                    raise answer
                return answer
            failures.wait(0.001)

    def late(self) -> Job | None:
        """The job of a submission that was given up, if it arrives soon."""
        if self._is_answered:
            return None
        with contextlib.suppress(queue.Empty):
            answer = self._answers.get(timeout=_ANSWER_SECONDS)
            return None if isinstance(answer, BaseException) else answer
        return None

    def _run(self) -> None:
        try:
            self._answers.put(self._submit())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._answers.put(error)


def _wait(
    job: Job, progress: Progress, failures: Failures, limits: Limits, has_begun: Callable[[], bool]
) -> None:
    begun = limits.start is None
    start = answered = moved = time.monotonic()
    seen = b""
    for pause in _pauses():
        failures.wait(pause)
        state, now = job.state(), time.monotonic()
        if state is None:
            if now - answered > _LOST_SECONDS:
                raise PipelineError(
                    f"the job service has not answered for {_LOST_SECONDS:.0f} seconds; nothing was "
                    "committed. If the job runs on, cancel it there"
                )
            continue
        answered = now
        if state in _FAILED:
            raise JobFailedError(job.error(), state)
        if state == "DONE":
            return
        if not begun:
            begun = has_begun()
            moved = now
        if not begun and limits.start is not None and now - start > limits.start:
            raise PipelineError(
                f"no worker has begun within {limits.start:.0f} seconds; check runner.environment and the "
                "log of the job service, or set runner.start_timeout. The job was cancelled"
            )
        if begun and (progress.is_followed or limits.idle is not None):
            counters, digest = job.counters()
            progress.report(counters)
            if digest != seen:
                seen, moved = digest, now
            if limits.idle is not None and now - moved > limits.idle:
                raise PipelineError(
                    f"no counter of the job moved for {limits.idle:.0f} seconds (runner.idle_timeout). "
                    "The job was cancelled"
                )


class JobFailedError(Exception):
    """The text of a job service about a failure, which must not be shown as it is, and the job's state."""

    def line(self) -> str:
        """One line without data: of the text, only the class of the error."""
        text, state = self.args
        classes = _ERROR_CLASS.findall(text)
        cause = f" ({classes[-1]})" if classes else ""
        return f"the job ended in state {state}{cause}; nothing was committed; its service has the reason"


def _pauses() -> Iterator[float]:
    pause, longest = _POLL_SECONDS
    while True:
        yield pause
        pause = min(longest, pause * 1.3)


def _cancel(job: Job | None) -> None:
    """Cancels the job and waits a little until it has ended: the caller removes its files next."""
    if job is None:
        return
    end = time.monotonic() + _CANCEL_SECONDS
    state = job.state()
    if state in _ENDED or state is None:
        return
    job.cancel()
    while time.monotonic() < end and job.state() not in _ENDED:
        time.sleep(_POLL_SECONDS[0])


class PortableJob:
    """A job of a portable job service. `result`: what Beam's portable runner gives."""

    def __init__(self, result: Any) -> None:
        self._service, self._id = result._job_service, result._job_id
        self._error = ""
        self._messages = threading.Thread(target=self._read_messages, daemon=True)
        self._messages.start()

    def state(self) -> str | None:
        """See Job."""
        request = beam_job_api_pb2.GetJobStateRequest(job_id=self._id)
        try:
            answer = self._service.GetState(request, timeout=_ANSWER_SECONDS)
        except grpc.RpcError as error:
            if error.code() in _NO_ANSWER:
                return None
            raise PipelineError(
                f"the job service does not have the job any more ({error.code().name}); nothing was committed"
            ) from None
        return str(beam_job_api_pb2.JobState.Enum.Name(answer.state))

    def counters(self) -> tuple[dict[str, int], bytes]:
        """See Job. Committed values are of no use: Prism's are too low."""
        request = beam_job_api_pb2.GetJobMetricsRequest(job_id=self._id)
        try:
            answer = self._service.GetJobMetrics(request, timeout=_ANSWER_SECONDS)
        except grpc.RpcError:
            return {}, b""
        attempted = answer.metrics.attempted
        return counters_of(attempted), b"".join(sorted(each.SerializeToString() for each in attempted))

    def error(self) -> str:
        """See Job."""
        self._messages.join(_ANSWER_SECONDS)
        return self._error

    def cancel(self) -> None:
        """See Job."""
        request = beam_job_api_pb2.CancelJobRequest(job_id=self._id)
        with contextlib.suppress(grpc.RpcError):
            self._service.Cancel(request, timeout=_ANSWER_SECONDS)

    def _read_messages(self) -> None:
        request = beam_job_api_pb2.JobMessagesRequest(job_id=self._id)
        with contextlib.suppress(grpc.RpcError):
            for message in self._service.GetMessageStream(request):
                found = message.message_response
                if found.importance == beam_job_api_pb2.JobMessage.JOB_MESSAGE_ERROR:
                    self._error = found.message_text
