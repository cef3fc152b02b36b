"""Records of single messages, put together to sessions: those of one file with one id (`group_by`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from schemas.records import Message, Session
from transforms.sources.faults import Fault, Field
from transforms.sources.identities import THEN, label
from transforms.sources.mapped.messages import NO_TIME
from transforms.sources.mapped.records import Parsed, Schema

#: A file of records to be grouped may have so many bytes, decompressed: its sessions are held in memory.
MAX_BYTES = 512 << 20
_OWNERS = ("user_id", "organization_id")
LABELS = ("tier", "surface")


@dataclasses.dataclass
class Group:
    """The records of one session, in the order of the file. `size`: of their bytes."""

    first: int
    locator: str
    size: int = 0
    rows: list[Parsed] = dataclasses.field(default_factory=list)

    def parsed(self, schema: Schema) -> Parsed:
        """The records as one; raises Fault if they have several users or organizations.

        Messages are sorted by time, those of equal or missing time in the order of the file.
        """
        fields: dict[str, Any] = {}
        for name in {name: None for row in self.rows for name in row.fields}:
            found = [row.fields[name] for row in self.rows if row.fields[name] is not None]
            fields[name] = found[0] if found else None
            if name in _OWNERS and len({each for each in found if each.strip()}) > 1:
                raise Fault(
                    "subject_conflict", fields["conversation_id"], Field(schema.path_of(name), "text")
                )
            if name in _OWNERS:
                fields[name] = next((each for each in found if each.strip()), None)
            if name == "created_at" and found:
                fields[name] = min(found)
            if name in ("deleted_at", "current_message_id") and found:
                fields[name] = found[-1]
            if name == "incognito" and found:
                fields[name] = any(found)
        return Parsed(fields, _by_time([_dated(row) for row in self.rows]))

    def label(self, name: str, session: Session) -> str | None:
        """The tier or surface; all that the records have one after another, if it is from a record."""
        found: str | None = getattr(session, name)
        own = [each for row in self.rows if (each := label(row.fields.get(name)))]
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
    groups: dict[str, Group] = {}
    for row, locator, size, parsed in found:
        group = groups.setdefault(parsed.fields["conversation_id"], Group(row, locator))
        group.size += size
        group.rows.append(parsed)
    yield from groups.values()
