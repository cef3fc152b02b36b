"""The ways to read an own schema: `mapped`, `mapped-histories`, and `mapped-groups` for single messages.

Facts of JSON Lines take 1.5 times the CPU of canonical lines with the same texts; without message ids, 2.2
times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

import msgspec

from schemas.errors import PipelineError
from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import USED, note_record
from transforms.sources.base import (
    NO_DIGEST,
    FactsBatch,
    FoundSession,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batches,
    byte_ranges,
    fault_at,
    one_task_per_file,
)
from transforms.sources.canonical.parquet import plan_row_groups
from transforms.sources.canonical.parquet_layout import open_parquet
from transforms.sources.facts.table import ReadRecord
from transforms.sources.faults import Fault
from transforms.sources.files import magic_of, open_bytes
from transforms.sources.json.items import is_in_lines
from transforms.sources.mapped.groups import LABELS, MAX_BYTES, Group, grouped
from transforms.sources.mapped.items import Found, is_parquet, records_in
from transforms.sources.mapped.records import Parsed, Schema, schema_of
from transforms.sources.record_file import UNFORESEEN, sessions_at

#: What ends a file that is cut or damaged: errors of its stream, of JSON and of Parquet.
_DAMAGE = (Exception,)


class Mapped:
    """Files whose records have the fields that the configuration names. `in_groups`: see `group_by`."""

    folder_patterns: Sequence[str] = tuple(
        f"**/*{ending}{compressed}"
        for ending in (".jsonl", ".ndjson", ".json", ".parquet")
        for compressed in (("",) if ending == ".parquet" else ("", ".gz", ".zst"))
    )

    def __init__(self, *, in_groups: bool = False) -> None:
        self._in_groups = in_groups

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task per file."""
        return one_task_per_file(input_number, name, files)

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:
        """Row groups or byte ranges; one unit for any other file, and for records to be grouped.

        Raises OSError, pa.ArrowException.
        """
        path, size = task.paths[0], task.sizes[0]
        if size == 0:
            return [], []
        if magic_of(path).startswith(b"PK"):
            return [], [Quarantined(task.input, path, "file", "unknown_format", size, NO_DIGEST)]
        if is_parquet(path):
            with open_parquet(path) as file:
                names = file.schema_arrow.names
            units, faults = plan_row_groups(task, names)
            if units and self._in_groups:
                units = [Unit(task.input, task.format, "stream", task.paths, size=size)]
            return units, faults
        if not self._in_groups and is_in_lines(path):
            return byte_ranges(task, unit_bytes), []
        with open_bytes(path):
            return [Unit(task.input, task.format, "stream", task.paths, size=size)], []

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of every session, in order of the records."""
        if not self._in_groups:
            yield from batches(_reads(unit, context), unit, context)
            return
        lost: list[ReadRecord] = []
        rows, groups = _read_groups(unit, context, lost)
        parts = rows
        for batch in batches(_sessions_of(groups, lost, unit, context), unit, context):
            yield batch._replace(parts=parts)
            parts = 0
        note_record(USED, rows - len(lost))

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[FoundSession]:
        """The sessions of just these rows, ascending."""
        return sessions_at(pointers, unit, lambda rows: self._again(unit, context, rows))

    def _again(self, unit: Unit, context: ReadContext, wanted: Set[int]) -> Iterator[ReadRecord]:
        if not self._in_groups:
            return _reads(unit, context, wanted)
        groups = [group for group in _read_groups(unit, context, [])[1] if group.first in wanted]
        return _sessions_of(groups, [], unit, context)


def _reads(unit: Unit, context: ReadContext, wanted: Set[int] | None = None) -> Iterator[ReadRecord]:
    """The session or fault of every record, or of the wanted ones."""
    fields, schema = context.fields_of(unit.input), _schema(unit, context)
    defaults, limits = context.defaults[unit.input], context.limits
    row = 0
    found = records_in(unit, schema, fields, context, wanted)
    while True:
        try:
            each = next(found, None)
        except PipelineError:
            raise  # the store, and no fault of the file
        except _DAMAGE:
            yield _cut(unit, row, context)
            return
        if each is None:
            return
        row = each.row + 1
        if wanted is not None and each.row not in wanted:
            continue
        try:
            parsed = _parsed(each, schema)
            session = schema.finished(parsed, defaults, limits.max_messages)
            if not each.data:  # a row of Parquet; the length of JSON was checked before it was decoded
                _check_size(session, len(msgspec.json.encode(session)), context)
        except Fault as fault:
            yield _faulty(each, fault, unit, context)
            continue
        yield ReadRecord(each.row, 0, each.size, context.owned(session, unit), None, each.digest)


def _read_groups(unit: Unit, context: ReadContext, lost: list[ReadRecord]) -> tuple[int, list[Group]]:
    """The number of records of a file, and its groups; `lost` gets the entries of unreadable records."""
    fields, schema = context.fields_of(unit.input), _schema(unit, context)
    rows = 0

    def readable() -> Iterator[tuple[int, str, int, Parsed]]:
        nonlocal rows
        total = 0
        for each in records_in(unit, schema, fields, context):
            rows, total = each.row + 1, total + each.size
            if total > MAX_BYTES:
                raise Fault("oversize_file")
            try:
                yield each.row, each.locator, each.size, _parsed(each, schema)
            except Fault as fault:
                lost.append(_faulty(each, fault, unit, context, is_part=True))

    kept: list[Group] = []
    try:
        kept = [*grouped(readable())]
    except PipelineError:
        raise
    except Fault as fault:
        lost[:] = [_whole_file(unit, fault.code, context)]
        return 1, []
    except _DAMAGE:
        lost.append(_cut(unit, rows, context))
    return rows, kept


def _sessions_of(
    groups: Sequence[Group], lost: Sequence[ReadRecord], unit: Unit, context: ReadContext
) -> Iterator[ReadRecord]:
    """The sessions of the groups, and the entries of unreadable records, by row."""
    schema, defaults = _schema(unit, context), context.defaults[unit.input]
    entries = iter(sorted(lost, key=lambda read: read.row))
    entry = next(entries, None)
    for group in groups:
        while entry is not None and entry.row < group.first:
            yield entry
            entry = next(entries, None)
        where = Found(group.first, group.rows[0].locator, None, b"", group.size, 0)
        try:
            session = schema.finished(group.parsed(), defaults, context.limits.max_messages)
            _check_size(session, group.size, context)
        except Fault as fault:
            yield _faulty(where, fault, unit, context)
            continue
        context.owned(session, unit)
        for name in LABELS:
            setattr(session, name, group.label(name, session))
        yield ReadRecord(group.first, 0, group.size, session, None, None)
    while entry is not None:
        yield entry
        entry = next(entries, None)


def _schema(unit: Unit, context: ReadContext) -> Schema:
    return schema_of(context.fields_of(unit.input))


def _parsed(found: Found, schema: Schema) -> Parsed:
    """What the record has of a session; raises Fault, also for shapes that no check foresees."""
    if isinstance(found.record, Fault):
        raise found.record
    try:
        return schema.parsed(found.record)
    except UNFORESEEN:
        raise Fault("bad_field") from None


def _check_size(session: Session, size: int, context: ReadContext) -> None:
    if size > context.limits.max_record_bytes:
        raise Fault("oversize_record", session.conversation_id)


def _faulty(
    found: Found, fault: Fault, unit: Unit, context: ReadContext, *, is_part: bool = False
) -> ReadRecord:
    entry = fault_at(
        unit,
        unit.paths[0],
        found.locator,
        fault.code,
        context,
        data=found.data,
        length=found.size,
        conversation_id=fault.conversation_id,
        field=fault.field,
        is_part=is_part,
    )
    return ReadRecord(found.row, 0, found.size, None, entry)


def _whole_file(unit: Unit, code: str, context: ReadContext) -> ReadRecord:
    return ReadRecord(0, 0, 0, None, fault_at(unit, unit.paths[0], "file", code, context, length=unit.size))


def _cut(unit: Unit, row: int, context: ReadContext) -> ReadRecord:
    """The entry for the rest of a unit that is cut or damaged after `row` records."""
    locator = {"bytes": f"byte {unit.start}", "row_group": f"row group {unit.start} row {row}"}
    where = locator.get(unit.kind, f"item {row}")
    return ReadRecord(row, 0, 0, None, fault_at(unit, unit.paths[0], where, "truncated_input", context))
