"""Claude Code session files: lines of linked messages to sessions.

Source: recorded sessions of versions 1.0.24 to 2.1.287. A conversation is a connected component over parent
links, never a file or a session id, since resuming and forking copy history under new ones.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import PurePath
from typing import Any

import msgspec

from schemas.records import Message, Session
from schemas.units import Quarantined, Unit
from transforms.facts import Read
from transforms.files import Line, Truncated, is_binary, lines, open_stream
from transforms.sources.accounting import MERGED, USED, note_block, note_record, settle
from transforms.sources.base import (
    NO_DIGEST,
    FactsBatch,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batch_of,
    fault_at,
)
from transforms.sources.claude_code_lines import LineFault, Record, parse_line
from transforms.sources.claude_code_threads import Groups, sessions_of
from transforms.sources.decode import Fault, checked

_SUBAGENTS = re.compile(r"[/\\][^/\\]+[/\\]subagents(?:[/\\].*)?\Z")
#: Files beside the sessions that are no logs of sessions.
_NO_SESSIONS = re.compile(r"\.meta\.json\Z|[/\\](?:journal\.jsonl|history\.jsonl|tool-results[/\\][^/\\]+)\Z")
_LINK_LINE_BYTES = 64 << 20
#: What a power cut leaves of a line that was being written, before the next one.
_PADDING = b"\0"


class ClaudeCode:
    """Project folders of session files and their subagents."""

    folder_patterns: Sequence[str] = ("**/*.jsonl",)

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task a project folder: links do not leave it."""
        folders: dict[str, list[InputFile]] = collections.defaultdict(list)
        for file in sorted(files):
            folders[_SUBAGENTS.sub("", os.path.dirname(file.path))].append(file)  # noqa: PTH120
        return [
            PlanTask(input_number, name, tuple(f.path for f in group), tuple(f.size for f in group))
            for _, group in sorted(folders.items())
        ]

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:  # noqa: ARG002
        """One unit for each group of files that share a message, a parent link or a session id."""
        groups: Groups[str] = Groups()
        faults: list[Quarantined] = []
        size_of: dict[str, int] = {}
        for path, size in zip(task.paths, task.sizes, strict=True):
            if size == 0 or _NO_SESSIONS.search(path):
                continue
            try:
                if is_binary(path):
                    faults.append(Quarantined(task.input, path, "file", "malformed_json", size, NO_DIGEST))
                    continue
                for link in _links(path):
                    groups.join(path, f"link {link}")
            except OSError:
                faults.append(Quarantined(task.input, path, "file", "unreadable_file", size, NO_DIGEST))
                continue
            size_of[path] = size
            groups.join(path, path)
        units = []
        for members in groups.members():
            paths = tuple(sorted(member for member in members if member in size_of))
            if paths:
                size = sum(size_of[path] for path in paths)
                units.append(Unit(task.input, task.format, "files", paths, size=size))
        return sorted(units, key=lambda unit: (-unit.size, unit.paths)), faults

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the unit's sessions, and one fault for each line that cannot be understood."""
        records, faults = _records(unit, context)
        reads = [Read(-1, 0, 0, None, fault) for fault in faults]
        yield batch_of([*reads, *_sessions(unit, records, context)], unit.encode(), context)

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[tuple[int, Session]]:
        """The sessions at these positions of the unit's list."""
        wanted = {pointer.row for pointer in pointers}
        records, _ = _records(unit, context)
        for read in _sessions(unit, records, context):
            if read.row in wanted and read.session is not None:
                yield read.row, read.session


def _sessions(unit: Unit, records: list[Record], context: ReadContext) -> Iterator[Read]:
    sessions = sessions_of(records)
    messages = {message.message_id: message for session in sessions for message in session.messages}
    _note_merged(records, messages)
    lines = {record.uuid for record in records}
    for row, session in enumerate(sessions):
        try:
            checked(session, context.limits.max_messages)
        except Fault as fault:
            _note_quarantined(session, fault.code, lines)
            entry = fault_at(
                unit,
                unit.paths[0],
                f"session {row}",
                fault.code,
                context,
                conversation_id=session.conversation_id,
            )
            yield Read(row, 0, 0, None, entry)
        else:
            yield Read(row, 0, 0, context.owned(session, unit), None)


