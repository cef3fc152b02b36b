"""Checks of the engine: the programs and services that it needs, and what its workers can reach."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from pipeline.commands.doctor.findings import Told, later, refusals_of
from pipeline.inputs.config import Settings
from pipeline.inputs.runner import check_sees_files, runner_of
from schemas.runners import PrismRunner
from schemas.sections.job_runners import (
    DataflowRunner,
    FlinkRunner,
    PortableRunner,
    SparkRunner,
    is_this_host,
)

_SECONDS = 3.0


def runner(settings: Settings) -> Iterator[Told]:
    """The runner's program, client or jar is there, and its job service accepts connections."""
    config = runner_of(settings)
    if settings.config.consent.sources:
        yield from refusals_of(lambda: check_sees_files(config))
    if isinstance(config, PrismRunner):
        from pipeline.runners.prism import program_of

        yield from refusals_of(lambda: program_of(config))
    elif isinstance(config, DataflowRunner):
        from pipeline.runners.dataflow import check_client

        yield from refusals_of(check_client)
    elif isinstance(config, FlinkRunner | SparkRunner):
        from pipeline.runners.cluster import check_jar

        yield from refusals_of(lambda: check_jar(config.job_server_jar))
    if isinstance(config, FlinkRunner | SparkRunner | PortableRunner):
        yield from _services(config)


def _services(config: FlinkRunner | SparkRunner | PortableRunner) -> Iterator[Told]:
    places = {
        "runner.job_endpoint": config.job_endpoint,
        "runner.artifact_endpoint": config.artifact_endpoint,
    }
    pool = config.environment.config if config.environment.type == "EXTERNAL" else None
    if pool is not None and is_this_host(pool):
        places["runner.environment.config"] = pool
    for key, address in places.items():
        if address is not None and (reason := _refusal(address)):
            yield later(f"{key}: {address}: no connection ({reason}); start the service, or give its address")


def _refusal(address: str) -> str | None:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS):
            return None
    except OSError as error:
        return error.strerror or "no answer"
    except (ValueError, OverflowError):
        return "no such port"
