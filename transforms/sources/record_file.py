"""The short way to add a source format: implement `records`, which yields the records of a file.

For formats whose files are read from start to end and yield canonical records (docs/reference/data-model.md).
"""

from __future__ import annotations

import abc
import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import msgspec

from schemas.errors import PipelineError
from schemas.records import Defaults, Limits
from schemas.units import Quarantined, Unit
from transforms.sources.base import (
    FactsBatch,
    FoundSession,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batches,
    changed,
    fault_at,
    one_task_per_file,
)
from transforms.sources.decode import convert_session
from transforms.sources.facts.table import ReadRecord
from transforms.sources.faults import Fault, bad_field
from transforms.sources.files import open_bytes

#: Formats come from other packages too: they may raise anything, and their messages may contain data.
_ANYTHING = (Exception,)
#: What adapters raise for items of an unforeseen shape.
UNFORESEEN = (TypeError, ValueError, AttributeError, LookupError, RecursionError, ArithmeticError)


Record = Mapping[str, Any] | Fault
#: Records that are tried to recognize a format, with a time in place of missing ones.
_FIRST_RECORDS = 3
_ANY_TIME = Defaults(created_at=dt.datetime(2000, 1, 1, tzinfo=dt.UTC))


class Located(NamedTuple):
    """A record with its row and locator. `digest`: of the bytes it was read from; None: not known."""

    row: int
    locator: str
    record: Record
    digest: int | None = None


def record_or_fault[T, Made](make: Callable[[T], Made], item: T) -> Made | Fault:
    """The record made from an item, or its Fault; `bad_field` for a shape the adapter did not foresee."""
    try:
        return make(item)
    except Fault as fault:
        return fault
    except UNFORESEEN:
        return bad_field("*", item)


class RecordFile(abc.ABC):
    """A source format whose files are read record by record. Equal bytes must give equal records."""

    folder_patterns: Sequence[str] = ()

    @abc.abstractmethod
    def records(self, path: str) -> Iterator[Record]:
        """The records of a file in order: a canonical record as a mapping, or a Fault.

        A mapping that is not a valid session is quarantined with its reason. An exception ends the file: the
        records before it are used, and one entry `truncated_input` covers the rest.
        """

    def recognizes(self, path: str) -> bool:
        """True if one of the first records of a file is a session: `inspect` then takes it for this format.

        A format whose records say little may override it.
        """
        try:
            for record in itertools.islice(self.records(path), _FIRST_RECORDS):
                if not isinstance(record, Fault):
                    convert_session(timed(record, _ANY_TIME), Limits().max_messages)
                    return True
        except (Fault, *_ANYTHING):
            return False
        return False

    def records_within(self, path: str, max_record_bytes: int) -> Iterator[Record]:  # noqa: ARG002 - for formats that override this
        """The records; a format that can detect too long records before reading them yields a Fault."""
        return self.records(path)

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task per file."""
        return one_task_per_file(input_number, name, files)

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:  # noqa: ARG002 - a file is not split
        """One unit per file, none for an empty file; raises OSError."""
        if task.sizes[0] == 0:
            return [], []
        with open_bytes(task.paths[0]):
            return [Unit(task.input, task.format, "stream", task.paths, size=task.sizes[0])], []

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the file's records, in their order."""
        yield from batches(self._reads(unit, context), unit, context)

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[FoundSession]:
        """The sessions of just these records, by ascending row."""
        return sessions_at(pointers, unit, lambda rows: self._reads(unit, context, rows))

    def located(
        self,
        unit: Unit,
        context: ReadContext,
        wanted: Set[int] | None,  # noqa: ARG002 - for formats that can skip rows
    ) -> Iterator[Located]:
        """The records of a unit, at least of the `wanted` rows."""
        found = self.records_within(unit.paths[0], context.limits.max_record_bytes)
        for row, record in enumerate(found):
            yield Located(row, f"item {row}", record)

    def _reads(
        self, unit: Unit, context: ReadContext, wanted: Set[int] | None = None
    ) -> Iterator[ReadRecord]:
        """Every record, or only the wanted rows; last, an entry for the rest of a file that ends early."""
        found, count = self.located(unit, context, wanted), 0
        while True:
            try:
                row, locator, record, digest = next(found)
            except StopIteration:
                return
            except PipelineError:
                raise  # the store, and no fault of the file
            except _ANYTHING as error:
                if unit.stored and isinstance(error, OSError):
                    raise PipelineError(
                        f"format {unit.format}: its package opens files by itself, so it reads none in "
                        "buckets; it needs chatsieve.open_stream"
                    ) from None
                break
            if wanted is None or row in wanted:
                yield read_record(unit, row, locator, record, context, digest)
            count = row + 1
        yield self.cut(unit, count, context)

    def cut(self, unit: Unit, count: int, context: ReadContext) -> ReadRecord:
        """The entry for the rest of a unit that ends early, after `count` records."""
        locator = f"byte {unit.start}" if unit.kind == "bytes" else f"item {count}"
        entry = fault_at(unit, unit.paths[0], locator, "truncated_input", context)
        return ReadRecord(count, 0, 0, None, entry)


def sessions_at(
    pointers: Sequence[Pointer], unit: Unit, read: Callable[[Set[int]], Iterable[ReadRecord]]
) -> Iterator[FoundSession]:
    """The sessions of the records that `read` gives for the rows wanted, by ascending row.

    Raises PipelineError if one of them is not found, or cannot be read any more.
    """
    wanted = {pointer.row for pointer in pointers}
    for found in read(frozenset(wanted)) if wanted else ():
        if found.row not in wanted:
            continue
        if found.session is None:
            break
        yield FoundSession(found.row, found.session, found.digest)
        wanted.discard(found.row)
        if not wanted:
            return
    if wanted:
        raise changed(unit)


def timed(record: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    """The record with the default in place of missing times."""
    at, messages = defaults.created_at, record.get("messages")
    if at is None:
        return dict(record)
    whole = {**record, "created_at": record.get("created_at") or at}
    if isinstance(messages, list):
        whole["messages"] = [
            {**m, "sent_at": m.get("sent_at") or at} if isinstance(m, dict) else m for m in messages
        ]
    return whole


def read_record(
    unit: Unit, row: int, locator: str, record: Record, context: ReadContext, digest: int | None = None
) -> ReadRecord:
    """The session of a record, or its quarantine entry. Default digest: that of the record in JSON."""
    data, session, fault = b"", None, record if isinstance(record, Fault) else None
    if not isinstance(record, Fault):
        try:
            data = _encoded(record, context.limits.max_record_bytes)
            session = convert_session(
                timed(record, context.defaults[unit.input]), context.limits.max_messages
            )
        except Fault as found:
            fault = found
    if fault is None and session is not None:
        if digest is None:
            digest = context.hasher.content(data)
        return ReadRecord(row, 0, 0, context.owned(session, unit), None, digest)
    why = fault or bad_field("*", record)
    entry = fault_at(
        unit,
        unit.paths[0],
        locator,
        why.code,
        context,
        data=data,
        conversation_id=why.conversation_id,
        field=why.field,
    )
    return ReadRecord(row, 0, 0, None, entry)


def _encoded(record: Mapping[str, Any], most: int) -> bytes:
    try:
        data = msgspec.json.encode(record)
    except UnicodeEncodeError:
        raise Fault("invalid_unicode") from None
    except (TypeError, RecursionError, OverflowError, NotImplementedError):
        raise bad_field("*", record) from None
    if len(data) > most:
        raise Fault("oversize_record")
    return data
