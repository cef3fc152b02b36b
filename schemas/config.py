"""The configuration file of `run` and `audit`: one model per section, unknown keys refused."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from schemas.consent_config import ConsentConfig
from schemas.runners import DirectRunner, RunnerConfig
from schemas.sections.audit import AuditConfig
from schemas.sections.inputs import InputConfig
from schemas.strict_yaml import Instant, NewPath, Size, StrictModel
from schemas.windows import Span


class OutputConfig(StrictModel):
    """The output folder, and how its rows are divided into shards."""

    path: NewPath = pydantic.Field(
        min_length=1,
        description="The folder of the dataset, or its URL in S3 or Google Cloud Storage.",
        examples=["out/dataset"],
    )
    shards: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=99_999,
        description="The number of shards; excludes `target_shard_bytes`.",
        examples=[4],
    )
    target_shard_bytes: Size | None = pydantic.Field(
        default=None, description="Uncompressed text in each shard, about.", examples=["256MiB"]
    )
    on_exists: Literal["refuse", "new_version"] = pydantic.Field(
        default="refuse",
        description="For a dataset that exists: refuse the run, or add a version.",
        examples=["new_version"],
    )

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> OutputConfig:
        if self.shards is not None and self.target_shard_bytes is not None:
            raise ValueError("shards and target_shard_bytes exclude each other; give one of them")
        return self


class LimitsConfig(StrictModel):
    """The largest fraction of records that may be quarantined, and the limits for one record or archive."""

    max_quarantined_fraction: float = pydantic.Field(
        default=0.01,
        ge=0,
        le=1,
        strict=False,
        description=(
            "If more is quarantined, the command commits and exits with 1. Compared twice: records that "
            "could not be read with all records; and lines and messages that their session is read without."
        ),
        examples=[0.001],
    )
    max_record_bytes: Size = pydantic.Field(
        default=64 << 20, description="A larger record is quarantined: `oversize_record`.", examples=["16MiB"]
    )
    max_messages: int = pydantic.Field(
        default=20_000,
        ge=1,
        description="A record of more messages is quarantined: `oversize_record`.",
        examples=[50_000],
    )
    max_archive_members: int = pydantic.Field(
        default=100_000,
        ge=1,
        description="An archive of more files is quarantined: `oversize_file`.",
        examples=[1000],
    )
    max_decompression_ratio: int = pydantic.Field(
        default=200,
        ge=1,
        description=(
            "An archive whose conversations are more than so many times its size, and more than "
            "`max_record_bytes`, is quarantined: `oversize_file`."
        ),
        examples=[100],
    )


class RunConfig(StrictModel):
    """The configuration file. Paths are relative to its folder."""

    inputs: list[InputConfig] = pydantic.Field(
        min_length=1, description="The logs.", examples=[[{"path": "logs/*.jsonl.gz"}]]
    )
    consent: ConsentConfig = pydantic.Field(
        description="The consent records of all users.", examples=[{"snapshots": ["consent/*.parquet"]}]
    )
    authorizations: str | None = pydantic.Field(
        default=None,
        description="A list of organisations whose sessions may be used in spite of tier or surface.",
        examples=["authorizations.csv"],
    )
    deletions: str | None = pydantic.Field(
        default=None,
        description="A list of users and conversations that were deleted.",
        examples=["deletions.csv"],
    )
    policy: str = pydantic.Field(
        description="The policy pack: a name of `chatsieve policy list`, or a path.",
        examples=["consumer-terms-2025-09-28"],
    )
    deid: str = pydantic.Field(
        description="The de-identification config: `default`, or a path.", examples=["default"]
    )
    as_of: Instant | None = pydantic.Field(
        default=None,
        description="The instant of the decisions: later consent does not count. If not given: now.",
        examples=["2026-03-01T00:00:00Z"],
    )
    wait: Span | None = pydantic.Field(
        default=None,
        description="How long a run waits for what `ready` asks for, and for other commands.",
        examples=["PT2H"],
    )
    key: str | None = pydantic.Field(
        default=None,
        description="A variable with the key, 64 hex digits. Give this, `key_file` or `key_command`.",
        examples=["${CHATSIEVE_KEY}"],
    )
    key_file: str | None = pydantic.Field(
        default=None, description="A file with the key, mode 0600.", examples=["chatsieve.key"]
    )
    key_command: list[str] | None = pydantic.Field(
        default=None,
        min_length=1,
        description="A program and its arguments; it prints the key.",
        examples=[["pass", "show", "chatsieve"]],
    )
    create_key: bool = pydantic.Field(
        default=False,
        description="Create a missing key file; for examples only.",
        examples=[True],
    )
    output: OutputConfig = pydantic.Field(
        description="The folder of the dataset.", examples=[{"path": "out/dataset"}]
    )
    limits: LimitsConfig = pydantic.Field(
        default_factory=LimitsConfig,
        description="Limits for records and archives.",
        examples=[{"max_quarantined_fraction": 0.001}],
    )
    audit: AuditConfig = pydantic.Field(
        default_factory=AuditConfig,
        description="Audits, reports and thresholds.",
        examples=[{"min_cell": 20}],
    )
    runner: RunnerConfig = pydantic.Field(
        default_factory=DirectRunner,
        description="The engine that runs the graph. It changes neither decisions nor bytes.",
        examples=[{"name": "direct", "workers": 4}],
    )

    @pydantic.field_validator("as_of", mode="before")
    @classmethod
    def _empty_as_of(cls, value: Any) -> Any:
        return None if value == "" else value
