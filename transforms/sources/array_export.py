"""Data exports: an archive or a JSON file with an array of conversations, read as a stream."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import IO, NamedTuple

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
    batches,
    fault_at,
    one_task_per_file,
)
from transforms.sources.decode import Fault, checked, json_fault
from transforms.sources.json_array import ArrayCut, Element, elements, first_byte

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, Truncated, ArrayCut)


class Shape(NamedTuple):
    """What tells one service's exports from another's.

    `members`: the names of files that hold conversations. `others`: files beside them that hold none.
    `whole`: a field that a conversation standing alone has. `session_of` makes an item a session or raises
    Fault.
    """

    members: re.Pattern[str]
    others: frozenset[str]
    whole: str
    session_of: Callable[[object], Session]


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
        yield from batches(_reads(unit, context, self._shape, None), unit, context)

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


class _Item(NamedTuple):
    member: str
    element: Element


def _reads(unit: Unit, context: ReadContext, shape: Shape, wanted: set[int] | None) -> Iterator[Read]:
    """Every item of the file, or only the wanted ones; and what ends the file before its time."""
    path, row, code = unit.paths[0], 0, ""
    try:
        for item in _items(path, shape, context.limits.max_record_bytes):
            if wanted is None or row in wanted:
                yield _read(unit, row, item, context, shape)
            row += 1
    except Fault as fault:
        code = fault.code
    except _DAMAGED:
        code = "truncated_input"
    except (OSError, RuntimeError, NotImplementedError):  # an archive may be encrypted or packed strangely
        code = "unreadable_file"
    if code and wanted is None:
        locator = f"item {row}" if code == "truncated_input" else "file"
        yield Read(row, 0, 0, None, fault_at(unit, path, locator, code, context, length=unit.size))


def _read(unit: Unit, row: int, item: _Item, context: ReadContext, shape: Shape) -> Read:
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
        return Read(row, 0, item.element.length, None, entry)
    context.owned(session, unit)
    return Read(row, 0, item.element.length, session, None)


def _decoded(data: bytes | None) -> object:
    if data is None:
        raise Fault("oversize_record")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault(json_fault(data)) from None


def _items(path: str, shape: Shape, max_bytes: int) -> Iterator[_Item]:
    """The conversations of an export, one at a time; raises Fault for a file that is no export."""
    if not magic_of(path).startswith(b"PK"):
        yield from (_Item("", element) for element in _conversations(path, "", shape, max_bytes))
        return
    with zipfile.ZipFile(path) as archive:
        members = sorted(name for name in archive.namelist() if shape.members.fullmatch(PurePath(name).name))
    if not members:
        raise Fault("unknown_format")
    for number, member in enumerate(members, 1):
        # By number: a member's name may tell whose export it is.
        name = f"member {number}" if len(members) > 1 else ""
        yield from (_Item(name, element) for element in _conversations(path, member, shape, max_bytes))


def _conversations(path: str, member: str, shape: Shape, max_bytes: int) -> Iterator[Element]:
    with _opened(path, member) as file:
        first = first_byte(file)
    if first not in (b"[", b"{"):
        raise Fault("unknown_format")
    with _opened(path, member) as file:
        if first == b"[":
            yield from elements(file, max_bytes)
            return
        whole = file.read(max_bytes + 1)
    too_long = len(whole) > max_bytes
    if not too_long and _kind(whole, shape) == "one":
        yield Element(len(whole), whole.removeprefix(b"\xef\xbb\xbf"))
        return
    del whole
    try:
        with _opened(path, member) as file:
            yield from elements(file, max_bytes, b"conversations")
    except KeyError:
        raise Fault("oversize_record" if too_long else "unknown_format") from None


def _kind(whole: bytes, shape: Shape) -> str:
    """`one` conversation, as the service's API gives it, or `wrapped` ones; raises Fault for neither."""
    try:
        outline = msgspec.json.decode(whole.removeprefix(b"\xef\xbb\xbf"), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault(json_fault(whole)) from None
    if "conversations" in outline:
        return "wrapped"
    if shape.whole not in outline:
        raise Fault("unknown_format")
    return "one"


@contextmanager
def _opened(path: str, member: str) -> Iterator[IO[bytes]]:
    """The file, or the member of an archive, decompressed."""
    if not member:
        with open_stream(path) as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        yield file
