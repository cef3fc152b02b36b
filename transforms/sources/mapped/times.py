"""Instants of own schemas: text, numbers since 1970 and times of Parquet, in UTC."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

from schemas.mapped.values import TimeConfig, zone_of
from transforms.sources.faults import bad_field

Instant = Callable[[Any], dt.datetime | None]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
#: Characters of a time with date, hour and minute.
_SHORTEST = len("2025-01-01T00:00")
_IMPOSSIBLE = (ValueError, OverflowError)


def instant_of(config: TimeConfig) -> Instant:
    """The instant of a value, None for null and blank text; raises Fault with the configured path."""
    zone = zone_of(config.zone) if config.zone else None
    read = _numbers(config.unit) if config.unit else _texts(config.format)

    def instant(value: Any) -> dt.datetime | None:
        if value is None:
            return None
        if isinstance(value, dt.datetime):
            found: dt.datetime | None = value
        else:
            try:
                found = read(value)
            except _IMPOSSIBLE:
                raise bad_field(config.path, value, "bad_timestamp") from None
        if found is None or found.tzinfo is not None:
            return found
        if zone is None:
            raise bad_field(config.path, value, "naive_timestamp")
        return found.replace(tzinfo=zone).astimezone(dt.UTC)

    return instant


def _numbers(unit: str) -> Callable[[Any], dt.datetime | None]:
    per_second = _PER_SECOND[unit]

    def read(value: Any) -> dt.datetime | None:
        if isinstance(value, str):
            if not value.strip():
                return None
            value = int(value) if value.strip().lstrip("-").isdecimal() else float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError
        if isinstance(value, int):
            return _EPOCH + dt.timedelta(microseconds=value * 1_000_000 // per_second)
        return _EPOCH + dt.timedelta(seconds=value / per_second)

    return read


def _texts(pattern: str | None) -> Callable[[Any], dt.datetime | None]:
    def read(value: Any) -> dt.datetime | None:
        if not isinstance(value, str):
            raise ValueError  # noqa: TRY004 - the caller gives the kind of the value
        if not value.strip():
            return None
        if pattern is not None:
            return dt.datetime.strptime(value, pattern)
        if len(value) < _SHORTEST or value[4] != "-" or value[10] not in "Tt ":
            raise ValueError
        return dt.datetime.fromisoformat(value.removesuffix(" UTC") + "Z" if value[-4:] == " UTC" else value)

    return read
