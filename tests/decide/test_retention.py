"""Calendar arithmetic of many instants against isodate's of one."""

from __future__ import annotations

import datetime as dt

import isodate
import numpy as np
import pytest

from schemas.errors import PolicyError
from transforms.decide.retention import ends_of
from transforms.shuffle.instants import LATEST, later, micros

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAYS = [dt.datetime(1968, 1, 1, 7, 8, 9, 10, dt.UTC) + n * dt.timedelta(hours=31) for n in range(3000)]


@pytest.mark.parametrize("text", ["P5Y", "P30D", "P1M", "P13M", "P1Y2M10DT3H", "PT36H", "P4W", "P0D"])
def test_every_duration_ends_by_the_calendar(text: str) -> None:
    """An off-by-one error at the end of a month would keep a user's data a day too long."""
    duration = isodate.parse_duration(text)
    ends = ends_of(np.array([micros(day) for day in DAYS]), duration)
    assert [EPOCH + dt.timedelta(microseconds=int(end)) for end in ends] == [day + duration for day in DAYS]


def test_an_end_beyond_the_year_9999_stays_there() -> None:
    """Python has no later date to show."""
    late = np.array([micros(dt.datetime(9998, 6, 1, tzinfo=dt.UTC)), LATEST])
    assert ends_of(late, isodate.parse_duration("P5Y")).tolist() == [LATEST, LATEST]


def test_a_fraction_of_a_year_is_refused() -> None:
    """Half a year is no number of days; guessing one is not for a retention rule."""
    with pytest.raises(PolicyError, match=r"^retention: a fraction"):
        ends_of(np.array([0]), isodate.parse_duration("P0.5Y"))


def test_a_moment_beyond_what_can_be_named_is_the_last_that_can() -> None:
    """A skew or an age of a thousand years must not end in an exception."""
    last = dt.datetime.max.replace(tzinfo=dt.UTC)
    assert micros(last) == LATEST  # to the microsecond, which no floating point number of that size has
    near = last - dt.timedelta(days=3)
    assert later(near, dt.timedelta(days=3)) == last
    assert later(near, dt.timedelta(days=4)) == last
    assert later(near, isodate.parse_duration("P1Y")) == last
