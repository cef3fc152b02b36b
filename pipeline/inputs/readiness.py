"""What a configuration waits for: markers, files of each day, a fresh consent snapshot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.inputs.config import Settings
from pipeline.inputs.globs import files_matching, files_of_format, is_file, refused
from pipeline.inputs.windows import Window, due_at, each_of, files_of_days, window_of
from schemas.errors import NotReadyError
from schemas.windows import path_of_day
from transforms.consent.snapshots import instants_in
from transforms.shuffle.instants import later, moment_text
from transforms.sources.base import InputFile
from transforms.sources.file_state import FileState, state_of

#: So many names are given of several that are missing.
_NAMED = 3


class Readiness:
    """Looks for what is missing, any number of times; a snapshot that did not change is read once."""

    def __init__(self) -> None:
        self._instants: dict[str, tuple[FileState, tuple[dt.datetime, ...]]] = {}

    def missing(self, settings: Settings, now: dt.datetime) -> list[str]:
        """What is missing at `as_of`, by key, as one text each; nothing if a run can start.

        Every marker is looked for each time, since it is removed while its day is written again. Raises
        InputError where a store fails, ConsentError for a snapshot that cannot be read.
        """
        found = list[str]()
        for number in range(len(settings.config.inputs)):
            found += [f"inputs[{number}]: {what}" for what in _missing_of_input(settings, number, now)]
        return found + [f"consent: {what}" for what in self._missing_of_consent(settings)]

    def _missing_of_consent(self, settings: Settings) -> Iterator[str]:
        ready = settings.config.consent.ready
        if ready is None:
            return
        if ready.marker:
            marker = path_of_day(ready.marker, settings.as_of.date())
            if not _is_there(settings, marker):
                yield f"no marker {marker}"
                return
        if ready.max_age is not None:
            yield from self._missing_of_age(settings, ready.max_age)

    def _missing_of_age(self, settings: Settings, max_age: Any) -> Iterator[str]:
        """Nothing if a canonical snapshot has this age or less. Snapshots are read from the last name on."""
        newest: dt.datetime | None = None
        patterns = [settings.resolve(pattern) for pattern in settings.config.consent.snapshots]
        with refused():
            files = {file for pattern in patterns for file in files_matching(pattern)}
            for file in sorted(files, reverse=True):
                known = [instant for instant in self._instants_in(file) if instant <= settings.as_of]
                newest = max([*known, *([newest] if newest else [])], default=None)
                if newest and later(newest, max_age) >= settings.as_of:
                    return
        # Without the moment of the look: a text that is the same counts as no change.
        if newest is None:
            yield "no snapshot at or before as_of"
        else:
            yield f"the newest snapshot is of {moment_text(newest)}; at as_of that exceeds ready.max_age"

    def _instants_in(self, file: InputFile) -> tuple[dt.datetime, ...]:
        state = FileState(file.size, file.identity) if file.identity else state_of(file.path)
        known = self._instants.get(file.path)
        if known is None or known[0] != state:
            known = self._instants[file.path] = (state, instants_in(file.path))
        return known[1]


def _missing_of_input(settings: Settings, number: int, now: dt.datetime) -> Iterator[str]:
    source = settings.config.inputs[number]
    try:
        window = window_of(settings, number)
    except NotReadyError:
        yield f"since {source.since} is not due yet"
        return
    if window is not None and (due := due_at(window.last, source.lateness)) > now:
        # Only with as_of in the future: what is there of that day now is not all of it.
        yield f"{window.last} is not due before {moment_text(due)}"
        return
    if source.ready is None:
        return
    if source.ready.marker:
        markers = _paths(source.ready.marker, window)
        there = each_of(markers, lambda marker: _is_there(settings, marker))
        absent = [marker for marker, is_there in zip(markers, there, strict=True) if not is_there]
        if absent:
            yield f"no marker {_some(absent)}"
    if source.ready.files:
        if window is None:
            found = files_of_format(settings.resolve(source.path), source.format)
            absent = [] if found else [source.path]
        else:
            groups = files_of_days(settings, source, window)
            paths = _paths(source.path, window)
            absent = [path for path, group in zip(paths, groups, strict=True) if not group]
        if absent:
            yield f"no file {_some(absent)}"


def _paths(path: str, window: Window | None) -> list[str]:
    return [path_of_day(path, day) for day in window.days] if window else [path]


def _is_there(settings: Settings, path: str) -> bool:
    with refused():
        return is_file(settings.resolve(path))


def _some(names: Sequence[str]) -> str:
    """The first names, and the number of others."""
    others = len(names) - _NAMED
    named = ", ".join(names[:_NAMED])
    return f"{named} and {others} more" if others > 0 else named
