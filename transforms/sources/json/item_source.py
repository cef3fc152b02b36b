"""Source formats whose files are items of JSON: most decoded by type and taken together, others one by one.

What is said of an item must not depend on which way it went.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

import numpy as np

from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import is_kept
from transforms.sources.base import FactsBatch, PlanTask, ReadContext, batches, byte_ranges
from transforms.sources.decode import EARLIEST, LATEST, Fault
from transforms.sources.facts.session_columns import Plains
from transforms.sources.facts.table import Many, Read
from transforms.sources.identities import owners_of
from transforms.sources.json.items import (
    Decoders,
    Item,
    Items,
    is_in_lines,
    items_of,
    lines_of,
    raw_items,
    raw_lines,
)
from transforms.sources.record_file import UNFORESEEN, Record, RecordFile, read_record

_DEFAULT_BYTES = 64 << 20
#: A character as JSON of ours has it takes no more bytes than this, and a message without its text no more.
_ESCAPED_BYTES, _FRAME_BYTES = 6, 512
_ANYTHING = (Exception,)


class Told(NamedTuple):
    """What is told by the items at these `places`, one of the `plains` each; and those that tell `nothing`.

    A place that stands several times in a row has as many. Times, ids and numbers of messages need not be
    possible: that is seen to by whoever asks.
    """

    places: Sequence[int]
    plains: Plains | None
    nothing: Sequence[int] = ()


class ItemFile[T](RecordFile):
    """Files of items that are decoded to `T` if nothing about them is odd, lines or an array.

    `over_lines`: a file may also be one object that is not on one line. `one_each`: an item is one record.
    """

    folder_patterns: Sequence[str] = ("**/*.jsonl", "**/*.json")
    over_lines = True
    one_each = False

    def __init__(self, kind: type[T]) -> None:
        self._decoders = Decoders.of(kind)

    @abc.abstractmethod
    def records_of(self, data: bytes | None) -> Iterator[Record]:
        """The records of an item, looked at with care; None is one that is too long."""

    @abc.abstractmethod
    def told(self, items: Sequence[T], defaults: Defaults, hasher: KeyedHasher) -> Told:
        """What can be told of these without more care; the rest is asked for by `records_of`."""

    def is_in_lines(self, path: str) -> bool:
        """True for a file that can be read from any of its lines on."""
        return is_in_lines(path, over_lines=self.over_lines)

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:
        """Byte ranges of a plain file of lines, else one unit; raises OSError."""
        units, faults = super().plan(task, unit_bytes)
        if units and self.is_in_lines(task.paths[0]):
            units = byte_ranges(task, unit_bytes)
        return units, faults

    def records(self, path: str) -> Iterator[Record]:
        """The records of a file, each looked at with care."""
        return self.records_within(path, _DEFAULT_BYTES)

    def records_within(self, path: str, max_record_bytes: int) -> Iterator[Record]:
        """The records of a file, each looked at with care."""
        for item in raw_items(path, max_record_bytes, over_lines=self.over_lines):
            yield from self.records_of(item.data)

    def located(
        self, unit: Unit, context: ReadContext, wanted: Set[int] | None
    ) -> Iterator[tuple[int, str, Record]]:
        """The records of a unit with their rows and where they are, of `wanted` rows at least."""
        if unit.kind != "bytes":
            yield from super().located(unit, context, wanted)
            return
        row = 0
        for item in raw_lines(unit.paths[0], unit.start, unit.end, context.limits.max_record_bytes):
            if self.one_each and wanted is not None and row not in wanted:
                row += 1
                continue
            for number, record in enumerate(self.records_of(item.data)):
                yield row, _locator(item, row, number), record
                row += 1

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the unit's records, in their order."""
        if is_kept():
            yield from super().facts(unit, context)
        else:
            yield from batches(self._all(unit, context), unit, context)

    def _items(self, unit: Unit, max_bytes: int) -> Iterator[Items[T]]:
        path = unit.paths[0]
        if unit.kind == "bytes":
            return lines_of(path, unit.start, unit.end, max_bytes, self._decoders.one)
        return items_of(path, max_bytes, self._decoders, over_lines=self.over_lines)

    def _all(self, unit: Unit, context: ReadContext) -> Iterator[Read | Many]:
        row, found = 0, self._items(unit, context.limits.max_record_bytes)
        while True:
            try:
                items = next(found)
            except StopIteration:
                return
            except _ANYTHING:
                break
            given = [place for place, item in enumerate(items.decoded) if item is not None]
            told = self._possible(
                [item for item in items.decoded if item is not None], items.size, unit, context
            )
            known = [given[place] for place in told.places]
            counts = np.bincount(known, minlength=len(items.decoded))
            left = {*range(len(items.decoded))} - {*known} - {given[place] for place in told.nothing}
            raw = items.raw() if left else ()
            others = [(place, [*self.records_of(raw[place].data)]) for place in sorted(left)]
            counts[[place for place, _ in others]] = [len(records) for _, records in others]
            rows = row + np.cumsum(counts) - counts
            row += int(counts.sum())
            if told.plains is not None:
                begins = np.searchsorted(known, known)
                yield _many(
                    (rows[known] + np.arange(len(known)) - begins).tolist(), told.plains, unit, context
                )
            for place, records in others:
                for number, record in enumerate(records):
                    at = int(rows[place]) + number
                    yield read_record(unit, at, _locator(raw[place], at, number), record, context)
        yield self.cut(unit, row, context)

    def _possible(self, items: Sequence[T], size: int, unit: Unit, context: ReadContext) -> Told:
        """What the items tell, if canonical records that say the same would be read; else nothing."""
        try:
            told = self.told(items, context.defaults[unit.input], context.hasher)
        except (Fault, *UNFORESEEN):
            return _UNKNOWN
        return told if _is_possible(told.plains, size, context.limits) else _UNKNOWN


_UNKNOWN = Told([], None)


def _locator(item: Item, row: int, number: int) -> str:
    """Where the record is that is this one of its item."""
    if item.offset is None:
        return f"item {row}"
    return f"byte {item.offset}, {number + 1}." if number else f"byte {item.offset}"


def _many(rows: Sequence[int], plains: Plains, unit: Unit, context: ReadContext) -> Many:
    defaults, identities = context.defaults[unit.input], context.identities_of(unit.input)
    ends = zip(plains.created_at, plains.last_at or plains.created_at, strict=True)
    spans = ((min(both), max(both)) for both in ends)
    owners = owners_of(plains.user_ids, plains.organization_ids, spans, defaults, identities, unit.paths)
    return Many(rows, plains, owners)


def _is_possible(plains: Plains | None, size: int, limits: Limits) -> bool:
    if plains is None:
        return True
    most = int(max(plains.counts, default=0))
    instants = [*plains.created_at, *(plains.last_at or ())]
    return (
        size * _ESCAPED_BYTES + (most + 1) * _FRAME_BYTES <= limits.max_record_bytes
        and most <= limits.max_messages
        and min(instants, default=EARLIEST) >= EARLIEST
        and max(instants, default=LATEST) <= LATEST
        and not any(not name or name.isspace() for name in plains.conversation_ids)
    )
