"""The section `runner` of a configuration: one model per Beam runner, with the options that it needs."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, ClassVar, Literal

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


class _Runner(StrictModel):
    """What every runner takes. `buckets` and `max_bucket_bytes` set how many sessions are decided at once."""

    buckets: int | None = pydantic.Field(default=None, ge=1, le=65_536)
    max_bucket_bytes: Size = 16 << 20

    @property
    def has_local_workers(self) -> bool:
        """True if all workers are processes on this machine, which see the files of this process."""
        return True


class DirectRunner(_Runner):
    """Beam's runner in this process. `workers`: 1 in this process, more as processes of their own."""

    name: Literal["direct"] = "direct"
    workers: int = pydantic.Field(default=2, ge=1, le=256)


class PrismRunner(_Runner):
    """Beam's Prism, started and ended with the run; one worker process.

    `program`: its path, if it is not on PATH or in Go's folder. `allow_listening`: start it although the
    system gives it no network of its own, so that it listens on all interfaces.
    """

    name: Literal["prism"]
    program: str | None = pydantic.Field(default=None, min_length=1)
    allow_listening: bool = False
    #: Prism starts one worker per job, whatever it is asked for.
    workers: ClassVar[int] = 1


class EnvironmentConfig(StrictModel):
    """Where a job service finds workers.

    EXTERNAL: `config` is the address of a worker pool. DOCKER: an image. PROCESS: a program on every worker
    host. LOOPBACK: processes of this run; the job service must be on this host.
    """

    type: Literal["EXTERNAL", "DOCKER", "PROCESS", "LOOPBACK"]
    config: str | None = pydantic.Field(default=None, min_length=1)

    @pydantic.model_validator(mode="after")
    def _complete(self) -> EnvironmentConfig:
        if (self.type == "LOOPBACK") != (self.config is None):
            raise ValueError(
                "config: LOOPBACK takes none; EXTERNAL takes HOST:PORT, DOCKER an image, PROCESS a program"
            )
        if self.type == "EXTERNAL" and self.config is not None:
            _check_address(self.config)
        return self


class _JobRunner(_Runner):
    """A runner that gives the graph to a job service.

    `workers`: how many work at once; it sets the size of units. `start_timeout`: the longest time until a
    worker has begun. `idle_timeout`: the longest time in which no counter of the job moves.
    """

    workers: int = pydantic.Field(default=2, ge=1, le=_MOST_WORKERS)
    start_timeout: Wait | None = pydantic.Field(default=dt.timedelta(minutes=10))
    idle_timeout: Wait | None = None

    @property
    def has_local_workers(self) -> bool:
        """False: the workers may be anywhere."""
        return False

    @pydantic.field_serializer("start_timeout", "idle_timeout")
    def _duration_text(self, value: dt.timedelta | None) -> float | None:
        return None if value is None else value.total_seconds()


class PortableRunner(_JobRunner):
    """Any job service that speaks Beam's portable job API."""

    name: Literal["portable"]
    job_endpoint: Address
    artifact_endpoint: Address | None = None
    environment: EnvironmentConfig

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

    job_endpoint: Address | None = None
    artifact_endpoint: Address | None = None
    job_server_jar: str | None = pydantic.Field(default=None, min_length=1)
    environment: EnvironmentConfig

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
    """Flink, through Beam's job server for it. `workers` is the parallelism."""

    name: Literal["flink"]
    flink_master: Text = "[auto]"


class SparkRunner(_ClusterRunner):
    """Spark 3, through Beam's job server for it."""

    name: Literal["spark"]
    spark_master_url: Text


class DataflowRunner(_JobRunner):
    """Google Cloud Dataflow. `workers` is the largest number of worker machines."""

    name: Literal["dataflow"]
    project: Text
    region: Text
    temp_location: Location
    staging_location: Location | None = None
    sdk_container_image: Text
    service_account_email: Text | None = None
    subnetwork: Text | None = None
    use_public_ips: bool = False
    machine_type: Text | None = None


def _check_loopback(environment: EnvironmentConfig, endpoint: str | None) -> None:
    if environment.type == "LOOPBACK" and endpoint is not None and not is_this_host(endpoint):
        raise ValueError("environment LOOPBACK needs a job service on this host, such as localhost:8099")


_RUNNERS = {
    "direct": DirectRunner,
    "portable": PortableRunner,
    "prism": PrismRunner,
    "flink": FlinkRunner,
    "spark": SparkRunner,
    "dataflow": DataflowRunner,
}


def _name_of(value: Any) -> str | None:
    name = value.get("name", "direct") if isinstance(value, dict) else getattr(value, "name", None)
    return name if isinstance(name, str) and name in _RUNNERS else None


RunnerConfig = Annotated[
    Annotated[DirectRunner, pydantic.Tag("direct")]
    | Annotated[PortableRunner, pydantic.Tag("portable")]
    | Annotated[PrismRunner, pydantic.Tag("prism")]
    | Annotated[FlinkRunner, pydantic.Tag("flink")]
    | Annotated[SparkRunner, pydantic.Tag("spark")]
    | Annotated[DataflowRunner, pydantic.Tag("dataflow")],
    pydantic.Discriminator(
        _name_of,
        custom_error_type="runner_name",
        custom_error_message=f"expected a mapping with a name: {', '.join(_RUNNERS)}",
    ),
]
