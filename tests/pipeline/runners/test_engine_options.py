"""The Beam options that the configuration gives to engines which cannot run here."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    SparkRunnerOptions,
    StandardOptions,
    WorkerOptions,
)

from pipeline.plan import RunPlan
from pipeline.runners import cluster, dataflow
from pipeline.runners.progress import Progress
from schemas.errors import ConfigError
from schemas.sections.job_runners import DataflowRunner, EnvironmentConfig, FlinkRunner, SparkRunner

_IMAGE = EnvironmentConfig(type="DOCKER", config="image:1")


def _values(options: PipelineOptions, view: Any, *names: str) -> tuple[Any, ...]:
    found = options.view_as(view)
    return tuple(getattr(found, name) for name in names)


def test_flink_gets_its_master_and_parallelism() -> None:
    """What follows `--` takes precedence."""
    config = FlinkRunner(
        name="flink", job_endpoint="jobs:1", flink_master="f:8081", workers=64, environment=_IMAGE
    )
    options = PipelineOptions(cluster.beam_options(config, []))
    assert _values(options, FlinkRunnerOptions, "flink_master", "parallelism") == ("f:8081", 64)
    assert _values(options, PortableOptions, "job_endpoint", "artifact_endpoint") == ("jobs:1", None)
    options = PipelineOptions(cluster.beam_options(config, ["--parallelism=8"]))
    assert _values(options, FlinkRunnerOptions, "parallelism") == (8,)


def test_spark_gets_its_master_and_jar() -> None:
    """Without a running job server, Beam starts the one of the jar."""
    config = SparkRunner(name="spark", job_server_jar="/x.jar", spark_master_url="u", environment=_IMAGE)
    options = PipelineOptions(cluster.beam_options(config, []))
    names = ("spark_master_url", "spark_job_server_jar", "spark_submit_uber_jar")
    assert _values(options, SparkRunnerOptions, *names) == ("u", "/x.jar", False)
    assert _values(options, PortableOptions, "job_endpoint") == (None,)


def _dataflow(**more: Any) -> DataflowRunner:
    return DataflowRunner(
        name="dataflow",
        project="p",
        region="r",
        temp_location="gs://b/t",
        sdk_container_image="image:1",
        workers=50,
        **more,
    )


def test_dataflow_gets_its_image_and_no_public_addresses() -> None:
    """Workers with public addresses are what an administrator must ask for."""
    options = PipelineOptions(dataflow.beam_options(_dataflow(), []))
    assert _values(options, StandardOptions, "runner") == ("DataflowRunner",)
    assert _values(options, GoogleCloudOptions, "project", "region", "temp_location") == (
        "p",
        "r",
        "gs://b/t",
    )
    names = ("sdk_container_image", "max_num_workers", "use_public_ips")
    assert _values(options, WorkerOptions, *names) == ("image:1", 50, False)
    assert _values(options, SetupOptions, "sdk_location") == ("container",)
    options = PipelineOptions(dataflow.beam_options(_dataflow(use_public_ips=True, machine_type="m"), []))
    assert _values(options, WorkerOptions, "use_public_ips", "machine_type") == (True, "m")


def test_dataflow_without_its_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beam itself fails late, with an error that names no package."""
    monkeypatch.setitem(sys.modules, "google.cloud.dataflow_v1beta3", None)
    plan: Any = RunPlan
    with pytest.raises(
        ConfigError, match=r"^runner: dataflow: its client is not installed; run `pip install"
    ):
        dataflow.run(_dataflow(), [], plan, Progress(False))
