"""Claude Code session files to linked records and quarantine entries, and the ids that link files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import PurePath
from typing import Any, NamedTuple

import msgspec

from schemas.units import Quarantined, Unit
from transforms.sources.accounting import settle
from transforms.sources.base import ReadContext, fault_at
from transforms.sources.claude_code.lines import LineFault, LinkedRecord, parse_line
from transforms.sources.files import Line, Truncated, lines, open_stream

_LINK_LINE_BYTES = 64 << 20
#: A power cut may leave NUL bytes in place of a line; the next line then follows them directly.
_PADDING = b"\0"


class UnitRecords(NamedTuple):
    """The records of a unit in the order of its files, and one fault for each unreadable line or file.

    `digest`: of all lines of all files, since any of them may change a session. `lines`: their number.
    """

    records: list[LinkedRecord]
    faults: list[Quarantined]
    digest: int
    lines: int


def records_of(unit: Unit, context: ReadContext) -> UnitRecords:
    """The records and faults of all files of a unit."""
    records, faults, seen = list[LinkedRecord](), list[Quarantined](), context.hasher.contents()
    count = 0
    for path in unit.paths:
        reader = _FileReader(unit, path, context)
        try:
            with closing(open_stream(path)) as file:
                for line in lines(file, 0, None, context.limits.max_record_bytes):
                    reader.read(line)
                    count += 1
                    seen.update(b"%d\n" % line.length if line.data is None else line.data)
                    seen.update(b"\n")
        except Truncated as cut:
            reader.faults.append(fault_at(unit, path, f"byte {cut.at}", "truncated_input", context))
        except OSError:
            reader.faults.append(fault_at(unit, path, "file", "unreadable_file", context))
        seen.update(b"\n")
        records.extend(reader.records)
        faults.extend(reader.faults)
    return UnitRecords(records, faults, context.hasher.signed(seen.intdigest()), count)


class _FileReader:
    """The records and faults of one file, line by line.

    A damaged line may be the parent of a later record. So each record after damage gets `before_damage`: the
    last uuid before the damage. It is kept by session id and sidechain flag, since one file may hold several
    sessions.
    """

    def __init__(self, unit: Unit, path: str, context: ReadContext) -> None:
        name = PurePath(path).name
        self.records: list[LinkedRecord] = []
        self.faults: list[Quarantined] = []
        self._unit, self._path, self._context = unit, path, context
        self._agent = name.removeprefix("agent-").split(".")[0] if name.startswith("agent-") else None
        self._last: dict[tuple[str, bool], str] = {}
        self._before_damage: dict[tuple[str, bool], str] = {}

    def read(self, line: Line) -> None:
        """Adds the record of a line, or its fault; a faulty line that has links adds both."""
        if line.data is None:
            self._add_fault(line, "oversize_record")
            return
        try:
            record = parse_line(line.data.strip(_PADDING) or line.data, self._agent)
        except LineFault as fault:
            self._add_fault(line, fault.code)
            if fault.link is not None:
                self._add(fault.link, parent_unreadable=fault.parent_unreadable)
            return
        settle(good=True)
        if record is not None:
            self._add(record)

    def _add(self, record: LinkedRecord, *, parent_unreadable: bool = False) -> None:
        thread = record.session_id, record.is_sidechain
        record.before_damage = self._before_damage.get(thread)
        if parent_unreadable and record.parent is None:
            record.parent = record.before_damage
        self._last[thread] = record.uuid
        self.records.append(record)

    def _add_fault(self, line: Line, code: str) -> None:
        data, length = (b"", line.length) if line.data is None else (line.data, 0)
        locator = f"line {line.number}"
        self.faults.append(
            fault_at(
                self._unit,
                self._path,
                locator,
                code,
                self._context,
                data=data,
                length=length,
                is_part=True,
            )
        )
        self._before_damage = dict(self._last)


class _Links(msgspec.Struct, gc=False):
    uuid: Any = None
    parent: Any = msgspec.field(default=None, name="parentUuid")
    logical_parent: Any = msgspec.field(default=None, name="logicalParentUuid")
    session_id: Any = msgspec.field(default=None, name="sessionId")


_LINKS = msgspec.json.Decoder(_Links)


def links_of(path: str) -> set[str]:
    """Every id by which a line of the file may be linked to a line of another file. Raises OSError."""
    linked: set[str] = set()
    try:
        with closing(open_stream(path)) as file:
            for line in lines(file, 0, None, _LINK_LINE_BYTES):
                linked.update(_ids(line))
    except Truncated:
        pass  # the lines before the cut are read all the same
    return linked


def _ids(line: Line) -> Iterator[str]:
    """The ids of a line that are strings; none of a line that cannot be decoded."""
    if line.data is None:
        return
    try:
        found = _LINKS.decode(line.data.strip(_PADDING))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for one in (found.uuid, found.parent, found.logical_parent, found.session_id):
        if isinstance(one, str) and one:
            yield one
