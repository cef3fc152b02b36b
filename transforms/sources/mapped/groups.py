"""Records of single messages, put together to sessions: those of one file with one id (`group_by`)."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from schemas.records import Message, Session
from transforms.sources.identities import THEN, label
from transforms.sources.mapped.messages import NO_TIME
from transforms.sources.mapped.records import Parsed

#: A file of records to be grouped may have so many bytes, decompressed: its sessions are held in memory.
MAX_BYTES = 512 << 20
LABELS = ("tier", "surface")


class _Row(NamedTuple):
    row: int
    locator: str
    size: int
    parsed: Parsed

    @property
    def user(self) -> str | None:
        """The user of the record; None if it has none."""
        found: str | None = self.parsed.fields.get("user_id")
        return found if found and found.strip() else None


def _first(values: Sequence[Any]) -> Any:
    return values[0]


def _last(values: Sequence[Any]) -> Any:
    return values[-1]


#: Which of the values of several records counts, if it is not the first one.
_CHOICE: dict[str, Callable[[Sequence[Any]], Any]] = {
    "organization_id": _last,
    "created_at": min,
    "deleted_at": min,
    "current_message_id": _last,
    "incognito": any,
}


@dataclasses.dataclass
class Group:
    """The records of one session, in the order of the file: the place of each, and what it has."""

    rows: list[_Row] = dataclasses.field(default_factory=list)

    @property
    def first(self) -> int:
        """The row of the first record."""
        return self.rows[0].row

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return sum(row.size for row in self.rows)

    def by_user(self) -> list[Group]:
        """A group per user: a session of several is excluded. Records without a user are in the first."""
        users = dict.fromkeys(user for row in self.rows if (user := row.user) is not None)
        if len(users) < 2:
            return [self]
        default = next(iter(users))
        return [Group([row for row in self.rows if (row.user or default) == user]) for user in users]

    def parsed(self) -> Parsed:
        """The records as one. Messages are sorted by time, those of equal or no time as in the file."""
        fields: dict[str, Any] = {}
        parsed = [row.parsed for row in self.rows]
        for name in parsed[0].fields:
            found = [each.fields[name] for each in parsed if each.fields[name] not in (None, "")]
            fields[name] = _CHOICE.get(name, _first)(found) if found else None
        return Parsed(fields, _by_time([_dated(each) for each in parsed]))

    def label(self, name: str, session: Session) -> str | None:
        """The tier or surface; all that the records have one after another, if it is from a record."""
        found: str | None = getattr(session, name)
        own = [each for row in self.rows if (each := label(row.parsed.fields.get(name)))]
        several = [*dict.fromkeys(own)]
        return THEN.join(several) if len(several) > 1 and found == several[0] else found


def _dated(row: Parsed) -> list[Message]:
    """The messages of a record; those without a time have the time of the record."""
    for message in row.messages:
        if message.sent_at is NO_TIME:
            message.sent_at = row.fields.get("created_at") or NO_TIME
    return row.messages


def _by_time(rows: Sequence[Iterable[Message]]) -> list[Message]:
    messages = [message for row in rows for message in row]
    is_timed = NO_TIME not in [message.sent_at for message in messages]
    return sorted(messages, key=lambda message: message.sent_at) if is_timed else messages


def grouped(found: Iterable[tuple[int, str, int, Parsed]]) -> Iterator[Group]:
    """The groups of records (row, locator, size, parsed), in order of their first records."""
    groups: dict[str, Group] = collections.defaultdict(Group)
    for each in found:
        groups[each[3].fields["conversation_id"]].rows.append(_Row(*each))
    several = [part for group in groups.values() for part in group.by_user()]
    yield from sorted(several, key=lambda group: group.first)
