"""Ends of retention: adds an ISO 8601 duration to many instants at once."""

from __future__ import annotations

import datetime as dt

import isodate
import numpy as np

from schemas.errors import PolicyError
from transforms.shuffle.instants import LATEST, Ints

_MICROSECOND = dt.timedelta(microseconds=1)


def ends_of(instants: Ints, retention: isodate.Duration | dt.timedelta) -> Ints:
    """Each instant plus an ISO 8601 duration, in microseconds, at most the end of year 9999.

    As `isodate` does for one instant: years and months move the calendar date and keep the time of day, a day
    that the month does not have becomes its last day (29 February + P1Y = 28 February), then days and times
    are added. Raises PolicyError for a fraction of a year or month.
    """
    months, rest = _parts(retention)
    ends = np.minimum(instants, LATEST)
    if months:
        ends = _add_months(ends, months)
    limited: Ints = np.minimum(ends + rest // _MICROSECOND, LATEST)
    return limited


def _parts(retention: isodate.Duration | dt.timedelta) -> tuple[int, dt.timedelta]:
    if isinstance(retention, dt.timedelta):
        return 0, retention
    months: float = retention.years * 12 + retention.months
    if months != int(months) or retention.years != int(retention.years):
        raise PolicyError("retention: a fraction of a year or month has no calendar meaning; use whole ones")
    rest: dt.timedelta = retention.tdelta
    return int(months), rest


def _add_months(instants: Ints, months: int) -> Ints:
    stamps = instants.astype("datetime64[us]")
    days = stamps.astype("datetime64[D]")
    start = days.astype("datetime64[M]")
    target = start + np.timedelta64(months, "M")
    day_of_month = days - start.astype("datetime64[D]")
    last_day = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    moved = np.minimum(target.astype("datetime64[D]") + day_of_month, last_day)
    ends: Ints = (moved.astype("datetime64[us]") + (stamps - days)).astype(np.int64)
    return ends
