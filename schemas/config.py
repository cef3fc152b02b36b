"""The run configuration (interfaces.md, "Configuration"), strict."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pydantic

from schemas.strict_yaml import Instant, StrictModel

_SIZE = re.compile(r"(\d+)\s*(B|KB|MB|GB|KiB|MiB|GiB)?\Z")
_FACTOR = {None: 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_size(value: object) -> int:
    """Bytes from 1048576, "64MiB" or "1 GB"."""
    found = _SIZE.match(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if not found:
        raise ValueError("expected a size in bytes, such as 64MiB")
    return int(found.group(1)) * _FACTOR[found.group(2)]


Size = Annotated[int, pydantic.BeforeValidator(parse_size), pydantic.Field(gt=0)]
Format = Literal["canonical", "claude-code", "claude-export"]


class InputDefaults(StrictModel):
    """Values for a source that lacks them."""

    user_id: str | None = None
    organization_id: str | None = None
    tier: str | None = None
    surface: str | None = None


class InputConfig(StrictModel):
    """One kind of input: a path or glob, its format and its defaults."""

    path: str = pydantic.Field(min_length=1)
    format: Format = "canonical"
    defaults: InputDefaults = pydantic.Field(default_factory=InputDefaults)


class ConsentConfig(StrictModel):
    """Consent snapshots, as paths or globs."""

    snapshots: list[str] = pydantic.Field(min_length=1)


class OutputConfig(StrictModel):
    """Where the dataset goes. `target_shard_bytes` is uncompressed text a shard."""

    path: str = pydantic.Field(min_length=1)
    shards: int | None = pydantic.Field(default=None, ge=1, le=99_999)
    target_shard_bytes: Size | None = None
    on_exists: Literal["refuse", "new_version"] = "refuse"

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> OutputConfig:
        if self.shards is not None and self.target_shard_bytes is not None:
            raise ValueError("give shards or target_shard_bytes, not both")
        return self


class LimitsConfig(StrictModel):
    """Bounds on bad input and on one record."""

    max_quarantined_fraction: float = pydantic.Field(default=0.01, ge=0, le=1, strict=False)
    max_record_bytes: Size = 64 << 20
    max_messages: int = pydantic.Field(default=20_000, ge=1)


class RunnerConfig(StrictModel):
    """The Beam runner; `buckets` and `max_bucket_bytes` are how finely sessions are shared out to decide."""

    name: Literal["direct"] = "direct"
    workers: int = pydantic.Field(default=2, ge=1, le=256)
    buckets: int | None = pydantic.Field(default=None, ge=1, le=65_536)
    max_bucket_bytes: Size = 16 << 20


class RunConfig(StrictModel):
    """A whole configuration file."""

    inputs: list[InputConfig] = pydantic.Field(min_length=1)
    consent: ConsentConfig
    authorizations: str | None = None
    deletions: str | None = None
    policy: str
    deid: str
    as_of: Instant | None = None
    key: str | None = None
    key_file: str | None = None
    create_key: bool = False
    output: OutputConfig
    limits: LimitsConfig = pydantic.Field(default_factory=LimitsConfig)
    runner: RunnerConfig = pydantic.Field(default_factory=RunnerConfig)

    @pydantic.field_validator("as_of", mode="before")
    @classmethod
    def _empty_as_of(cls, value: Any) -> Any:
        return None if value == "" else value
