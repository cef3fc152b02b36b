"""`dataflow`: Google Cloud Dataflow, with workers from an image."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from pipeline.plan import RunPlan
from pipeline.runners.build import build_pipeline
from pipeline.runners.job import Failures, Limits, run_job
from pipeline.runners.options import parsed
from pipeline.runners.portable import has_begun, mark_begin, seconds
from pipeline.runners.progress import Progress
from schemas.errors import ConfigError
from schemas.sections.job_runners import DataflowRunner


def run(config: DataflowRunner, arguments: Sequence[str], plan: RunPlan, progress: Progress) -> None:
    """Gives the graph to Dataflow and waits until it has run."""
    check_client()
    pipeline = build_pipeline(plan, "DataflowRunner", parsed(beam_options(config, arguments)))
    mark_begin(pipeline, plan)
    limits = Limits(seconds(config.start_timeout), seconds(config.idle_timeout))
    run_job(lambda: _DataflowJob(pipeline.run()), progress, Failures(), limits, lambda: has_begun(plan))


def check_client() -> None:
    """Raises ConfigError if the extra for Dataflow is not installed.

    Beam imports it late: it then fails without a reason, or connects without credentials.
    """
    try:
        for module in ("google.cloud.dataflow_v1beta3", "google_auth_httplib2"):
            importlib.import_module(module)
    except ImportError:
        raise ConfigError(
            "runner: dataflow: its client is not installed; run `pip install 'chatsieve[dataflow]'`"
        ) from None


def beam_options(config: DataflowRunner, arguments: Sequence[str]) -> list[str]:
    """The Beam options of the configuration, followed by those after `--`."""
    given = {
        "project": config.project,
        "region": config.region,
        "temp_location": config.temp_location,
        "staging_location": config.staging_location,
        "sdk_container_image": config.sdk_container_image,
        "sdk_location": "container",
        "service_account_email": config.service_account_email,
        "subnetwork": config.subnetwork,
        "machine_type": config.machine_type,
        "max_num_workers": config.workers,
    }
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    public = "--use_public_ips" if config.use_public_ips else "--no_use_public_ips"
    return ["--runner=DataflowRunner", *options, public, *arguments]


class _DataflowJob:
    """See Job. `result`: what Beam's Dataflow runner gives."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def state(self) -> str | None:
        """See Job."""
        try:
            return str(self._result.state)
        except OSError:
            return None

    def counters(self) -> tuple[dict[str, int], bytes]:
        """See Job."""
        found = {
            each.key.metric.name: int(each.attempted or 0)
            for each in self._result.metrics().query()["counters"]
            if each.key.metric.namespace == "chatsieve"
        }
        return found, repr(sorted(found.items())).encode()

    def error(self) -> str:
        """See Job: Dataflow's own log has the reason."""
        return ""

    def cancel(self) -> None:
        """See Job."""
        self._result.cancel()
