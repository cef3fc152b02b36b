"""The runners of the section `runner` that give the graph to a job service or cluster."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

import pydantic

from schemas.strict_yaml import Duration, Size, StrictModel

_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}\Z")
_HERE = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]):")
_MOST_WORKERS = 100_000


def _check_address(text: str) -> str:
    if not _ADDRESS.match(text):
        raise ValueError("expected HOST:PORT, such as localhost:8099")
    return text


def _check_wait(value: Any) -> Any:
    if value is not None and (not isinstance(value, dt.timedelta) or value <= dt.timedelta()):
        raise ValueError("expected a duration such as PT10M or PT36H, above zero and without months")
    return value


def _check_location(text: str) -> str:
    if not re.match(r"gs://.", text):
        raise ValueError("expected a location such as gs://bucket/temporary")
    return text


Address = Annotated[str, pydantic.AfterValidator(_check_address)]
Wait = Annotated[Duration, pydantic.AfterValidator(_check_wait)]
Location = Annotated[str, pydantic.AfterValidator(_check_location)]
Text = Annotated[str, pydantic.Field(min_length=1)]


def is_this_host(address: str) -> bool:
    """True for an address that only this machine can reach."""
    return _HERE.match(address) is not None


class Runner(StrictModel):
    """What every runner takes."""

    buckets: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=65_536,
        description="How many ranges of users are decided one by one. If not given: by size of the input.",
        examples=[64],
    )
    max_bucket_bytes: Size = pydantic.Field(
        default=16 << 20, description="The largest range that is decided at once.", examples=["32MiB"]
    )

    @property
    def has_local_workers(self) -> bool:
        """True if all workers are processes on this machine, which see the files of this process."""
        return True


class EnvironmentConfig(StrictModel):
    """Where a job service finds workers."""

    type: Literal["EXTERNAL", "DOCKER", "PROCESS", "LOOPBACK"] = pydantic.Field(
        description=(
            "Workers are in a pool, in containers, programs on each host, or processes of this run; the last "
            "needs a job service on this host."
        ),
        examples=["EXTERNAL"],
    )
    config: str | None = pydantic.Field(
        default=None,
        min_length=1,
        description="EXTERNAL: HOST:PORT of the pool. DOCKER: an image. PROCESS: a program. LOOPBACK: none.",
        examples=["pool.example.com:50000"],
    )

    @pydantic.model_validator(mode="after")
    def _complete(self) -> EnvironmentConfig:
        if (self.type == "LOOPBACK") != (self.config is None):
            raise ValueError(
                "config: LOOPBACK takes none; EXTERNAL takes HOST:PORT, DOCKER an image, PROCESS a program"
            )
        if self.type == "EXTERNAL" and self.config is not None:
            _check_address(self.config)
        return self


Environment = Annotated[
    EnvironmentConfig,
    pydantic.Field(
        description="Where the job service finds workers.",
        examples=[{"type": "EXTERNAL", "config": "pool.example.com:50000"}],
    ),
]
ArtifactEndpoint = Annotated[
    Address | None,
    pydantic.Field(
        description="HOST:PORT for staged files, in place of the address that the service gives.",
        examples=["jobs.example.com:8098"],
    ),
]


class _JobRunner(Runner):
    """A runner that gives the graph to a job service."""

    workers: int = pydantic.Field(
        default=2,
        ge=1,
        le=_MOST_WORKERS,
        description=(
            "How many workers there are; it sets the size of units. Flink: the parallelism. Dataflow: the "
            "largest number of machines."
        ),
        examples=[64],
    )
    start_timeout: Wait | None = pydantic.Field(
        default=dt.timedelta(minutes=10),
        description="The longest time until a worker has begun; null: no limit.",
        examples=["PT20M"],
    )
    idle_timeout: Wait | None = pydantic.Field(
        default=None,
        description="The longest time in which no counter of the job moves; null: no limit.",
        examples=["PT1H"],
    )

    @property
    def has_local_workers(self) -> bool:
        """False: the workers may be anywhere."""
        return False

    @pydantic.field_serializer("start_timeout", "idle_timeout")
    def _duration_text(self, value: dt.timedelta | None) -> float | None:
        return None if value is None else value.total_seconds()


class PortableRunner(_JobRunner):
    """Any job service that speaks Beam's portable job API."""

    name: Literal["portable"] = pydantic.Field(description="The runner.", examples=["portable"])
    job_endpoint: Address = pydantic.Field(
        description="HOST:PORT of the job service.", examples=["jobs.example.com:8099"]
    )
    artifact_endpoint: ArtifactEndpoint = None
    environment: Environment

    @property
    def has_local_workers(self) -> bool:
        """True for LOOPBACK: the workers are processes of this run."""
        return self.environment.type == "LOOPBACK"

    @pydantic.model_validator(mode="after")
    def _reachable(self) -> PortableRunner:
        _check_loopback(self.environment, self.job_endpoint)
        return self


