"""The configuration file of `run` and `audit`: one model per section, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import isodate
import pydantic

from schemas.consent_config import ConsentConfig
from schemas.decisions import Reason
from schemas.formats import MAPPED_GROUPS, MAPPED_HISTORIES, check_format
from schemas.ids import UNCLEAN, is_unclean
from schemas.mapped.fields import FieldsConfig
from schemas.reports.document import WarningCode
from schemas.runners import DirectRunner, RunnerConfig
from schemas.strict_yaml import Duration, Instant, Size, StrictModel
from schemas.units import QUARANTINE_CODES
from schemas.windows import DatedInput, Span


def check_id(text: str) -> str:
    """The id; ValueError for one that could match nothing."""
    if is_unclean(text):
        raise ValueError(UNCLEAN)
    return text


Id = Annotated[str, pydantic.AfterValidator(check_id)]
Format = Annotated[str, pydantic.AfterValidator(check_format)]


class InputDefaults(StrictModel):
    """Values for records that lack them. A value in the record takes precedence."""

    user_id: Id | None = None
    organization_id: Id | None = None
    tier: str | None = None
    surface: str | None = None
    created_at: Instant | None = None


class PathDefaults(StrictModel):
    """Values for records that lack them, in files whose path below the input matches the glob `path`."""

    path: str = pydantic.Field(min_length=1)
    user_id: Id | None = None
    organization_id: Id | None = None
    tier: str | None = None
    surface: str | None = None


class InputConfig(DatedInput):
    """One input: a file, folder or glob, its format, and where missing user ids and labels come from.

    `mapping`: a CSV or Parquet table that assigns a user to a path or account. For each missing value the
    first matching entry of `defaults_by_path` applies, then `defaults`. `fields`: of format `mapped`, where
    the records have what a session needs.
    """

    format: Format = "canonical"
    defaults: InputDefaults = pydantic.Field(default_factory=InputDefaults)
    defaults_by_path: list[PathDefaults] = pydantic.Field(default_factory=list)
    mapping: str | None = None
    fields: FieldsConfig | None = None

    @pydantic.model_validator(mode="after")
    def _fields_of_mapped(self) -> InputConfig:
        if self.format == "mapped" and self.fields is None:
            raise ValueError("format mapped needs fields; `chatsieve inspect PATH --suggest` proposes them")
        if self.format != "mapped" and self.fields is not None:
            raise ValueError(f"fields is for format mapped; format is {self.format}")
        return self

    @property
    def reader(self) -> str:
        """The source that reads the input: the format, or the way to read format `mapped`."""
        return self.format if self.fields is None else reader_of(self.fields)


def reader_of(fields: FieldsConfig) -> str:
    """The source that reads an own schema."""
    if fields.group_by is not None:
        return MAPPED_GROUPS
    repeats = fields.conversation_id is None and fields.messages[0].message_id is None
    return MAPPED_HISTORIES if repeats else "mapped"


class OutputConfig(StrictModel):
    """The output folder. `target_shard_bytes`: uncompressed text per shard, in bytes."""

    path: str = pydantic.Field(min_length=1)
    shards: int | None = pydantic.Field(default=None, ge=1, le=99_999)
    target_shard_bytes: Size | None = None
    on_exists: Literal["refuse", "new_version"] = "refuse"

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> OutputConfig:
        if self.shards is not None and self.target_shard_bytes is not None:
            raise ValueError("shards and target_shard_bytes exclude each other; give one of them")
        return self


class LimitsConfig(StrictModel):
    """The largest fraction of records that may be quarantined, and the limits for one record or archive."""

    max_quarantined_fraction: float = pydantic.Field(default=0.01, ge=0, le=1, strict=False)
    max_record_bytes: Size = 64 << 20
    max_messages: int = pydantic.Field(default=20_000, ge=1)
    max_archive_members: int = pydantic.Field(default=100_000, ge=1)
    max_decompression_ratio: int = pydantic.Field(default=200, ge=1)


#: A fraction of all ledger rows, which are sessions and quarantined records.
Share = Annotated[float, pydantic.Field(ge=0, le=1, strict=False)]


class FailIf(StrictModel):
    """Thresholds. If one is crossed, the command commits and exits with 1, so a scheduler can stop a release.

    A value equal to the threshold is allowed. A threshold that is not given is not checked. `max_share`: by
    reason or quarantine code. `max_moved_share`: change of any reason's share since the run compared with.
    `refused_eligible`: eligible sessions of users who refuse, without those that the policy keeps under
    `prior_contributions: keep`. `warnings`: warning codes that must not occur.
    """

    min_sessions: int | None = pydantic.Field(default=None, ge=0)
    min_eligible_share: Share | None = None
    max_share: dict[str, Share] = pydantic.Field(default_factory=dict)
    max_quarantined_share: Share | None = None
    max_deferred_share: Share | None = None
    max_moved_share: Share | None = None
    max_snapshot_age: Duration | None = None
    max_undecided_users_after_deadline: int | None = pydantic.Field(default=None, ge=0)
    max_stale_users: int | None = pydantic.Field(default=None, ge=0)
    refused_eligible: int = pydantic.Field(default=0, ge=0)
    warnings: list[WarningCode] = pydantic.Field(default_factory=list)

    @pydantic.field_validator("max_share")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(value) - {*map(str, Reason), *QUARANTINE_CODES})
        if unknown:
            raise ValueError(
                f"{unknown[0]} is neither a reason nor a quarantine code; docs/reference/policy.md lists both"
            )
        return value

    @pydantic.field_serializer("max_snapshot_age")
    def _duration_text(self, value: Any) -> str | None:
        return None if value is None else isodate.duration_isoformat(value)


class AuditConfig(StrictModel):
    """Audits and reports. With --shareable, counts below `min_cell` are suppressed.

    `path`: the folder of audits, `<output.path>.audit` by default. Runs and audits never share a folder.
    """

    path: str | None = pydantic.Field(default=None, min_length=1)
    min_cell: int = pydantic.Field(default=10, ge=2, le=1000)
    fail_if: FailIf = pydantic.Field(default_factory=FailIf)


class RunConfig(StrictModel):
    """The configuration file. Paths are relative to its folder.

    `wait`: how long a run waits for what `ready` asks for, and for another command that holds the dataset.
    """

    inputs: list[InputConfig] = pydantic.Field(min_length=1)
    consent: ConsentConfig
    authorizations: str | None = None
    deletions: str | None = None
    policy: str
    deid: str
    as_of: Instant | None = None
    wait: Span | None = None
    key: str | None = None
    key_file: str | None = None
    key_command: list[str] | None = pydantic.Field(default=None, min_length=1)
    create_key: bool = False
    output: OutputConfig
    limits: LimitsConfig = pydantic.Field(default_factory=LimitsConfig)
    audit: AuditConfig = pydantic.Field(default_factory=AuditConfig)
    runner: RunnerConfig = pydantic.Field(default_factory=DirectRunner)

    @pydantic.field_validator("as_of", mode="before")
    @classmethod
    def _empty_as_of(cls, value: Any) -> Any:
        return None if value == "" else value
