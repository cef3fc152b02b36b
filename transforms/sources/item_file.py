"""Source formats whose files are items of JSON: most decoded by type and taken together, others one by one.

What is said of an item must not depend on which way it went.
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits, Session
from schemas.units import Unit
from transforms.facts import Many, Read
from transforms.identities import owners_of
from transforms.plain import Plains
from transforms.sources.accounting import is_kept
from transforms.sources.base import FactsBatch, ReadContext, batches
from transforms.sources.decode import EARLIEST, LATEST, sound
from transforms.sources.json_items import Decoders, Items, items_of, raw_items
from transforms.sources.record_file import Record, RecordFile, read_record

_DEFAULT_BYTES = 64 << 20
#: A character as JSON of ours has it takes no more bytes than this, and a message without its text no more.
_ESCAPED_BYTES, _FRAME_BYTES = 6, 512
_ANYTHING = (Exception,)


class Told(NamedTuple):
    """What some items tell, each by its place: `plains` of those at `places`, and `sessions` of others.

    Times, ids and numbers of messages need not be possible: that is seen to by whoever asks.
    """

    places: Sequence[int]
    plains: Plains | None
    sessions: Sequence[tuple[int, Session]] = ()


class ItemFile[T](RecordFile):
    """Files of items that are decoded to `T` if nothing about them is odd, lines or an array.

    `over_lines`: a file may also be one object that is not on one line.
    """

    folder_patterns: Sequence[str] = ("**/*.jsonl", "**/*.json")
    over_lines = True

    def __init__(self, kind: type[T]) -> None:
        self._decoders = Decoders.of(kind)

    @abc.abstractmethod
    def records_of(self, data: bytes | None) -> Iterator[Record]:
        """The records of an item, looked at with care; None is one that is too long."""

    @abc.abstractmethod
    def told(self, items: Sequence[T], defaults: Defaults, hasher: KeyedHasher) -> Told:
        """What can be told of these without more care; the rest is asked for by `records_of`."""

    def items(self, path: str, max_record_bytes: int) -> Iterator[Items[T]]:
        """The items of a file, many at a time."""
        return items_of(path, max_record_bytes, self._decoders, over_lines=self.over_lines)

    def records(self, path: str) -> Iterator[Record]:
        """The records of a file, each looked at with care."""
        return self.records_within(path, _DEFAULT_BYTES)

    def records_within(self, path: str, max_record_bytes: int) -> Iterator[Record]:
        """The records of a file, each looked at with care."""
        for data in raw_items(path, max_record_bytes, over_lines=self.over_lines):
            yield from self.records_of(data)

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the file's records, in their order."""
        if is_kept():
            yield from super().facts(unit, context)
        else:
            yield from batches(self._all(unit, context), unit, context)

    def _all(self, unit: Unit, context: ReadContext) -> Iterator[Read | Many]:
        row, found = 0, self.items(unit.paths[0], context.limits.max_record_bytes)
        while True:
            try:
                items = next(found)
            except StopIteration:
                return
            except _ANYTHING:
                break
            given = [place for place, item in enumerate(items.decoded) if item is not None]
            typed = [item for item in items.decoded if item is not None]
            told = self.told(typed, context.defaults[unit.input], context.hasher)
            if not _possible(told, items.size, context.limits):
                told = Told([], None)
            sessions = {given[place]: session for place, session in told.sessions}
            known = {given[place] for place in told.places} | sessions.keys()
            counts = [1] * len(items.decoded)
            others: list[tuple[int, list[Record]]] = []
            if len(known) < len(items.decoded):
                for place, data in enumerate(items.raw()):
                    if place not in known:
                        others.append((place, list(self.records_of(data))))
                        counts[place] = len(others[-1][1])
            rows = [*itertools.accumulate(counts, initial=row)]
            row = rows[-1]
            if told.plains is not None:
                yield _many([rows[given[place]] for place in told.places], told.plains, unit, context)
            for place, session in sessions.items():
                yield Read(rows[place], 0, 0, context.owned(session, unit), None)
            for place, records in others:
                for number, record in enumerate(records, rows[place]):
                    yield read_record(unit, number, record, context)
        yield self.cut(unit, row, context)


def _many(rows: Sequence[int], plains: Plains, unit: Unit, context: ReadContext) -> Many:
    defaults, identities = context.defaults[unit.input], context.identities_of(unit.input)
    ends = zip(plains.created_at, plains.last_at or plains.created_at, strict=True)
    spans = ((min(both), max(both)) for both in ends)
    owners = owners_of(plains.user_ids, plains.organization_ids, spans, defaults, identities, unit.paths)
    return Many(rows, plains, owners)


def _possible(told: Told, size: int, limits: Limits) -> bool:
    """True only if canonical records that say the same would be read."""
    plains, sessions = told.plains, [session for _, session in told.sessions]
    counts = [len(session.messages) for session in sessions]
    if plains is not None:
        counts += plains.counts.tolist()
        instants = [*plains.created_at, *(plains.last_at or ())]
        if instants and not (min(instants) >= EARLIEST and max(instants) <= LATEST):
            return False
        if any(not name or name.isspace() for name in plains.conversation_ids):
            return False
    most = max(counts, default=0)
    return (
        size * _ESCAPED_BYTES + (most + 1) * _FRAME_BYTES <= limits.max_record_bytes
        and most <= limits.max_messages
        and sound(sessions, limits.max_messages)
    )
