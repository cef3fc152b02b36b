"""The section `runner` of a configuration: one model per Beam runner, with the options that it needs."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import pydantic

from schemas.sections.job_runners import DataflowRunner, FlinkRunner, PortableRunner, Runner, SparkRunner


class DirectRunner(Runner):
    """Beam's runner on this machine."""

    name: Literal["direct"] = pydantic.Field(default="direct", description="The runner.", examples=["direct"])
    workers: int = pydantic.Field(
        default=2,
        ge=1,
        le=256,
        description="1: in this process. More: as processes of their own.",
        examples=[4],
    )


class PrismRunner(Runner):
    """Beam's Prism, started and ended with the run; one worker process."""

    name: Literal["prism"] = pydantic.Field(description="The runner.", examples=["prism"])
    program: str | None = pydantic.Field(
        default=None,
        min_length=1,
        description="The path of Prism, if it is not on PATH or in Go's folder.",
        examples=["/opt/prism"],
    )
    allow_listening: bool = pydantic.Field(
        default=False,
        description="Start it without a network namespace; it then listens on all interfaces.",
        examples=[True],
    )
    #: Prism starts one worker per job, whatever it is asked for.
    workers: ClassVar[int] = 1


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
