"""Data exports: an archive or a JSON file with an array of conversations, read as a stream."""

from __future__ import annotations

import functools
import itertools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePath
from typing import IO, NamedTuple

import msgspec

from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.facts import Read, Several
from transforms.files import Truncated, magic_of, open_stream
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
from transforms.sources.json_array import ArrayCut, Element, elements, first_byte
from transforms.sources.json_array_blocks import Block, blocks_of_elements

_BATCH_BYTES = 16 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, Truncated, ArrayCut)
#: An archive may be encrypted or packed strangely.
_UNREADABLE = (OSError, RuntimeError, NotImplementedError)


class Shape(NamedTuple):
    """What tells one service's exports from another's.

    `members`: the names of files that hold conversations. `others`: files beside them that hold none.
    `whole`: a field that a conversation standing alone has. `session_of` makes an item a session or raises
    Fault. `sessions_of` makes sessions of an array that tell the same facts, None of items that need more
    care; it may raise ValueError or what msgspec raises.
    """

    members: re.Pattern[str]
    others: frozenset[str]
    whole: str
    session_of: Callable[[object], Session]
    sessions_of: Callable[[bytes], list[Session | None]]


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
        if is_kept():
            yield from batches(_reads(unit, context, self._shape, None), unit, context)
            return
        parts = _parts(unit, context, self._shape)
        for part in parts:
            yield from batches(_some_of(itertools.chain([part], parts)), unit, context)

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


class _Part(NamedTuple):
    """What was read of some bytes of a file."""

    reads: Iterable[Read | Several]
    size: int


def _reads(unit: Unit, context: ReadContext, shape: Shape, wanted: set[int] | None) -> Iterator[Read]:
    """Every item of the file, or only the wanted ones; and what ends the file before its time."""
    row, end = 0, _End()
    with end:
        for item in _items(unit.paths[0], shape, context.limits.max_record_bytes):
            if wanted is None or row in wanted:
                yield _read(unit, row, item, context, shape)
            row += 1
    if end.code and wanted is None:
        yield _ended(unit, row, end.code, context)


def _parts(unit: Unit, context: ReadContext, shape: Shape) -> Iterator[_Part]:
    """The same, of arrays many items at once; and last what ends the file, or nothing."""
    row, end, limits = 0, _End(), context.limits
    with end:
        for member, part in _blocks(unit.paths[0], shape, limits.max_record_bytes):
            if isinstance(part, Element):
                read = _read(unit, row, _Item(member, part), context, shape)
                yield _Part([read], part.length)
                row += 1
            else:
                sessions = _sound(part.decoded, limits.max_messages)
                yield _Part(
                    _of_block(unit, row, member, sessions, part, context, shape),
                    len(part.data),
                )
                row += len(sessions)
    yield _Part([_ended(unit, row, end.code, context)] if end.code else [], 0)


def _of_block(
    unit: Unit,
    row: int,
    member: str,
    sessions: Sequence[Session | None],
    block: Block[Session | None],
    context: ReadContext,
    shape: Shape,
) -> Iterator[Read | Several]:
    """The sessions of a block, and its other items, looked at with care."""
    given = [place for place, session in enumerate(sessions) if session is not None]
    good = [session for session in sessions if session is not None]
    context.all_owned(good, unit)
    yield Several([row + place for place in given], [0] * len(good), [0] * len(good), good)
    if len(good) < len(sessions):
        for place, element in enumerate(block.elements()):
            if sessions[place] is None:
                yield _read(unit, row + place, _Item(member, element), context, shape)


def _some_of(parts: Iterable[_Part]) -> Iterator[Read | Several]:
    """What was read of parts that are as much as a batch together."""
    size = 0
    for part in parts:
        yield from part.reads
        size += part.size
        if size >= _BATCH_BYTES:
            return


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


def _ended(unit: Unit, row: int, code: str, context: ReadContext) -> Read:
    path, locator = unit.paths[0], f"item {row}" if code == "truncated_input" else "file"
    return Read(row, 0, 0, None, fault_at(unit, path, locator, code, context, length=unit.size))


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
    for name, member in _members(path, shape):
        yield from (_Item(name, element) for element in _conversations(path, member, shape, max_bytes))


def _blocks(path: str, shape: Shape, max_bytes: int) -> Iterator[tuple[str, Block[Session | None] | Element]]:
    """The same, arrays in blocks; each with the name of its member."""
    for name, member in _members(path, shape):
        if _first(path, member) == b"[":
            opened = functools.partial(_opened, path, member)
            for part in blocks_of_elements(opened, max_bytes, shape.sessions_of):
                yield name, part
        else:
            for element in _conversations(path, member, shape, max_bytes):
                yield name, element


def _members(path: str, shape: Shape) -> Iterator[tuple[str, str]]:
    """What members with conversations are called here, and their names; both empty for a file of its own."""
    if not magic_of(path).startswith(b"PK"):
        yield "", ""
        return
    with zipfile.ZipFile(path) as archive:
        members = sorted(name for name in archive.namelist() if shape.members.fullmatch(PurePath(name).name))
    if not members:
        raise Fault("unknown_format")
    for number, member in enumerate(members, 1):
        # By number: a member's name may tell whose export it is.
        yield f"member {number}" if len(members) > 1 else "", member


def _first(path: str, member: str) -> bytes:
    """The bracket that opens a file; raises Fault for one that holds no array and no object."""
    with _opened(path, member) as file:
        first = first_byte(file)
    if first not in (b"[", b"{"):
        raise Fault("unknown_format")
    return first


def _conversations(path: str, member: str, shape: Shape, max_bytes: int) -> Iterator[Element]:
    first = _first(path, member)
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