def _note_merged(records: list[Record], messages: dict[str, Message]) -> None:
    """Notes which lines are messages, and which went into another: copies, and further lines of a turn."""
    lines = [record for record in records if record.message]
    used = sum(uuid in messages for uuid in {record.uuid for record in lines})
    note_record(USED, used)
    note_record(MERGED, len(lines) - used)
    kept = sum(len(message.content or ()) for message in messages.values())
    note_block(MERGED, sum(len(record.blocks) for record in lines) - kept)
    settle(good=True)


def _note_quarantined(session: Session, code: str, lines: set[str]) -> None:
    """Moves the lines of a session that is none from the used ones; its one entry stands for all of them."""
    count = sum(message.message_id in lines for message in session.messages)
    note_record(USED, -count)
    note_record(f"quarantined with its session: {code}", count)
    blocks = sum(len(message.content or ()) for message in session.messages)
    note_block(f"quarantined with its session: {code}", blocks)
    settle(good=True)


def _records(unit: Unit, context: ReadContext) -> tuple[list[Record], list[Quarantined]]:
    records: list[Record] = []
    faults: list[Quarantined] = []
    for path in unit.paths:
        name = PurePath(path).name
        agent = name.removeprefix("agent-").split(".")[0] if name.startswith("agent-") else None
        taken = _Taken(unit, path, agent, context)
        try:
            with closing(open_stream(path)) as file:
                for line in lines(file, 0, None, context.limits.max_record_bytes):
                    taken.take(line)
        except Truncated as cut:
            taken.faults.append(fault_at(unit, path, f"byte {cut.at}", "truncated_input", context))
        except OSError:
            taken.faults.append(fault_at(unit, path, "file", "unreadable_file", context))
        records += taken.records
        faults += taken.faults
    return records, faults


@dataclasses.dataclass
class _Taken:
    """The records and faults of a file. A record after damage knows what stood last before it.

    Last in its session and beside or not beside the main thread, since several may stand in one file.
    """

    unit: Unit
    path: str
    agent: str | None
    context: ReadContext
    records: list[Record] = dataclasses.field(default_factory=list)
    faults: list[Quarantined] = dataclasses.field(default_factory=list)
    _last: dict[tuple[str, bool], str] = dataclasses.field(default_factory=dict)
    _before: dict[tuple[str, bool], str] = dataclasses.field(default_factory=dict)

    def take(self, line: Line) -> None:
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
        else:
            settle(good=True)
        if record is not None:
            place = (record.session, record.sidechain)
            if self._before:
                record.before = self._before.get(place)
            self._last[place] = record.uuid
            self.records.append(record)

    def _damaged(self, entry: Quarantined) -> None:
        self.faults.append(entry)
        self._before = dict(self._last)


def _links(path: str) -> Iterator[str]:
    """Every id by which a line of the file may be linked to another file's. Raises OSError."""
    try:
        with closing(open_stream(path)) as file:
            for line in lines(file, 0, None, _LINK_LINE_BYTES):
                if line.data is None:
                    continue
                try:
                    value: Any = _LINK_DECODER.decode(line.data.strip(_PADDING))
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue
                yield from (link for link in (value.uuid, value.parent, value.logical, value.session) if link)
    except Truncated:
        return


class _Link(msgspec.Struct):
    uuid: str | None = None
    parent: str | None = msgspec.field(default=None, name="parentUuid")
    logical: str | None = msgspec.field(default=None, name="logicalParentUuid")
    session: str | None = msgspec.field(default=None, name="sessionId")


_LINK_DECODER = msgspec.json.Decoder(_Link)
