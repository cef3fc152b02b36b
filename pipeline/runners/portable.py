"""`portable`: a job service of Beam's portable API. The base of every runner that has one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.runners.portability import portable_runner
from apache_beam.transforms import environments

from pipeline.plan import RunPlan
from pipeline.runners.build import build_pipeline
from pipeline.runners.children import Children
from pipeline.runners.job import Failures, Limits, PortableJob, run_job
from pipeline.runners.options import parsed
from pipeline.runners.progress import Progress
from pipeline.runners.worker_pool import worker_pool
from schemas.errors import ConfigError, PipelineError
from schemas.sections.job_runners import EnvironmentConfig, PortableRunner, is_this_host
from transforms.shuffle.guard import guarded
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.staging import stage
from transforms.shuffle.steps import Step
from transforms.storage.leases import Lease
from transforms.storage.places import store_of

_REACHED_SECONDS = 60
#: In the staging folder, once a worker has begun.
_BEGUN = "begun"


def run(config: PortableRunner, arguments: Sequence[str], plan: RunPlan, progress: Progress) -> None:
    """Gives the graph to the job service and waits until it has run."""
    options = [*endpoints(config.job_endpoint, config.artifact_endpoint), *arguments]
    local = is_this_host(config.job_endpoint)
    limits = Limits(seconds(config.start_timeout), seconds(config.idle_timeout))
    submit_and_wait(runner_class(), options, config.environment, local, plan, progress, limits)


def endpoints(job: str, artifacts: str | None) -> list[str]:
    """The Beam options for the addresses of a job service."""
    given = [f"--job_endpoint={job}", f"--job_server_timeout={_REACHED_SECONDS}"]
    return [*given, f"--artifact_endpoint={artifacts}"] if artifacts else given


def runner_class(base: type = portable_runner.PortableRunner) -> Callable[[Any], Any]:
    """Makes a runner of Beam whose workers are in a given environment, which nothing is sent to."""

    class Runner(base):  # type: ignore[misc]  # Beam is not typed
        def __init__(self, environment: Any) -> None:
            super().__init__()
            self._environment = environment

        def default_environment(self, _: Any) -> Any:
            return self._environment

    return Runner


def submit_and_wait(
    make: Callable[[Any], Any],
    arguments: Sequence[str],
    environment: EnvironmentConfig,
    is_local: bool,
    plan: RunPlan,
    progress: Progress,
    limits: Limits,
) -> None:
    """Runs the graph on a runner of Beam. `is_local`: whether the job service is on this host."""
    failures = Failures()
    with _workers(environment, is_local, failures, plan.run_key.worker_environment()) as found:
        pipeline = build_pipeline(plan, make(found), parsed(["--runner=PortableRunner", *arguments]))
        mark_begin(pipeline, plan)

        def submit() -> PortableJob:
            try:
                return PortableJob(pipeline.run())
            except (grpc.FutureTimeoutError, grpc.RpcError) as error:
                raise _unreachable(error) from None

        run_job(submit, progress, failures, limits, lambda: has_begun(plan))


def mark_begin(pipeline: Any, plan: RunPlan) -> None:
    """Adds a step that shows in the staging folder that a worker has begun.

    Job services that find no worker often report nothing, and many have no counters before a job has ended.
    """
    step = beam.ParDo(_Begin(plan.run_key, plan.packs[0].staging, plan.packs[0].lease))
    _ = pipeline | "Begin" >> beam.Create([b""]) | "Show begin" >> step


def has_begun(plan: RunPlan) -> bool:
    """Whether a worker has begun."""
    try:
        store_of(plan.packs[0].staging).stat(_BEGUN)
    except OSError:
        return False
    return True


def seconds(duration: Any) -> float | None:
    """The seconds of a limit of the configuration."""
    return None if duration is None else float(duration.total_seconds())


class _Begin(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, staging: str, lease: Lease) -> None:
        super().__init__(run_key)
        self._staging, self._lease = staging, lease

    @guarded("Begin")
    def process(self, _: bytes) -> Iterator[None]:
        self._lease.check()
        stage(self._staging, _BEGUN, b"")
        yield from ()


@contextlib.contextmanager
def _workers(
    config: EnvironmentConfig, is_local: bool, failures: Failures, variables: Mapping[str, str]
) -> Iterator[Any]:
    """The environment of Beam for a configured one. `variables`: for worker processes of this process."""
    capabilities = environments.python_sdk_capabilities()
    given = config.config or ""
    if config.type == "LOOPBACK":
        with worker_pool("127.0.0.1:0", Children(failures.add, variables)) as address:
            yield environments.ExternalEnvironment(address, capabilities=capabilities)
    elif config.type == "EXTERNAL":
        yield environments.ExternalEnvironment(given, capabilities=capabilities)
    elif config.type == "DOCKER":
        yield environments.DockerEnvironment(given, capabilities=capabilities)
    else:
        if is_local:
            _check_program(given)
        yield environments.ProcessEnvironment(given, capabilities=capabilities)


def _check_program(command: str) -> None:
    """A job service does not report a program that is not there: its job hangs."""
    found = shutil.which(command)
    if found is None or not os.access(found, os.X_OK):
        raise ConfigError(
            f"runner.environment.config: {command} is not a program on this host; "
            "give the path of the worker's start program"
        )


def _unreachable(error: Exception) -> PipelineError:
    if isinstance(error, grpc.FutureTimeoutError):
        reason = f"no connection within {_REACHED_SECONDS} seconds"
    else:
        reason = error.code().name if isinstance(error, grpc.RpcError) else type(error).__name__
    return PipelineError(f"the job service did not take the job ({reason}); check runner.job_endpoint")
