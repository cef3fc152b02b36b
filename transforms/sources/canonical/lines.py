"""Canonical JSON Lines, plain or compressed: one session a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import msgspec

from schemas.units import Quarantined, Unit
from transforms.sources.base import (
    NO_DIGEST,
    FactsBatch,
    FoundSession,
    PlanTask,
    Pointer,
    ReadContext,
    batches,
    byte_ranges,
    changed,
    fault_at,
)
from transforms.sources.canonical.line_decoder import decode_session, decode_sessions
from transforms.sources.decompress import Truncated
from transforms.sources.facts.table import ReadRecord
from transforms.sources.faults import Fault
from transforms.sources.files import (
    Line,
    blocks_of_lines,
    compression_of,
    each_line,
    is_binary,
    open_range,
    read_at,
)


class _Named(msgspec.Struct):
    conversation_id: str


_NAMED = msgspec.json.Decoder(_Named)


def plan_lines(task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:
    """Byte ranges of a plain file, or one unit for a compressed one. Raises OSError."""
    path, size = task.paths[0], task.sizes[0]
    if is_binary(path):
        return [], [Quarantined(task.input, path, "file", "malformed_json", size, NO_DIGEST)]
    if compression_of(path):
        return [Unit(task.input, task.format, "stream", (path,), size=size)], []
    return byte_ranges(task, unit_bytes), []


def line_facts(unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
    """Facts of a unit's lines, a batch for every 16 MiB of JSON."""
    yield from batches(_reads(unit, context), unit, context, placed=True)


def line_sessions(unit: Unit, context: ReadContext, pointers: Sequence[Pointer]) -> Iterator[FoundSession]:
    """The sessions of the pointers: seeks in a plain file, reads a compressed one from the start."""
    ordered = sorted(pointers)
    if unit.kind == "bytes":
        chunks = read_at(unit.paths[0], [(pointer.offset, pointer.length) for pointer in ordered])
        for pointer, data in zip(ordered, chunks, strict=True):
            yield _session(unit, pointer.row, data, context)
        return
    wanted = {pointer.row for pointer in ordered}
    for read in _reads(unit, context, wanted):
        if read.session is not None:
            yield FoundSession(read.row, read.session, read.digest)
        wanted.discard(read.row)
        if not wanted:
            return


def _session(unit: Unit, row: int, data: bytes, context: ReadContext) -> FoundSession:
    body = data.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf")
    try:
        session = decode_session(body, context.limits.max_messages)
    except Fault:
        raise changed(unit) from None
    return FoundSession(row, context.owned(session, unit), context.hasher.content(body))


def _reads(unit: Unit, context: ReadContext, wanted: set[int] | None = None) -> Iterator[ReadRecord]:
    """Every record of the unit, or only the wanted rows; the other lines are not decoded."""
    limit, path = context.limits.max_record_bytes, unit.paths[0]
    start, end = (unit.start, unit.end) if unit.kind == "bytes" else (0, None)
    row = 0
    try:
        with closing(open_range(path, start, end)) as file:
            for some in blocks_of_lines(file, start, end, limit):
                numbered = [*enumerate(each_line(some), row)]
                row += len(numbered)
                kept = [
                    (number, line)
                    for number, line in numbered
                    if (wanted is None or number in wanted) and _may_be(line, context.only)
                ]
                yield from _read(unit, kept, context)
    except Truncated as cut:
        if wanted is None:
            yield ReadRecord(
                row, 0, 0, None, fault_at(unit, path, f"byte {cut.at}", "truncated_input", context)
            )
    except OSError:
        if wanted is None:
            yield ReadRecord(
                row, 0, 0, None, fault_at(unit, path, "file", "unreadable_file", context, length=unit.size)
            )


def _may_be(line: Line, only: str | None) -> bool:
    """False for a line of another conversation than the wanted one; decodes its id alone."""
    if only is None or line.data is None:
        return True
    try:
        return _NAMED.decode(line.data).conversation_id == only
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return True


def _read(unit: Unit, kept: Sequence[tuple[int, Line]], context: ReadContext) -> Iterator[ReadRecord]:
    texts = [line.data for _, line in kept if line.data is not None]
    found = iter(decode_sessions(texts, context.limits.max_messages))
    for row, line in kept:
        session = Fault("oversize_record") if line.data is None else next(found)
        if isinstance(session, Fault):
            yield ReadRecord(row, line.offset, line.length, None, _entry(unit, line, session, context))
        else:
            context.owned(session, unit)
            digest = context.hasher.content(line.data or b"")
            yield ReadRecord(row, line.offset, line.length, session, None, digest)


def _entry(unit: Unit, line: Line, fault: Fault, context: ReadContext) -> Quarantined:
    # The number of a line within its byte range does not identify it in the file; its offset does.
    locator = f"byte {line.offset}" if unit.kind == "bytes" else f"line {line.number}"
    return fault_at(
        unit,
        unit.paths[0],
        locator,
        fault.code,
        context,
        data=line.data or b"",
        length=line.length,
        conversation_id=fault.conversation_id,
        field=fault.field,
    )
