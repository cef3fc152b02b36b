"""What every format of consent records is read into, and how its times and faults are told."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import NamedTuple

from schemas.consent_config import FileSource
from schemas.errors import ConsentError
from transforms.consent.columns import parse_instant

#: How many names of notices, purposes or categories an error lists.
_MOST_NAMES = 12


class ConsentDecision(NamedTuple):
    """What a user said at `decided_at`, known since `known_at`; `state` is a number of schemas.tables.

    `decided_at` None: only that the user exists. `until`: when a grant lapses.
    """

    user_id: str
    state: int
    decided_at: dt.datetime | None
    known_at: dt.datetime
    until: dt.datetime | None = None


class Page(NamedTuple):
    """One page of an export: `page` of `pages`, each of `size` records."""

    exported: dt.datetime | None
    size: int
    pages: int
    page: int


@dataclasses.dataclass
class FileContents:
    """What was found in a file beside what users said.

    `reached`: oldest and newest instant of any record, of whatever it tells: the file is complete up to
    there. `names`: what the records are about; `matched`: one of them is about what counts. `pages`: which
    pages of which export are there.
    """

    rows: int = 0
    reached: tuple[dt.datetime, dt.datetime] | None = None
    names: set[str] = dataclasses.field(default_factory=set)
    matched: bool = False
    pages: set[Page] = dataclasses.field(default_factory=set)

    def reach(self, instant: dt.datetime) -> None:
        """The file holds a record of this instant."""
        oldest, newest = self.reached or (instant, instant)
        self.reached = min(oldest, instant), max(newest, instant)

    def named(self, name: str | None) -> None:
        """A record is about this."""
        if name and len(self.names) < _MOST_NAMES:
            self.names.add(name)


class ConsentFile(NamedTuple):
    """A file of a source, as it is read for `as_of`; `exported`: when, where path or configuration say so."""

    path: str
    source: FileSource
    as_of: dt.datetime
    exported: dt.datetime | None = None

    def fault(self, where: str, why: str) -> ConsentError:
        """The error of a record; `why` tells no value but a state."""
        return ConsentError(f"{self.path}: {where}: {why}")

    def instant(self, where: str, name: str, text: str | None, late: bool = False) -> dt.datetime:
        """A time of a record. `late`: of two readings of a local hour, take the later one."""
        if not text:
            raise self.fault(where, f"{name} is missing; expected an RFC 3339 time")
        instant = parse_instant(text, self.source.zone, late)
        if instant is None and self.source.zone is None and parse_instant(text + "Z") is not None:
            raise self.fault(where, f"{name} has no time zone; say in the source's time_zone which it is")
        if instant is None:
            raise self.fault(where, f"{name} is not an RFC 3339 time with an offset")
        return instant

    def known_at(self, recorded: dt.datetime) -> dt.datetime:
        """Since when what was recorded at an instant is known."""
        return self.exported or recorded
