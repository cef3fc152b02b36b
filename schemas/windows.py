"""Inputs that cover a window of days, and what must be there before a run starts."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

import isodate
import pydantic

from schemas.strict_yaml import Duration, StrictModel, parse_duration

#: `{date}` or `{date:FORMAT}`. Other braces in a path are part of a name.
_PLACEHOLDER = re.compile(r"\{date(?::([^{}]*))?\}")
_FORMAT = re.compile(r"(?:%[Ymdj]|[-_./])+")
_DIRECTIVE = re.compile("%.")
_DEFAULT_FORMAT = "%Y-%m-%d"
#: Parts of a date that name one day.
_ONE_DAY = ({"%Y", "%m", "%d"}, {"%Y", "%j"})
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NO_TIME = dt.timedelta()


def has_date(path: str) -> bool:
    """True for a path with `{date}` or `{date:FORMAT}`."""
    return _PLACEHOLDER.search(path) is not None


def path_of_day(path: str, day: dt.date) -> str:
    """The path with each placeholder replaced by the day."""
    parts = {"%Y": f"{day:%Y}".zfill(4), "%m": f"{day:%m}", "%d": f"{day:%d}", "%j": f"{day:%j}"}

    def text(found: re.Match[str]) -> str:
        return _DIRECTIVE.sub(lambda each: parts[each[0]], found[1] or _DEFAULT_FORMAT)

    return _PLACEHOLDER.sub(text, path)


def undated_folder(path: str) -> str:
    """The folder in front of the first placeholder, with a slash at its end unless it is empty."""
    head, slash, _ = _PLACEHOLDER.split(path, maxsplit=1)[0].rpartition("/")
    return head + slash


def split_dates(path: str) -> list[str]:
    """The texts between placeholders, and the placeholders, in turn; begins and ends with a text."""
    pieces, done = list[str](), 0
    for found in _PLACEHOLDER.finditer(path):
        pieces += (path[done : found.start()], found[0])
        done = found.end()
    return [*pieces, path[done:]]


def _check_dates(path: str) -> str:
    """The path; ValueError if its placeholders do not name one day."""
    parts = set[str]()
    for found in _PLACEHOLDER.finditer(path):
        pattern = _DEFAULT_FORMAT if found[1] is None else found[1]
        if not _FORMAT.fullmatch(pattern):
            raise ValueError(
                f"{found[0]}: expected %Y, %m, %d, %j and separators, such as {{date:%Y/%m/%d}}; "
                "write other text outside of the braces"
            )
        parts.update(_DIRECTIVE.findall(pattern))
    if parts and not any(names <= parts for names in _ONE_DAY):
        raise ValueError("the dates in the path name no single day; give %Y, %m and %d, or {date}")
    if re.match(r"(?:s3|gs)://[^/]*\{date", path) and parts:
        raise ValueError("a bucket cannot be named by a date; use {date} below the bucket")
    return path


def parse_day(value: object) -> dt.date:
    """A date from text such as 2026-11-29; ValueError for other values."""
    if type(value) is dt.date:
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return dt.date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("expected a date such as 2026-11-29")


def _parse_since(value: object) -> object:
    """A date, or a duration of whole days, months or years above zero."""
    if isinstance(value, str) and value.startswith("P"):
        value = parse_duration(value)
    if not isinstance(value, isodate.Duration | dt.timedelta):
        try:
            return parse_day(value)
        except ValueError:
            raise ValueError("expected a date such as 2026-11-01, or a duration such as P30D") from None
    span = value.tdelta if isinstance(value, isodate.Duration) else value
    start = dt.date(2000, 1, 1)
    try:
        is_positive = start + value > start
    except (OverflowError, ValueError):
        is_positive = True  # longer than any window may be
    if span % dt.timedelta(days=1) or not is_positive:
        raise ValueError("expected a duration of whole days above zero, such as P30D")
    return value


def _parse_span(value: object) -> dt.timedelta:
    """A duration in days, hours or smaller units, not negative."""
    span = parse_duration(value)
    if not isinstance(span, dt.timedelta) or span < _NO_TIME:
        raise ValueError("expected a duration of days or hours, such as P2D or PT6H")
    return span


def _duration_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else isodate.duration_isoformat(value)


#: A path that may have `{date}`.
DatedPath = Annotated[str, pydantic.Field(min_length=1), pydantic.AfterValidator(_check_dates)]
#: The first day, or how long the window is.
Since = Annotated[
    Any,
    pydantic.BeforeValidator(_parse_since),
    pydantic.PlainSerializer(_duration_text),
    pydantic.WithJsonSchema({"type": "string", "pattern": r"^(P|\d{4}-\d\d-\d\d$)"}),
]
Day = Annotated[dt.date, pydantic.BeforeValidator(parse_day)]
#: A length of time of a fixed number of seconds, not negative.
Span = Annotated[
    dt.timedelta, pydantic.BeforeValidator(_parse_span), pydantic.PlainSerializer(_duration_text)
]


def _check_marker(path: str) -> str:
    if re.search(r"[*?]", path):
        raise ValueError("a marker is one file; give its path without * and ?")
    return path


Marker = Annotated[DatedPath, pydantic.AfterValidator(_check_marker)]


class InputReady(StrictModel):
    """What an input needs before a run starts."""

    marker: Marker | None = pydantic.Field(
        default=None,
        description="A file that is written when the data is complete; with `{date}`, one for each day.",
        examples=["logs/{date}/_SUCCESS"],
    )
    files: bool = pydantic.Field(
        default=False,
        description="There must be a file of the input; in a window, one for each day.",
        examples=[True],
    )

    @pydantic.model_validator(mode="after")
    def _any(self) -> InputReady:
        if self.marker is None and not self.files:
            raise ValueError("expected marker, files: true, or both")
        return self


class ConsentReady(StrictModel):
    """What consent needs before a run starts."""

    max_age: Duration | None = pydantic.Field(
        default=None,
        description="The largest age at `as_of` of the newest canonical snapshot.",
        examples=["PT24H"],
    )
    marker: Marker | None = pydantic.Field(
        default=None,
        description="A file that is written when consent is complete; `{date}`: the UTC date of `as_of`.",
        examples=["consent/{date}/_SUCCESS"],
    )

    @pydantic.model_validator(mode="after")
    def _any(self) -> ConsentReady:
        if self.max_age is None and self.marker is None:
            raise ValueError("expected max_age, marker or both")
        return self

    @pydantic.field_serializer("max_age")
    def _max_age_text(self, value: Any) -> str | None:
        return None if value is None else _duration_text(value)


class DatedInput(StrictModel):
    """The path of an input, and the days that it covers if it has `{date}`."""

    path: DatedPath = pydantic.Field(
        description="A file, folder or glob, or its URL; `{date}` or `{date:%Y/%m/%d}` stands for each day.",
        examples=["logs/{date}/*.jsonl.gz"],
    )
    since: Since | None = pydantic.Field(
        default=None,
        description="For a path with `{date}`: the first day, or the length of the window.",
        examples=["P30D"],
    )
    until: Day | None = pydantic.Field(
        default=None,
        description="The last day. If not given: the newest day that is due at `as_of`.",
        examples=["2026-12-31"],
    )
    lateness: Span = pydantic.Field(
        default=_NO_TIME,
        description="A day is due so long after its end, in UTC. A day that is not due is never read.",
        examples=["PT2H"],
    )
    ready: InputReady | None = pydantic.Field(
        default=None,
        description="What must be there before a run starts; else it ends with exit code 4.",
        examples=[{"files": True}],
    )

    @pydantic.model_validator(mode="after")
    def _fits(self) -> DatedInput:
        if not has_date(self.path):
            for key in ("since", "until", "lateness"):
                if key in self.model_fields_set:
                    raise ValueError(f"{key} needs a path with {{date}}, such as logs/{{date}}/*.jsonl.gz")
        elif self.since is None:
            raise ValueError(
                "a path with {date} needs since; give the first day, or a duration such as P30D "
                "(for a folder of this name, write [{]date})"
            )
        if self.until is not None and isinstance(self.since, dt.date) and self.since > self.until:
            raise ValueError(f"since {self.since} is after until {self.until}; exchange them")
        marker = self.ready and self.ready.marker
        if marker and has_date(marker) != has_date(self.path):
            raise ValueError("ready.marker and path must both have {date}, or neither")
        return self
