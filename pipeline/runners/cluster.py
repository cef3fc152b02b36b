"""`flink` and `spark`: the portable path, through Beam's job server for either."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from apache_beam.runners.portability.flink_runner import FlinkRunner as BeamFlink
from apache_beam.runners.portability.spark_runner import SparkRunner as BeamSpark

from pipeline.plan import RunPlan
from pipeline.runners.job import Limits
from pipeline.runners.portable import endpoints, runner_class, seconds, submit_and_wait
from pipeline.runners.progress import Progress
from schemas.errors import ConfigError
from schemas.sections.job_runners import FlinkRunner, SparkRunner, is_this_host


def run(
    config: FlinkRunner | SparkRunner, arguments: Sequence[str], plan: RunPlan, progress: Progress
) -> None:
    """Gives the graph to a job server, or starts one from its jar, and waits until the graph has run."""
    check_jar(config.job_server_jar)
    options = beam_options(config, arguments)
    local = config.job_endpoint is None or is_this_host(config.job_endpoint)
    limits = Limits(seconds(config.start_timeout), seconds(config.idle_timeout))
    runner = runner_class(BeamFlink if isinstance(config, FlinkRunner) else BeamSpark)
    submit_and_wait(runner, options, config.environment, local, plan, progress, limits)


def beam_options(config: FlinkRunner | SparkRunner, arguments: Sequence[str]) -> list[str]:
    """The Beam options of the configuration, followed by those after `--`."""
    if isinstance(config, FlinkRunner):
        options = [f"--flink_master={config.flink_master}", f"--parallelism={config.workers}"]
        jar = "--flink_job_server_jar"
    else:
        options = [f"--spark_master_url={config.spark_master_url}"]
        jar = "--spark_job_server_jar"
    if config.job_endpoint is not None:
        options += endpoints(config.job_endpoint, config.artifact_endpoint)
    else:
        options.append(f"{jar}={config.job_server_jar}")
    return [*options, *arguments]


def check_jar(jar: str | None) -> None:
    """ConfigError for a jar that cannot be started: Beam takes what is no file for an address."""
    if jar is None:
        return
    if not Path(jar).is_file():
        raise ConfigError(f"runner.job_server_jar: {jar}: no such file; give the path of Beam's job server")
    if shutil.which("java") is None:
        raise ConfigError("runner.job_server_jar: no program java on PATH; install it, or give job_endpoint")
