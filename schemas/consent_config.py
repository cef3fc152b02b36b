"""The `consent` section of the configuration: canonical snapshots, and exports of consent systems."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Literal

import isodate
import pydantic

from schemas.strict_yaml import Duration, Instant, StrictModel
from schemas.windows import ConsentReady


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected a time zone of the IANA database, such as Europe/Berlin") from None
    return name


Name = Annotated[str, pydantic.Field(min_length=1)]
Zone = Annotated[str, pydantic.AfterValidator(_known_zone)]
WithoutUser = Annotated[
    Literal["refuse", "skip"],
    pydantic.Field(
        description="For a record that counts and has no user: refuse the run, or skip the record.",
        examples=["skip"],
    ),
]


class _Source(StrictModel):
    """Options of every source."""

    time_zone: Zone | None = pydantic.Field(
        default=None,
        description="The zone of times without an offset. If it is not given, such a time is an error.",
        examples=["Europe/Oslo"],
    )
    max_age: Duration | None = pydantic.Field(
        default=None,
        description="The largest age at `as_of` of the newest record of the source; else the run is refused.",
        examples=["PT36H"],
    )

    @pydantic.field_serializer("max_age")
    def _duration_text(self, value: object) -> str | None:
        return None if value is None else isodate.duration_isoformat(value)

    @property
    def zone(self) -> zoneinfo.ZoneInfo | None:
        """The time zone of times that have none; None: such times are errors."""
        return zoneinfo.ZoneInfo(self.time_zone) if self.time_zone else None


class _Files(_Source):
    """A source of files."""

    path: Name = pydantic.Field(
        description="A file or glob: JSON Lines, an array or one document; plain, gzip or zstd.",
        examples=["consent/export/*.json"],
    )
    snapshot_at: Instant | None = pydantic.Field(
        default=None,
        description="When the files were exported, if neither the path nor the records have it.",
        examples=["2026-03-01T00:00:00Z"],
    )


class FidesSource(_Files):
    """Privacy-preference history of Fides."""

    format: Literal["fides"] = pydantic.Field(description="The system.", examples=["fides"])
    preference: Name = pydantic.Field(
        description="The notice that means training: its key, name or history id.",
        examples=["model_training"],
    )
    user: Literal["external_id", "email", "phone_number", "fides_user_device_id"] = pydantic.Field(
        default="external_id", description="The identity that is the user id.", examples=["email"]
    )
    without_user: WithoutUser = "refuse"


class Iso27560Source(_Files):
    """Consent records of ISO/IEC TS 27560 in the Data Privacy Vocabulary."""

    format: Literal["iso-27560"] = pydantic.Field(description="The system.", examples=["iso-27560"])
    purpose: Name = pydantic.Field(
        description="The purpose that means training, as the records name it.",
        examples=["dpv:ImproveExistingProductsAndServices"],
    )


class SegmentSource(_Files):
    """Consent events of Segment."""

    format: Literal["segment"] = pydantic.Field(description="The system.", examples=["segment"])
    category: Name = pydantic.Field(
        description="The category that means training.", examples=["model_training"]
    )
    without_user: WithoutUser = "refuse"


class PostgresqlColumns(StrictModel):
    """Names of the columns."""

    user_id: Name = pydantic.Field(
        default="user_id", description="The column of user ids, of any type.", examples=["account"]
    )
    state: Name = pydantic.Field(
        default="state",
        description="The column of states: granted or refused as text, enumeration or boolean, or null.",
        examples=["training"],
    )
    decided_at: Name = pydantic.Field(
        default="decided_at", description="The column of decision times.", examples=["changed_at"]
    )
    snapshot_at: Name | None = pydantic.Field(
        default=None,
        description="The column of recording times. If not given: all rows are known when they are read.",
        examples=["recorded_at"],
    )


class PostgresqlSource(_Source):
    """A table of PostgreSQL, or the result of a query."""

    format: Literal["postgresql"] = pydantic.Field(description="The system.", examples=["postgresql"])
    uri: pydantic.SecretStr = pydantic.Field(
        min_length=1,
        description="A libpq connection string; `${VARIABLE}` in it is expanded. It is written nowhere.",
        examples=["${CONSENT_DB}"],
    )
    table: Name | None = pydantic.Field(
        default=None,
        description="The table, as in the catalogue, case-sensitive; excludes `query`.",
        examples=["privacy.consent"],
    )
    query: Name | None = pydantic.Field(
        default=None,
        description="A SELECT in place of `table`.",
        examples=["SELECT user_id, state, decided_at FROM privacy.consent"],
    )
    columns: PostgresqlColumns = pydantic.Field(
        default_factory=PostgresqlColumns,
        description="Names of the columns.",
        examples=[{"user_id": "account"}],
    )

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> PostgresqlSource:
        if (self.table is None) == (self.query is None):
            raise ValueError("expected either table or query")
        return self


FileSource = FidesSource | Iso27560Source | SegmentSource
Source = Annotated[
    FidesSource | Iso27560Source | SegmentSource | PostgresqlSource, pydantic.Field(discriminator="format")
]


class ConsentConfig(StrictModel):
    """Canonical snapshots, as paths or globs, and sources in other formats; at least one of the two."""

    snapshots: list[str] = pydantic.Field(
        default_factory=list,
        description="Files of canonical rows: paths, globs or URLs of Parquet, CSV or JSON Lines.",
        examples=[["consent/*.parquet"]],
    )
    sources: list[Source] = pydantic.Field(
        default_factory=list,
        description="Exports and tables of consent systems.",
        examples=[[{"format": "segment", "path": "segment/*.jsonl.gz", "category": "model_training"}]],
    )
    ready: ConsentReady | None = pydantic.Field(
        default=None,
        description="What must be there before a run starts; else it ends with exit code 4.",
        examples=[{"max_age": "PT24H"}],
    )

    @pydantic.model_validator(mode="after")
    def _any(self) -> ConsentConfig:
        if not self.snapshots and not self.sources:
            raise ValueError("expected snapshots, sources or both")
        if self.ready and self.ready.max_age is not None and not self.snapshots:
            raise ValueError("ready.max_age is the age of snapshots; for sources alone, give ready.marker")
        return self
