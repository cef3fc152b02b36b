"""Data exports: an archive or a JSON file with an array of conversations, read as a stream."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePath

import msgspec

from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import is_kept
from transforms.sources.base import (
    FactsBatch,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batches,
    fault_at,
    one_task_per_file,
)
from transforms.sources.decode import Fault, checked, json_fault, sound
from transforms.sources.exports.files import Item, Shape, blocks_of_export, items_of_export
from transforms.sources.facts.table import ReadRecord, SessionBatch
from transforms.sources.files import Truncated, magic_of
from transforms.sources.json.array import ArrayCut, Element
from transforms.sources.json.array_blocks import Block

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, Truncated, ArrayCut)
#: An archive may be encrypted or packed strangely.
_UNREADABLE = (OSError, RuntimeError, NotImplementedError)


class ArrayExport:
    """Archives (.zip) and the JSON files in them, of the service whose exports have this shape."""

    def __init__(self, shape: Shape, folder_patterns: Sequence[str]) -> None:
        self._shape = shape
        self.folder_patterns = folder_patterns

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task a file that may hold conversations."""
        return one_task_per_file(
            input_number, name, [file for file in files if PurePath(file.path).name not in self._shape.others]
        )

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:  # noqa: ARG002
        """One unit a file: an array is one line, so it cannot be cut. Raises OSError."""
        magic_of(task.paths[0])
        return [Unit(task.input, task.format, "stream", task.paths, size=task.sizes[0])], []

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the conversations, and a fault for each item that is none."""
        one_by_one = is_kept()
        reads = _reads(unit, context, self._shape, None) if one_by_one else _many(unit, context, self._shape)
        yield from batches(reads, unit, context)

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[tuple[int, Session]]:
        """The conversations at these positions of the array; reads no further than the last of them."""
        wanted = {pointer.row for pointer in pointers}
        for read in _reads(unit, context, self._shape, wanted) if wanted else ():
            if read.session is not None:
                yield read.row, read.session
            wanted.discard(read.row)
            if not wanted:
                return


def _reads(unit: Unit, context: ReadContext, shape: Shape, wanted: set[int] | None) -> Iterator[ReadRecord]:
    """Every item of the file, or only the wanted ones; and what ends the file before its time."""
    row, end = 0, _End()
    with end:
        for item in items_of_export(unit.paths[0], shape, context.limits.max_record_bytes):
            if wanted is None or row in wanted:
                yield _read(unit, row, item, context, shape)
            row += 1
    if end.code and wanted is None:
        yield _ended(unit, row, end.code, context)


def _many(unit: Unit, context: ReadContext, shape: Shape) -> Iterator[ReadRecord | SessionBatch]:
    """The same, of arrays many items at once."""
    row, end, limits = 0, _End(), context.limits
    with end:
        for member, part in blocks_of_export(unit.paths[0], shape, limits.max_record_bytes):
            if isinstance(part, Element):
                yield _read(unit, row, Item(member, part), context, shape)
                row += 1
            else:
                sessions = _sound(part.decoded, limits.max_messages)
                yield from _of_block(unit, row, member, sessions, part, context, shape)
                row += len(sessions)
    if end.code:
        yield _ended(unit, row, end.code, context)


def _of_block(
    unit: Unit,
    row: int,
    member: str,
    sessions: Sequence[Session | None],
    block: Block[Session | None],
    context: ReadContext,
    shape: Shape,
) -> Iterator[ReadRecord | SessionBatch]:
    """The sessions of a block, and its other items, looked at with care."""
    given = [place for place, session in enumerate(sessions) if session is not None]
    good = [session for session in sessions if session is not None]
    context.all_owned(good, unit)
    length = len(block.data) // len(sessions) if sessions else 0
    yield SessionBatch([row + place for place in given], [0] * len(good), [length] * len(good), good)
    if len(good) < len(sessions):
        for place, element in enumerate(block.elements()):
            if sessions[place] is None:
                yield _read(unit, row + place, Item(member, element), context, shape)


def _sound(sessions: Sequence[Session | None], max_messages: int) -> Sequence[Session | None]:
    """The sessions, None for those whose values are not possible."""
    if sound([session for session in sessions if session is not None], max_messages):
        return sessions
    return [each if each is not None and sound([each], max_messages) else None for each in sessions]


class _End(AbstractContextManager["_End"]):
    """Takes what ends a file before its time, as a `code`."""

    code = ""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, Fault):
            self.code = error.code
        elif isinstance(error, _DAMAGED):
            self.code = "truncated_input"
        elif isinstance(error, _UNREADABLE):
            self.code = "unreadable_file"
        return bool(self.code)


def _ended(unit: Unit, row: int, code: str, context: ReadContext) -> ReadRecord:
    path, locator = unit.paths[0], f"item {row}" if code == "truncated_input" else "file"
    return ReadRecord(row, 0, 0, None, fault_at(unit, path, locator, code, context, length=unit.size))


def _read(unit: Unit, row: int, item: Item, context: ReadContext, shape: Shape) -> ReadRecord:
    data = item.element.data
    try:
        session = checked(shape.session_of(_decoded(data)), context.limits.max_messages)
    except Fault as fault:
        locator = f"{item.member} item {row}".lstrip()
        entry = fault_at(
            unit,
            unit.paths[0],
            locator,
            fault.code,
            context,
            data=data or b"",
            length=item.element.length,
            conversation_id=fault.conversation_id,
        )
        return ReadRecord(row, 0, item.element.length, None, entry)
    context.owned(session, unit)
    return ReadRecord(row, 0, item.element.length, session, None)


def _decoded(data: bytes | None) -> object:
    if data is None:
        raise Fault("oversize_record")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault(json_fault(data)) from None
