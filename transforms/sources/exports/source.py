"""Data exports as a source format: an archive, or a JSON file with an array of conversations."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePath
from typing import Any

import msgspec

from schemas.units import Quarantined, Unit
from transforms.sources.base import (
    FactsBatch,
    FoundSession,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batches,
    fault_at,
    one_task_per_file,
)
from transforms.sources.decode import checked, unreadable_json
from transforms.sources.decompress import Truncated
from transforms.sources.exports.files import Item, Shape, items_of_export
from transforms.sources.exports.lost import Conversation
from transforms.sources.facts.table import ReadRecord
from transforms.sources.faults import Fault
from transforms.sources.files import magic_of
from transforms.sources.json.array import ArrayCut
from transforms.sources.json.once import decoded_once
from transforms.sources.record_file import record_or_fault

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, Truncated, ArrayCut)
#: Raised for unsupported compression methods too.
_UNREADABLE = (OSError, RuntimeError, NotImplementedError)


class ArrayExport:
    """Archives (.zip) and JSON files of one service, described by its `Shape`."""

    def __init__(self, shape: Shape, folder_patterns: Sequence[str]) -> None:
        self._shape = shape
        self.folder_patterns = folder_patterns

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task per file that may hold conversations."""
        return one_task_per_file(
            input_number, name, [file for file in files if PurePath(file.path).name not in self._shape.others]
        )

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:  # noqa: ARG002
        """One unit per file: an array on one line cannot be split. Raises OSError."""
        magic_of(task.paths[0])
        return [Unit(task.input, task.format, "stream", task.paths, size=task.sizes[0])], []

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the conversations, and a quarantine entry for each item that is not one."""
        for batch in batches(_reads(unit, context, self._shape), unit, context):
            messages = len(batch.facts["message_id"].combine_chunks().flatten())
            lost = sum(entry.is_part for entry in batch.quarantined)
            yield batch._replace(parts=messages + lost)

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[FoundSession]:
        """The conversations at these positions of the array; reading stops after the last of them."""
        wanted = {pointer.row for pointer in pointers}
        for read in _reads(unit, context, self._shape, wanted) if wanted else ():
            if read.session is not None:
                yield FoundSession(read.row, read.session, read.digest)
            wanted.discard(read.row)
            if not wanted:
                return


def _reads(
    unit: Unit, context: ReadContext, shape: Shape, wanted: set[int] | None = None
) -> Iterator[ReadRecord]:
    """The items of the file, or only the wanted rows; last, an entry for a file that ends early."""
    row, end = 0, _End()
    with end:
        for item in items_of_export(unit.paths[0], shape, context.limits):
            if wanted is None or row in wanted:
                yield from _read(unit, row, item, context, shape)
            row += 1
    if end.code and wanted is None:
        yield _ended(unit, row, end.code, context)


class _End(AbstractContextManager["_End"]):
    """Catches what ends a file early, and keeps its quarantine code; empty if the file was read whole."""

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


def _read(unit: Unit, row: int, item: Item, context: ReadContext, shape: Shape) -> Iterator[ReadRecord]:
    """The session of an item, and an entry for each message that it lacks; or the entry of the item."""
    data = item.element.data
    digest = None if data is None else context.hasher.content(data)
    locator = f"{item.member} item {row}".lstrip()
    try:
        conversation = _conversation(_decoded(data), shape)
        session = checked(conversation.session, context.limits.max_messages)
    except Fault as fault:
        entry = fault_at(
            unit,
            unit.paths[0],
            locator,
            fault.code,
            context,
            data=data or b"",
            length=item.element.length,
            conversation_id=fault.conversation_id,
            field=fault.field,
        )
        yield ReadRecord(row, 0, item.element.length, None, entry)
        return
    context.owned(session, unit)
    yield ReadRecord(row, 0, item.element.length, session, None, digest)
    for lost in conversation.lost:
        entry = fault_at(
            unit,
            unit.paths[0],
            f"{locator} message {lost.place}",
            lost.fault.code,
            context,
            data=_encoded(lost.value),
            field=lost.fault.field,
            is_part=True,
        )
        yield ReadRecord(row, 0, 0, None, entry)


def _conversation(item: object, shape: Shape) -> Conversation:
    found = record_or_fault(shape.conversation_of, item)
    if isinstance(found, Fault):
        raise found
    return found


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError, OverflowError):
        return b""


def _decoded(data: bytes | None) -> object:
    if data is None:
        raise Fault("oversize_record")
    try:
        return decoded_once(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise unreadable_json(data) from None
