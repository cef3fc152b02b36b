"""The days that an input covers, and its files of each day."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.inputs.config import Settings
from pipeline.inputs.globs import files_of_format, input_files, is_folder, refused
from schemas.errors import ConfigError, InputError, NotReadyError
from schemas.sections.inputs import InputConfig
from schemas.windows import has_date, path_of_day, undated_folder
from transforms.shuffle.instants import moment_text
from transforms.sources.base import InputFile
from transforms.sources.paths import input_root
from transforms.storage.places import is_remote

#: Each day is a listing or more.
MOST_DAYS = 4000
_ONE_DAY = dt.timedelta(days=1)
#: So many days of a bucket are asked for at the same time.
_AT_ONCE = 16


class Window(NamedTuple):
    """The days from `first` to `last`, both included."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> list[dt.date]:
        """All days, in order."""
        return [self.first + number * _ONE_DAY for number in range((self.last - self.first).days + 1)]


class FoundFiles(NamedTuple):
    """The files of an input, sorted by path. `empty`: the days of its window that have none, in order."""

    files: list[InputFile]
    window: Window | None = None
    empty: Sequence[dt.date] = ()


def due_at(day: dt.date, lateness: dt.timedelta) -> dt.datetime:
    """The instant at which a day is due: so long after its end, in UTC."""
    return dt.datetime.combine(day + _ONE_DAY, dt.time(), dt.UTC) + lateness


def window_of(settings: Settings, number: int) -> Window | None:
    """The days that an input covers at `as_of`; None for a path without `{date}`.

    The last one is the newest that is due at `as_of`, or `until` if that is earlier. Raises ConfigError for a
    window that is too long, or is empty at a fixed `as_of`; NotReadyError for one that is empty as yet.
    """
    source = settings.config.inputs[number]
    if not has_date(source.path):
        return None
    first, last = _bounds(source, settings.as_of)
    if first > last:
        where, fault = f"inputs[{number}].since", f"{first} is after {last}, the last day that is due at"
        if settings.config.as_of is None:
            raise NotReadyError(f"{where}: {fault} {moment_text(settings.as_of)}; try again later")
        raise ConfigError(
            f"{where}: {fault} {moment_text(settings.as_of)}; give an earlier day, or a later as_of"
        )
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise ConfigError(
            f"inputs[{number}].since: the window from {first} to {last} has {count:,} days; "
            f"at most {MOST_DAYS:,}"
        )
    return Window(first, last)


def _bounds(source: InputConfig, as_of: dt.datetime) -> tuple[dt.date, dt.date]:
    try:
        last = (as_of - source.lateness).date() - _ONE_DAY
    except OverflowError:
        last = dt.date.min
    last, since = min(last, source.until or last), source.since
    if since is None or isinstance(since, dt.date):
        return since or last, last
    try:
        return last + _ONE_DAY - since, last
    except (OverflowError, ValueError):
        return dt.date.min, last


def root_of(settings: Settings, source: InputConfig) -> str:
    """The folder that names of an input's files are relative to; the same for every window."""
    if has_date(source.path):
        return input_root(settings.resolve(f"{undated_folder(source.path)}*"))
    pattern = settings.resolve(source.path)
    with refused():
        return pattern if is_folder(pattern) else input_root(pattern)


def files_of(settings: Settings, number: int) -> FoundFiles:
    """The files of an input that its format reads; InputError if there are none.

    An input with a window may have none if `ready.marker` tells that its days are complete.
    """
    source = settings.config.inputs[number]
    window = window_of(settings, number)
    if window is None:
        return FoundFiles(input_files(settings.resolve(source.path), source.format))
    found = files_of_days(settings, source, window)
    if not any(found) and not (source.ready and source.ready.marker):
        first, last = (settings.resolve(path_of_day(source.path, day)) for day in window)
        raise InputError(f"inputs[{number}]: no file from {first} to {last}; check path, since and until")
    files = {file.path: file for group in found for file in group}
    empty = [day for day, group in zip(window.days, found, strict=True) if not group]
    return FoundFiles(sorted(files.values()), window, empty)


def files_of_days(settings: Settings, source: InputConfig, window: Window) -> list[list[InputFile]]:
    """The files of each day of the window, in order; none is no fault."""
    patterns = [settings.resolve(path_of_day(source.path, day)) for day in window.days]
    return each_of(patterns, lambda pattern: files_of_format(pattern, source.format))


def each_of[Result](paths: Sequence[str], ask: Callable[[str], Result]) -> list[Result]:
    """The result for each path, in order; those in buckets are asked for at the same time."""
    if not paths or not is_remote(paths[0]):
        return [ask(path) for path in paths]
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(ask, paths))
