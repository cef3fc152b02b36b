"""What the first records of files have at each path: kinds, lengths and shapes of values, counted."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from schemas.mapped.paths import EACH, Step, Steps
from transforms.sources.canonical.parquet_layout import open_parquet
from transforms.sources.decompress import Truncated
from transforms.sources.faults import Fault, kind_of
from transforms.sources.json.array import ArrayCut
from transforms.sources.json.items import object_of, raw_items
from transforms.sources.mapped.items import is_parquet

#: Records that are read for a proposal, of each file and in all.
MOST_RECORDS = 300
_MOST_PATHS, _MOST_LEVELS, _MOST_DISTINCT = 2_000, 10, 300
_UNREADABLE = (OSError, EOFError, Truncated, ArrayCut, pa.ArrowException, ValueError)
_MAX_RECORD_BYTES = 8 << 20
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?\Z")
_AWARE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)? ?([Zz]|UTC|[+-]\d\d(:?\d\d)?)\Z")
#: Seconds from 2001 to 2065, and the factor of each unit.
_SECONDS = (978_307_200, 3_000_000_000)
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclasses.dataclass
class Place:
    """Counts of the values at a path. `distinct`: the first different texts, to compare with known words."""

    values: int = 0
    records: int = 0
    length: int = 0
    kinds: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    times: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    distinct: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    is_json: bool = False

    @property
    def present(self) -> int:
        """Values that are not null."""
        return self.values - self.kinds["null"]

    @property
    def time(self) -> str | None:
        """`aware`, `naive` or the unit of numbers, if nearly all values are such times."""
        name, count = self.times.most_common(1)[0] if self.times else ("", 0)
        return name if count and count >= 0.9 * self.present else None

    def is_of(self, *kinds: str) -> bool:
        """True if all values are of these kinds."""
        return self.present > 0 and sum(self.kinds[kind] for kind in kinds) == self.present


Profile = dict[Steps, Place]


def first_records(paths: Sequence[str]) -> list[dict[str, Any]]:
    """The first items or rows of files that are objects; of a damaged file, those before the damage."""
    share = max(10, MOST_RECORDS // max(1, len(paths)))
    found: list[dict[str, Any]] = []
    for path in paths:
        with contextlib.suppress(*_UNREADABLE):
            for record in itertools.islice(_records(path), min(share, MOST_RECORDS - len(found))):
                found.append(record)  # noqa: PERF402 - keeps the records before the damage
        if len(found) >= MOST_RECORDS:
            break
    return found


def _records(path: str) -> Iterator[dict[str, Any]]:
    if is_parquet(path):
        with open_parquet(path) as file:
            for batch in file.iter_batches(MOST_RECORDS, use_threads=False):
                yield from batch.to_pylist()
        return
    for item in raw_items(path, _MAX_RECORD_BYTES):
        found = object_of(item.data)
        if not isinstance(found, Fault):
            yield found


def profile_of(records: Iterable[Any]) -> Profile:
    """The places of all records, by steps. JSON in texts is followed."""
    profile: Profile = {}
    for record in records:
        seen: set[Steps] = set()
        for name, value in record.items() if isinstance(record, dict) else ():
            _add(profile, (name,), value, seen)
        for steps in seen:
            profile[steps].records += 1
    return profile


def _add(profile: Profile, steps: tuple[Step, ...], value: Any, seen: set[Steps]) -> None:
    if len(steps) > _MOST_LEVELS or (steps not in profile and len(profile) >= _MOST_PATHS):
        return
    place = profile.setdefault(steps, Place())
    seen.add(steps)
    place.values += 1
    inner = _decoded(value) if isinstance(value, str) else None
    if inner is not None:
        place.is_json, value = True, inner
    place.kinds[kind_of(value)] += 1
    if isinstance(value, dict):
        for name, each in value.items():
            _add(profile, (*steps, name), each, seen)
    elif isinstance(value, list):
        for each in value:
            _add(profile, (*steps, EACH), each, seen)
    elif value is not None:
        _count(place, value)


def _count(place: Place, value: Any) -> None:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    place.length += len(text)
    if text in place.distinct or len(place.distinct) < _MOST_DISTINCT:
        place.distinct[text] += 1
    if (time := time_kind(value)) is not None:
        place.times[time] += 1


def _decoded(text: str) -> Any:
    """The object or list of objects in a JSON text; None for any other text."""
    if text[:1] not in "{[" or text[-1:] not in "}]":
        return None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    is_list = isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)
    return value if isinstance(value, dict) or is_list else None


def time_kind(value: Any) -> str | None:
    """`aware` or `naive` for a time, the unit for a number of a time since 2001; else None."""
    if hasattr(value, "tzinfo") and hasattr(value, "year"):
        return "naive" if value.tzinfo is None else "aware"
    if isinstance(value, str):
        if _AWARE.match(value) or _NAIVE.match(value):
            return "naive" if _NAIVE.match(value) else "aware"
        value = int(value) if value.isascii() and value.isdecimal() and 10 <= len(value) <= 19 else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        for unit, factor in _UNITS.items():
            if _SECONDS[0] <= value / factor < _SECONDS[1]:
                return unit
    return None
