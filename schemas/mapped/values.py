"""Where a value of an own schema is: at a path, as text, role, time or anything; or a constant."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Annotated, Any, Literal, Self

import pydantic

from schemas.mapped.paths import Path, RecordPath
from schemas.strict_yaml import StrictModel

ROLES = ("system", "user", "assistant", "tool")
#: Tiers and surfaces of the policies, as canonical records name them.
TIERS = ("free", "pro", "max", "team", "enterprise", "gov", "education")
SURFACES = ("chat", "code", "api", "bedrock", "vertex")
LABELS = frozenset({*TIERS, *SURFACES})
_TIME_OF_DAY = re.compile(r"%[HIcXfs]")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)\Z")


def _from_path(value: Any) -> Any:
    if value is None or isinstance(value, str | dict | pydantic.BaseModel):
        return {"path": value} if isinstance(value, str) else value
    raise ValueError("expected a path such as meta.user.id, or a mapping with path")


def _role_or_path(value: Any) -> Any:
    return {"constant": value} if isinstance(value, str) and value in ROLES else _from_path(value)


def _label_or_path(value: Any) -> Any:
    if isinstance(value, str) and value in LABELS:
        raise ValueError(
            f"{value} could be a value or a field; write {{constant: {value}}}, or {{path: {value}}} for a "
            "field of this name"
        )
    return _from_path(value)


def zone_of(name: str) -> dt.tzinfo:
    """The time zone with this name, or this offset such as +02:00; ValueError for another text."""
    if found := _OFFSET.match(name):
        minutes = int(found[2]) * 60 + int(found[3])
        return dt.timezone(dt.timedelta(minutes=minutes if found[1] == "+" else -minutes))
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; expected a name such as Europe/Berlin, UTC or +02:00") from None


class FieldConfig(StrictModel):
    """A text: the value at `path`, or the same `constant` for all records."""

    path: Path | None = pydantic.Field(
        default=None, description="The path of the value.", examples=["meta.user.id"]
    )
    constant: str | None = pydantic.Field(
        default=None, min_length=1, description="The same value for all records.", examples=["chat"]
    )
    values: dict[str, str] = pydantic.Field(
        default_factory=dict,
        description=(
            "By value in the log, what it means; numbers and booleans as JSON writes them. Other values stay."
        ),
        examples=[{"plus": "pro"}],
    )

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.path is None) == (self.constant is None):
            raise ValueError("expected either path or constant")
        if self.constant is not None and self.values:
            raise ValueError("values needs a path")
        return self


class OnceConfig(FieldConfig):
    """A text that a record has once."""

    path: RecordPath | None = pydantic.Field(
        default=None, description="The path of the value, without `[]`.", examples=["meta.user.id"]
    )


RoleName = Literal["system", "user", "assistant", "tool"]


class RoleConfig(StrictModel):
    """The role of a message: at `path`, a `constant`, or `alternate`."""

    path: Path | None = pydantic.Field(
        default=None, description="The path of the role.", examples=["turns[].speaker"]
    )
    constant: RoleName | None = pydantic.Field(
        default=None, description="The role of all messages of the entry.", examples=["user"]
    )
    alternate: list[RoleName] | None = pydantic.Field(
        default=None,
        min_length=1,
        description="The roles of the messages in turn.",
        examples=[["user", "assistant"]],
    )
    values: dict[str, RoleName | None] = pydantic.Field(
        default_factory=dict,
        description=(
            "By value in the log, the role; null leaves the message out. Known words such as human, bot and "
            "ai need no entry."
        ),
        examples=[{"agent": "assistant", "note": None}],
    )

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> Self:
        if [self.path, self.constant, self.alternate].count(None) != 2:
            raise ValueError("expected one of path, constant and alternate")
        if self.path is None and self.values:
            raise ValueError("values needs a path")
        return self


class TimeConfig(StrictModel):
    """An instant at `path`: RFC 3339 text with an offset, or a time of Parquet."""

    path: Path = pydantic.Field(description="The path of the time.", examples=["turns[].time"])
    unit: Literal["s", "ms", "us", "ns"] | None = pydantic.Field(
        default=None,
        description="The unit of numbers since 1970; excludes `zone` and `format`.",
        examples=["ms"],
    )
    zone: str | None = pydantic.Field(
        default=None,
        description="The zone of times without an offset: an IANA name, or an offset such as +02:00.",
        examples=["Europe/Berlin"],
    )
    format: str | None = pydantic.Field(
        default=None,
        description="The format of texts that are not RFC 3339, as `strptime` takes it.",
        examples=["%d.%m.%Y %H:%M"],
    )

    @pydantic.field_validator("zone")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            zone_of(value)
        return value

    @pydantic.field_validator("format")
    @classmethod
    def _has_time(cls, value: str | None) -> str | None:
        if value is not None and not _TIME_OF_DAY.search(value):
            raise ValueError('has no time of day; expected a format such as "%d.%m.%Y %H:%M"')
        return value

    @pydantic.model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.unit and (self.zone or self.format):
            raise ValueError("unit excludes zone and format: numbers since 1970 are in UTC")
        if self.format and "%z" not in self.format and not self.zone:
            raise ValueError("format without %z needs a zone such as Europe/Berlin or UTC")
        return self


class OnceTimeConfig(TimeConfig):
    """An instant that a record has once."""

    path: RecordPath = pydantic.Field(
        description="The path of the time, without `[]`.", examples=["meta.created"]
    )


class PathConfig(StrictModel):
    """A value of any type at `path`."""

    path: Path = pydantic.Field(description="The path of the value.", examples=["turns[].text"])


def _before(shorter: Any, model: type[StrictModel]) -> pydantic.BeforeValidator:
    """Accepts the path of a field in place of its mapping, also in the JSON Schema."""
    return pydantic.BeforeValidator(shorter, json_schema_input_type=model | str)


Text = Annotated[FieldConfig, _before(_from_path, FieldConfig)]
Once = Annotated[OnceConfig, _before(_from_path, OnceConfig)]
Label = Annotated[OnceConfig, _before(_label_or_path, OnceConfig)]
Time = Annotated[TimeConfig, _before(_from_path, TimeConfig)]
OnceTime = Annotated[OnceTimeConfig, _before(_from_path, OnceTimeConfig)]
Value = Annotated[PathConfig, _before(_from_path, PathConfig)]
Role = Annotated[RoleConfig, _before(_role_or_path, RoleConfig)]
