"""`direct`: Beam's local runner, which reports the counters of its workers to a Progress."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.runners.portability.fn_api_runner import FnApiRunner, fn_runner
from apache_beam.runners.worker.statesampler import StateSampler

from pipeline.plan import RunPlan
from pipeline.runners.build import build_pipeline
from pipeline.runners.counters import counters_of
from pipeline.runners.options import parsed
from pipeline.runners.progress import Progress
from pipeline.runners.worker_processes import WorkerProcesses
from schemas.runners import DirectRunner


def run(config: DirectRunner, arguments: Sequence[str], plan: RunPlan, progress: Progress) -> None:
    """Runs the graph: one worker in this process, several as processes of their own."""
    # Never DirectRunner: it would first try to download another runner, then fall back silently.
    arguments = ["--runner=FnApiRunner", f"--direct_num_workers={config.workers}", *arguments]
    processes = WorkerProcesses(plan.run_key.worker_environment()) if config.workers > 1 else None
    with local_runner(progress, processes and processes.environment) as runner:
        pipeline = build_pipeline(plan, runner, parsed(arguments))

        def run_here() -> None:
            pipeline.run().wait_until_finish()

        if processes is None:
            with _samplers_ended():
                run_here()
        else:
            processes.run(run_here)


@contextlib.contextmanager
def _samplers_ended() -> Iterator[None]:
    """Ends threads of Beam that an error or interrupt left behind: they keep the process from its end.

    Beam ends the sampling thread of a bundle only if it noted its start. An interrupt can come in between.
    """
    try:
        yield
    except BaseException:
        for thread in threading.enumerate():
            # The bound method that the thread runs; CPython drops it at the end.
            sampler = getattr(getattr(thread, "_target", None), "__self__", None)
            if isinstance(sampler, StateSampler) and not sampler.finished:
                sampler.stop()
        raise


@contextlib.contextmanager
def local_runner(progress: Progress, environment: Any) -> Iterator[Any]:
    """A runner with workers in `environment`; None: one worker in this process."""
    if not progress.is_followed:
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
        self._progress.finish(counters_of(result.process_bundle.monitoring_infos))
        return result


def _requester(base: Any, progress: Progress) -> type:
    class Requester(base):  # type: ignore[misc]  # Beam is not typed
        def __init__(self, handler: Any, instruction: str, frequency: float, *_: Any) -> None:
            bundle = progress.bundle

            def note(response: Any) -> None:
                progress.note(bundle, instruction, counters_of(response.monitoring_infos))

            super().__init__(handler, instruction, frequency, note)

    return Requester
