"""Beam's local runner, which tells a Progress what its workers do: in this process and in others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from apache_beam.metrics import monitoring_infos
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, fn_runner

from pipeline.runners.progress import Progress


@contextlib.contextmanager
def local_runner(progress: Progress, environment: Any) -> Iterator[Any]:
    """A runner whose workers are in `environment`, or in this process for None."""
    if not progress.enabled:
        yield FnApiRunner(default_environment=environment)
        return
    # The runner makes its requesters by this name; no option hands them a function to call.
    original = fn_runner.ProgressRequester
    fn_runner.ProgressRequester = _requester(original, progress)
    try:
        with progress.watching():
            yield _WatchedRunner(progress, environment)
    finally:
        fn_runner.ProgressRequester = original


class _WatchedRunner(FnApiRunner):  # type: ignore[misc]  # Beam is not typed
    def __init__(self, progress: Progress, environment: Any) -> None:
        super().__init__(default_environment=environment, progress_request_frequency=progress.frequency)
        self._progress = progress

    def _execute_bundle(self, context: Any, bundle: Any, *rest: Any) -> Any:
        """Names the stage before it runs, and takes its counts after it: a short one is never asked."""
        self._progress.begin([transform.unique_name for transform in bundle.stage.transforms])
        result = super()._execute_bundle(context, bundle, *rest)
        self._progress.finish(_counters(result.process_bundle))
        return result


def _requester(base: Any, progress: Progress) -> type:
    class Requester(base):  # type: ignore[misc]  # Beam is not typed
        def __init__(self, handler: Any, instruction: str, frequency: float, *_: Any) -> None:
            bundle = progress.bundle

            def note(response: Any) -> None:
                progress.note(bundle, instruction, _counters(response))

            super().__init__(handler, instruction, frequency, note)

    return Requester


def _counters(response: Any) -> dict[str, int]:
    """The sums of our own counters in what a worker answered."""
    found: dict[str, int] = {}
    for info in response.monitoring_infos:
        if info.urn == monitoring_infos.USER_COUNTER_URN and info.labels.get("NAMESPACE") == "chatsieve":
            name = info.labels["NAME"]
            found[name] = found.get(name, 0) + monitoring_infos.extract_counter_value(info)
    return found
