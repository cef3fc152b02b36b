"""The job that Dataflow would get, built offline: Beam's dry run, with a graph full of canaries."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2

from pipeline.graph import build_graph
from pipeline.runners.build import build_pipeline
from schemas.errors import ConfigError
from tests.pipeline.runners.test_step_labels import GOLDEN, labels_of
from tests.support.canary_plans import Graphs, needles_of
from tests.support.graph_layers import layers, places_of

IMAGE = "registry.example/chatsieve:0.1.0"
OPTIONS = (
    "--runner=DataflowRunner",
    "--project=example-project",
    "--region=europe-west1",
    "--temp_location=gs://example-bucket/temp",
    "--staging_location=gs://example-bucket/staging",
    "--sdk_location=container",
    f"--sdk_container_image={IMAGE}",
    "--dry_run=True",
    "--no_auth",
)


@pytest.fixture
def job(graphs: Graphs, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Beam's job of a run."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("LOGNAME", "login-of-peregrine")
    pipeline = build_pipeline(graphs.plans["run"], "DataflowRunner", PipelineOptions([*OPTIONS]))
    return pipeline.run().job


def _environment(job: Any) -> Any:
    """The part of the job with options and workers, as Beam sends it."""
    from apache_beam.runners.dataflow.internal import apiclient

    return apiclient.Environment(
        proto_pipeline_staged_url="gs://example-bucket/staging/pipeline.pb",
        packages=[],
        options=job.options,
        environment_version="9",
        proto_pipeline=job.proto_pipeline,
    ).proto


def _staged(job: Any) -> list[bytes]:
    """The content of each file that Beam would stage beside the graph."""
    found = []
    for environment in job.proto_pipeline.components.environments.values():
        for artifact in environment.dependencies:
            file = beam_runner_api_pb2.ArtifactFilePayload.FromString(artifact.type_payload)
            found.append(Path(file.path).read_bytes())
    return found


def test_a_dataflow_job_has_no_key_no_id_no_path_and_no_text(graphs: Graphs, job: Any) -> None:
    """Google stores the job and its staging area, and the console shows them to the whole project."""
    needles = {**needles_of(graphs.plans["run"]), "login": b"login-of-peregrine"}
    environment = type(_environment(job)).to_json(_environment(job)).encode()
    sent = [job.proto_pipeline.SerializeToString(), environment, str(job.proto).encode(), *_staged(job)]
    assert [places_of(needles, data) for data in sent] == [set()] * len(sent)
    assert sum(1 for _ in layers(sent[0])) > 200
    assert b"example-bucket" in environment


def test_by_default_beam_stages_what_shows_this_machine(
    graphs: Graphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the options above are needed: without them, the path of the interpreter is staged."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    pipeline = beam.Pipeline(runner="DataflowRunner", options=PipelineOptions([*OPTIONS]))
    build_graph(pipeline, graphs.plans["run"])
    staged = _staged(pipeline.run().job)
    assert any(b"Python Path: " in data for data in staged)


def test_a_dataflow_job_has_the_image_and_the_options(job: Any) -> None:
    """The workers run the image with chatsieve in it, and install nothing."""
    environment = _environment(job)
    (pool,) = environment.worker_pools
    assert pool.worker_harness_container_image == IMAGE
    assert [each.container_image for each in pool.sdk_harness_container_images] == [IMAGE]
    options = dict(environment.sdk_pipeline_options["options"])
    assert (options["project"], options["region"]) == ("example-project", "europe-west1")
    assert options["temp_location"].startswith("gs://example-bucket/temp/chatsieve-")
    assert options["staging_location"].startswith("gs://example-bucket/staging/chatsieve-")
    assert options["sdk_location"] == "container"
    assert {"disable_logging_submission_environment", "disable_always_on_exception_sampling"} <= set(
        options["experiments"]
    )
    assert re.fullmatch(r"chatsieve-[0-9a-f]{8}", job.proto.name)
    payloads = [each.payload for each in job.proto_pipeline.components.environments.values()]
    images = [beam_runner_api_pb2.DockerPayload.FromString(payload).container_image for payload in payloads]
    assert images == [IMAGE]


def test_dataflow_gets_the_same_step_labels(graphs: Graphs, job: Any) -> None:
    """Updates of a running job and its metrics refer to them."""
    labels = json.loads(GOLDEN.read_text())["run"]
    names = {each.unique_name for each in job.proto_pipeline.components.transforms.values()}
    assert set(labels) <= names
    pipeline = build_pipeline(graphs.plans["run"], "DataflowRunner", PipelineOptions([*OPTIONS]))
    assert labels_of(pipeline) == labels


def test_a_given_job_name_is_kept_and_data_sampling_is_refused(graphs: Graphs) -> None:
    """Sampling shows elements of the shuffle: names of files and keys of users."""
    from apache_beam.options.pipeline_options import GoogleCloudOptions

    plan = graphs.plans["run"]
    options = PipelineOptions([*OPTIONS, "--job_name=nightly"])
    build_pipeline(plan, "DataflowRunner", options)
    assert options.view_as(GoogleCloudOptions).job_name == "nightly"
    sampling = PipelineOptions([*OPTIONS, "--experiments=enable_data_sampling"])
    with pytest.raises(ConfigError, match="enable_data_sampling cannot be used"):
        build_pipeline(plan, "DataflowRunner", sampling)
