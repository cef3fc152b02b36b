"""Where consent comes from: snapshots, and sources in the forms of consent systems."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Literal

import isodate
import pydantic

from schemas.strict_yaml import Duration, Instant, StrictModel


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected a time zone of the IANA database, such as Europe/Berlin") from None
    return name


#: What is not said by a name is told by what it must not be.
Name = Annotated[str, pydantic.Field(min_length=1)]
Zone = Annotated[str, pydantic.AfterValidator(_known_zone)]


class _Source(StrictModel):
    """`time_zone`: of times without one, which are an error without it. `max_age`: how old the newest that
    the source knows may be at `as_of`."""

    time_zone: Zone | None = None
    max_age: Duration | None = None

    @pydantic.field_serializer("max_age")
    def _duration_text(self, value: object) -> str | None:
        return None if value is None else isodate.duration_isoformat(value)

    @property
    def zone(self) -> zoneinfo.ZoneInfo | None:
        """The time zone of times without one."""
        return zoneinfo.ZoneInfo(self.time_zone) if self.time_zone else None


class _Files(_Source):
    """`path`: a file or glob. `snapshot_at`: when they were exported, if neither path nor records say."""

    path: Name
    snapshot_at: Instant | None = None


class FidesSource(_Files):
    """Privacy-preference history of Fides. `preference`: the notice that counts, by key, name or history id.

    `user`: which identity is the user id. `without_user`: what to do with a record that has none.
    """

    format: Literal["fides"]
    preference: Name
    user: Literal["external_id", "email", "phone_number", "fides_user_device_id"] = "external_id"
    without_user: Literal["refuse", "skip"] = "refuse"


class Iso27560Source(_Files):
    """Consent records of ISO/IEC TS 27560 in the Data Privacy Vocabulary. `purpose`: the one that counts."""

    format: Literal["iso-27560"]
    purpose: Name


class SegmentSource(_Files):
    """Consent events of Segment. `category`: the one that counts. `without_user`: as for Fides."""

    format: Literal["segment"]
    category: Name
    without_user: Literal["refuse", "skip"] = "refuse"


class PostgresqlColumns(StrictModel):
    """What the columns are called. `snapshot_at` None: rows are known since they are read."""

    user_id: Name = "user_id"
    state: Name = "state"
    decided_at: Name = "decided_at"
    snapshot_at: Name | None = None


class PostgresqlSource(_Source):
    """A table, or what a query gives. `uri`: a connection string of libpq; `${ENV}` is expanded in it."""

    format: Literal["postgresql"]
    uri: pydantic.SecretStr = pydantic.Field(min_length=1)
    table: Name | None = None
    query: Name | None = None
    columns: PostgresqlColumns = pydantic.Field(default_factory=PostgresqlColumns)

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> PostgresqlSource:
        if (self.table is None) == (self.query is None):
            raise ValueError("give table or query, one of them")
        return self


FileSource = FidesSource | Iso27560Source | SegmentSource
Source = Annotated[
    FidesSource | Iso27560Source | SegmentSource | PostgresqlSource, pydantic.Field(discriminator="format")
]


class ConsentConfig(StrictModel):
    """Consent snapshots, as paths or globs, and sources in other forms; at least one of them."""

    snapshots: list[str] = pydantic.Field(default_factory=list)
    sources: list[Source] = pydantic.Field(default_factory=list)

    @pydantic.model_validator(mode="after")
    def _any(self) -> ConsentConfig:
        if not self.snapshots and not self.sources:
            raise ValueError("give snapshots, sources or both")
        return self
