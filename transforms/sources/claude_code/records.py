"""Claude Code session files to records and faults: lines many at a time where nothing about them is odd."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import PurePath
from typing import NamedTuple

import msgspec

from schemas.units import Quarantined, Unit
from transforms.sources.accounting import settle
from transforms.sources.base import ReadContext, fault_at
from transforms.sources.claude_code.contents import Odd, are_shallow
from transforms.sources.claude_code.lines import SAID, LineFault, Record, parse_line
from transforms.sources.claude_code.typed_lines import Line as Typed
from transforms.sources.claude_code.typed_lines import records_of_lines, typed_lines
from transforms.sources.decode import EARLIEST, LATEST
from transforms.sources.files import Line, Lines, Truncated, blocks_of_lines, line_at, open_stream

_LINK_LINE_BYTES = 64 << 20
#: What a power cut leaves of a line that was being written, before the next one.
_PADDING = b"\0"
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Taken(NamedTuple):
    """The records of a unit's files in their order, and one fault for each line that is none.

    `sound`: no session of them is at fault for a time, a value or an id that it has twice.
    """

    records: list[Record]
    faults: list[Quarantined]
    sound: bool


def records_of(unit: Unit, context: ReadContext) -> Taken:
    """What is in the files of a unit."""
    records: list[Record] = []
    faults: list[Quarantined] = []
    sound = True
    for path in unit.paths:
        name = PurePath(path).name
        agent = name.removeprefix("agent-").split(".")[0] if name.startswith("agent-") else None
        taken = _Taking(unit, path, agent, context)
        try:
            with closing(open_stream(path)) as file:
                for some in blocks_of_lines(file, 0, None, context.limits.max_record_bytes):
                    taken.take_all(some)
        except Truncated as cut:
            taken.faults.append(fault_at(unit, path, f"byte {cut.at}", "truncated_input", context))
        except OSError:
            taken.faults.append(fault_at(unit, path, "file", "unreadable_file", context))
        records += taken.records
        faults += taken.faults
        sound = sound and taken.sound
    return Taken(records, faults, sound)


@dataclasses.dataclass
class _Taking:
    """The records and faults of a file. A record after damage knows what stood last before it.

    Last in its session and beside or not beside the main thread, since several may stand in one file.
    """

    unit: Unit
    path: str
    agent: str | None
    context: ReadContext
    records: list[Record] = dataclasses.field(default_factory=list)
    faults: list[Quarantined] = dataclasses.field(default_factory=list)
    sound: bool = True
    _before: dict[tuple[str, bool], str] = dataclasses.field(default_factory=dict)
    _looked_at: int = 0

    def take_all(self, some: Lines) -> None:
        """Takes lines that follow those taken before."""
        lines = enumerate(typed_lines(some.raw))
        for is_typed, run in itertools.groupby(lines, key=lambda line: line[1] is not None):
            if is_typed:
                self._take_typed(some, [(place, line) for place, line in run if line is not None])
            else:
                for place, _ in run:
                    self._take(line_at(some, place))

    def _take_typed(self, some: Lines, typed: Sequence[tuple[int, Typed]]) -> None:
        """Takes lines that stand at these places; where one of them is odd, half of them at a time."""
        try:
            found = records_of_lines([line for _, line in typed], self.agent)
        except Odd:
            settle(good=False)
            if len(typed) == 1:
                self._take(line_at(some, typed[0][0]))
                return
            middle = len(typed) // 2
            self._take_typed(some, typed[:middle])
            self._take_typed(some, typed[middle:])
        else:
            settle(good=True)
            self._add(found)

    def _take(self, line: Line) -> None:
        locator = f"line {line.number}"
        if line.data is None:
            length = line.length
            entry = fault_at(self.unit, self.path, locator, "oversize_record", self.context, length=length)
            self._damaged(entry)
            return
        try:
            record = parse_line(line.data.strip(_PADDING) or line.data, self.agent)
        except LineFault as fault:
            data = line.data
            self._damaged(fault_at(self.unit, self.path, locator, fault.code, self.context, data=data))
            record = fault.link
            if record is not None and fault.strays and record.parent is None:
                record.parent = self._before.get((record.session, record.sidechain))
        else:
            settle(good=True)
        if record is not None:
            self.sound = self.sound and _is_sound(record)
            self._add([record])

    def _add(self, records: Sequence[Record]) -> None:
        for record in records if self._before else ():
            record.before = self._before.get((record.session, record.sidechain))
        self.records += records

    def _damaged(self, entry: Quarantined) -> None:
        self.faults.append(entry)
        since = self.records[self._looked_at :]
        self._before |= {(record.session, record.sidechain): record.uuid for record in since}
        self._looked_at = len(self.records)


def _is_sound(record: Record) -> bool:
    """True only if nothing in a record makes a session of it one that `checked` refuses."""
    if SAID in record.uuid or not EARLIEST <= (record.sent_at or EARLIEST) <= LATEST:
        return False
    return are_shallow([block.input for block in record.blocks])


def links_of(path: str) -> set[str]:
    """Every id by which a line of the file may be linked to another file's. Raises OSError."""
    linked: set[str] = set()
    try:
        with closing(open_stream(path)) as file:
            for some in blocks_of_lines(file, 0, None, _LINK_LINE_BYTES):
                for ids in _ids(some.raw):
                    linked.update(ids)
    except Truncated:
        pass  # what stands before the cut is read all the same
    return linked


class _Link(msgspec.Struct, gc=False):
    uuid: str | None = None
    parent: str | None = msgspec.field(default=None, name="parentUuid")
    logical: str | None = msgspec.field(default=None, name="logicalParentUuid")
    session: str | None = msgspec.field(default=None, name="sessionId")


_IDS = ("uuid", "parentUuid", "logicalParentUuid", "sessionId")
_LINK_DECODER = msgspec.json.Decoder(_Link)


def _ids(raw: Sequence[bytes | None]) -> Iterator[Iterable[str]]:
    """The ids in the lines that can be decoded, by column."""
    whole = [each for each in raw if each is not None]
    try:
        links = [_LINK_DECODER.decode(each) for each in whole]
    except _UNDECODABLE:
        links = [link for each in whole for link in _link(each)]
    yield [link.uuid for link in links if link.uuid]
    yield [link.parent for link in links if link.parent]
    yield [link.logical for link in links if link.logical]
    yield {link.session for link in links if link.session}


def _link(raw: bytes) -> list[_Link]:
    """The ids of a line; of one with an id that is no text the others."""
    line = raw.rstrip(b"\r\n").strip(_PADDING)
    try:
        return [_LINK_DECODER.decode(line)]
    except _UNDECODABLE:
        pass
    try:
        named = msgspec.json.decode(line)
    except _UNDECODABLE:
        return []
    ids = [named.get(name) for name in _IDS] if isinstance(named, dict) else []
    return [_Link(*(one if isinstance(one, str) else None for one in ids))] if ids else []
