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


class _Source(StrictModel):
    """Options of every source.

    `time_zone`: the zone of times that have none; without it such a time is an error. `max_age`: the largest
    age at `as_of` of the newest entry of the source.
    """

    time_zone: Zone | None = None
    max_age: Duration | None = None

    @pydantic.field_serializer("max_age")
    def _duration_text(self, value: object) -> str | None:
        return None if value is None else isodate.duration_isoformat(value)

    @property
    def zone(self) -> zoneinfo.ZoneInfo | None:
        """The time zone of times that have none; None: such times are errors."""
        return zoneinfo.ZoneInfo(self.time_zone) if self.time_zone else None


class _Files(_Source):
    """`path`: a file or glob. `snapshot_at`: the export time, for exports without one in path or records."""

    path: Name
    snapshot_at: Instant | None = None


class FidesSource(_Files):
    """Privacy-preference history of Fides.

    `preference`: the notice that means training, by key, name or history id. `user`: the identity that is the
    user id. `without_user`: what to do with a record without that identity.
    """

    format: Literal["fides"]
    preference: Name
    user: Literal["external_id", "email", "phone_number", "fides_user_device_id"] = "external_id"
    without_user: Literal["refuse", "skip"] = "refuse"


class Iso27560Source(_Files):
    """Consent records of ISO/IEC TS 27560 in the Data Privacy Vocabulary.

    `purpose`: the one that means training.
    """

    format: Literal["iso-27560"]
    purpose: Name


class SegmentSource(_Files):
    """Consent events of Segment. `category`: the one that means training. `without_user`: as for Fides."""

    format: Literal["segment"]
    category: Name
    without_user: Literal["refuse", "skip"] = "refuse"


class PostgresqlColumns(StrictModel):
    """Names of the columns. `snapshot_at` None: all rows are known as of the moment they are read."""

    user_id: Name = "user_id"
    state: Name = "state"
    decided_at: Name = "decided_at"
    snapshot_at: Name | None = None


class PostgresqlSource(_Source):
    """A table or the result of a query. `uri`: a libpq connection string; `${ENV}` is expanded in it."""

    format: Literal["postgresql"]
    uri: pydantic.SecretStr = pydantic.Field(min_length=1)
    table: Name | None = None
    query: Name | None = None
    columns: PostgresqlColumns = pydantic.Field(default_factory=PostgresqlColumns)

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

    snapshots: list[str] = pydantic.Field(default_factory=list)
    sources: list[Source] = pydantic.Field(default_factory=list)
    ready: ConsentReady | None = None

    @pydantic.model_validator(mode="after")
    def _any(self) -> ConsentConfig:
        if not self.snapshots and not self.sources:
            raise ValueError("expected snapshots, sources or both")
        if self.ready and self.ready.max_age is not None and not self.snapshots:
            raise ValueError("ready.max_age is the age of snapshots; for sources alone, give ready.marker")
        return self