class _ClusterRunner(_JobRunner):
    """A job server that runs already, or a jar with one, which Java runs until the run ends."""

    job_endpoint: Address | None = pydantic.Field(
        default=None,
        description="HOST:PORT of a job server that runs already. Either this or `job_server_jar`.",
        examples=["localhost:8099"],
    )
    artifact_endpoint: ArtifactEndpoint = None
    job_server_jar: str | None = pydantic.Field(
        default=None,
        min_length=1,
        description="A jar with the job server, which Java runs until the run ends.",
        examples=["beam-job-server.jar"],
    )
    environment: Environment

    @property
    def has_local_workers(self) -> bool:
        """True for LOOPBACK: the workers are processes of this run."""
        return self.environment.type == "LOOPBACK"

    @pydantic.model_validator(mode="after")
    def _one_server(self) -> _ClusterRunner:
        if (self.job_endpoint is None) == (self.job_server_jar is None):
            raise ValueError("expected either job_endpoint or job_server_jar")
        _check_loopback(self.environment, self.job_endpoint)
        return self


class FlinkRunner(_ClusterRunner):
    """Flink, through Beam's job server for it."""

    name: Literal["flink"] = pydantic.Field(description="The runner.", examples=["flink"])
    flink_master: Text = pydantic.Field(
        default="[auto]",
        description="HOST:PORT of Flink; `[auto]`: what the job server was started with.",
        examples=["flink.example.com:8081"],
    )


class SparkRunner(_ClusterRunner):
    """Spark 3, through Beam's job server for it."""

    name: Literal["spark"] = pydantic.Field(description="The runner.", examples=["spark"])
    spark_master_url: Text = pydantic.Field(
        description="The URL of the Spark master.", examples=["spark://spark.example.com:7077"]
    )


class DataflowRunner(_JobRunner):
    """Google Cloud Dataflow."""

    name: Literal["dataflow"] = pydantic.Field(description="The runner.", examples=["dataflow"])
    project: Text = pydantic.Field(description="The Google Cloud project.", examples=["my-project"])
    region: Text = pydantic.Field(description="The region of the job.", examples=["europe-west4"])
    temp_location: Location = pydantic.Field(
        description="A folder for temporary files.", examples=["gs://bucket/temporary"]
    )
    staging_location: Location | None = pydantic.Field(
        default=None,
        description="A folder for files of the job. If not given: below `temp_location`.",
        examples=["gs://bucket/staging"],
    )
    sdk_container_image: Text = pydantic.Field(
        description="The image of the workers, with this version of chatsieve.",
        examples=["europe-west4-docker.pkg.dev/my-project/images/chatsieve:1"],
    )
    service_account_email: Text | None = pydantic.Field(
        default=None,
        description="The service account of the workers. If not given: the project's default.",
        examples=["chatsieve@my-project.iam.gserviceaccount.com"],
    )
    subnetwork: Text | None = pydantic.Field(
        default=None,
        description="The subnetwork of the workers.",
        examples=["regions/europe-west4/subnetworks/private"],
    )
    use_public_ips: bool = pydantic.Field(
        default=False, description="Give workers public addresses.", examples=[True]
    )
    machine_type: Text | None = pydantic.Field(
        default=None, description="The machine type of the workers.", examples=["n2-standard-4"]
    )


def _check_loopback(environment: EnvironmentConfig, endpoint: str | None) -> None:
    if environment.type == "LOOPBACK" and endpoint is not None and not is_this_host(endpoint):
        raise ValueError("environment LOOPBACK needs a job service on this host, such as localhost:8099")
