"""Claude.ai data exports: an archive or a JSON file with an array of conversations, read as a stream."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import ijson
import msgspec

from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.facts import Read
from transforms.files import Truncated, magic_of, open_stream
from transforms.sources.base import (
    FactsBatch,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batch_of,
    fault_at,
    one_task_per_file,
)
from transforms.sources.claude_export_items import session_of
from transforms.sources.decode import Fault, checked, with_defaults

_BATCH = 256
_MEMBER = "conversations.json"


class ClaudeExport:
    """Archives (.zip) and their conversations.json."""

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task a file."""
        return one_task_per_file(input_number, name, files)

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:  # noqa: ARG002
        """One unit a file: an array is one line, so it cannot be cut. Raises OSError."""
        magic_of(task.paths[0])
        return [Unit(task.input, task.format, "stream", task.paths, size=task.sizes[0])], []

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the conversations, and a fault for each item that is none."""
        encoded = unit.encode()
        reads: list[Read] = []
        for read in _reads(unit, context):
            reads.append(read)
            if len(reads) >= _BATCH:
                yield batch_of(reads, encoded, context)
                reads = []
        yield batch_of(reads, encoded, context)

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[tuple[int, Session]]:
        """The conversations at these positions of the array."""
        wanted = {pointer.row for pointer in pointers}
        for read in _reads(unit, context):
            if read.row in wanted and read.session is not None:
                yield read.row, read.session


def _reads(unit: Unit, context: ReadContext) -> Iterator[Read]:
    path, row = unit.paths[0], 0
    try:
        for item in _items(path, context.limits.max_record_bytes):
            yield _read(unit, row, item, context)
            row += 1
    except Fault as fault:
        yield Read(row, 0, 0, None, fault_at(unit, path, "file", fault.code, context, length=unit.size))
    except (ijson.JSONError, UnicodeDecodeError, Truncated, zipfile.BadZipFile, EOFError):
        code = "malformed_json" if row == 0 else "truncated_input"
        yield Read(row, 0, 0, None, fault_at(unit, path, f"item {row}", code, context, length=unit.size))
    except OSError:
        yield Read(
            row, 0, 0, None, fault_at(unit, path, "file", "unreadable_file", context, length=unit.size)
        )


def _read(unit: Unit, row: int, item: Any, context: ReadContext) -> Read:
    try:
        encoded = msgspec.json.encode(item)
        session = _fitting(item, len(encoded), context)
    except Fault as fault:
        entry = fault_at(
            unit,
            unit.paths[0],
            f"item {row}",
            fault.code,
            context,
            data=encoded,
            conversation_id=fault.conversation_id,
        )
        return Read(row, 0, 0, None, entry)
    except (UnicodeEncodeError, OverflowError, RecursionError):
        entry = fault_at(unit, unit.paths[0], f"item {row}", "invalid_unicode", context)
        return Read(row, 0, 0, None, entry)
    return Read(row, 0, 0, with_defaults(session, context.defaults[unit.input]), None)


def _fitting(item: Any, size: int, context: ReadContext) -> Session:
    if size > context.limits.max_record_bytes:
        raise Fault("oversize_record")
    return checked(session_of(item), context.limits.max_messages)


def _items(path: str, max_bytes: int) -> Iterator[Any]:
    """The conversations of an export, one at a time; raises Fault for a file that is no export."""
    with _opened(path) as file:
        first = _first_byte(file)
    if first == b"[":
        yield from _array(path, "item")
        return
    if first != b"{":
        raise Fault("malformed_json" if first else "unknown_format")
    empty = True
    for item in _array(path, "conversations.item"):
        empty = False
        yield item
    if empty:
        yield _whole(path, max_bytes)


def _array(path: str, prefix: str) -> Iterator[Any]:
    with _opened(path) as file:
        yield from ijson.items(file, prefix, use_float=True)


def _whole(path: str, max_bytes: int) -> Any:
    """One conversation as the browser's API gives it."""
    with _opened(path) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise Fault("oversize_record")
    try:
        item = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault("malformed_json") from None
    if not isinstance(item, dict) or "chat_messages" not in item:
        raise Fault("unknown_format")
    return item


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    if not magic_of(path).startswith(b"PK"):
        with open_stream(path) as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.rsplit("/", 1)[-1] == _MEMBER)
        if not names:
            raise Fault("unknown_format")
        with archive.open(names[0]) as member:
            yield member


def _first_byte(file: IO[bytes]) -> bytes:
    while byte := file.read(1):
        if byte.strip() and byte not in b"\xef\xbb\xbf":
            return byte
    return b""
