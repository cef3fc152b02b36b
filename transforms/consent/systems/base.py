"""What every reader of a consent system gets and returns: files, decisions, times and errors."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import NamedTuple

from schemas.consent_config import FileSource
from schemas.errors import ConsentError
from schemas.ids import UNCLEAN, is_unclean
from transforms.consent.columns import MOST_ID_BYTES, parse_instant
from transforms.sources.file_state import UNKNOWN, States

#: How many names of notices, purposes or categories an error lists.
_MOST_NAMES = 12


class ConsentDecision(NamedTuple):
    """A user's decision at `decided_at`, known from `known_at`; `state` is a state number of schemas.tables.

    Without `decided_at`, the record only shows that the user exists. `until` is the end of a grant.
    """

    user_id: str
    state: int
    decided_at: dt.datetime | None
    known_at: dt.datetime
    until: dt.datetime | None = None


class Page(NamedTuple):
    """The number of one page of an export: `page` of `pages`, each of `size` records."""

    exported: dt.datetime | None
    size: int
    pages: int
    page: int


@dataclasses.dataclass
class FileContents:
    """What a reader collects about a file besides its decisions.

    `reached`: the oldest and newest instant of all records, also of records about other purposes; the file is
    complete up to the newest. `names`: the notices, purposes or categories of the records. `matched`: a
    record is about the configured one. `pages`: the pages of exports in the file.
    """

    rows: int = 0
    reached: tuple[dt.datetime, dt.datetime] | None = None
    names: set[str] = dataclasses.field(default_factory=set)
    matched: bool = False
    pages: set[Page] = dataclasses.field(default_factory=set)

    def reach(self, instant: dt.datetime) -> None:
        """Notes a record of this instant."""
        oldest, newest = self.reached or (instant, instant)
        self.reached = min(oldest, instant), max(newest, instant)

    def named(self, name: str | None) -> None:
        """Notes what a record is about."""
        if name and len(self.names) < _MOST_NAMES:
            self.names.add(name)


class ConsentFile(NamedTuple):
    """A file of a source. `exported` is the time of the export, if the path or the configuration has it.

    `states`: of all files when they were digested, by path.
    """

    path: str
    source: FileSource
    as_of: dt.datetime
    exported: dt.datetime | None = None
    states: States = UNKNOWN

    def fault(self, where: str, why: str) -> ConsentError:
        """The error for a record. `why` must not contain values other than states."""
        return ConsentError(f"{self.path}: {where}: {why}")

    def instant(self, where: str, name: str, text: str | None, late: bool = False) -> dt.datetime:
        """A time of a record, in UTC. `late`: a local time that occurs twice is the later one."""
        if not text:
            raise self.fault(where, f"{name} is missing; expected an RFC 3339 time")
        instant = parse_instant(text, self.source.zone, late)
        if instant is None and self.source.zone is None and parse_instant(text + "Z") is not None:
            raise self.fault(where, f"{name} has no time zone; say in the source's time_zone which it is")
        if instant is None:
            raise self.fault(where, f"{name} is not an RFC 3339 time with an offset")
        return instant

    def user_id(self, where: str, name: str, text: str) -> str:
        """The id of a user in the field `name`; ConsentError for one that could match nothing."""
        if is_unclean(text):
            raise self.fault(where, f"{name} {UNCLEAN}")
        if len(text.encode()) > MOST_ID_BYTES:
            raise self.fault(where, f"{name} is over {MOST_ID_BYTES} bytes")
        return text

    def known_at(self, recorded: dt.datetime) -> dt.datetime:
        """The instant from which a record is known: the export, otherwise its own time."""
        return self.exported or recorded
