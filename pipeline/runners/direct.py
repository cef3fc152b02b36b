"""Beam's local runner, extended to report the counters of its workers to a Progress."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from apache_beam.metrics import monitoring_infos
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, fn_runner

from pipeline.runners.progress import Progress


@contextlib.contextmanager
def local_runner(progress: Progress, environment: Any) -> Iterator[Any]:
    """A runner with workers in `environment`; None: one worker in this process."""
    if not progress.enabled:
        yield FnApiRunner(default_environment=environment)
        return
    # Beam has no option for a progress callback, so its class is replaced while the runner exists.
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
        """Reports the stage at its start and its counters at its end; Beam does not poll short bundles."""
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
    """The sums of the chatsieve counters in a response of a worker."""
    found: dict[str, int] = {}
    for info in response.monitoring_infos:
        if info.urn == monitoring_infos.USER_COUNTER_URN and info.labels.get("NAMESPACE") == "chatsieve":
            name = info.labels["NAME"]
            found[name] = found.get(name, 0) + monitoring_infos.extract_counter_value(info)
    return found
