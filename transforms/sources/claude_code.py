"""Claude Code session files: lines of linked messages to sessions.

Source: recorded sessions of versions 1.0.24 to 2.1.287. A conversation is a connected component over parent
links, never a file or a session id, since resuming and forking copy history under new ones.
"""

from __future__ import annotations

import collections
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import PurePath
from typing import NamedTuple, Self

import msgspec

from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.facts import Read
from transforms.files import Line, Lines, Truncated, blocks_of_lines, is_binary, line_at, open_stream
from transforms.sources.accounting import MERGED, USED, is_kept, note_block, note_record, settle
from transforms.sources.base import (
    NO_DIGEST,
    FactsBatch,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batches,
    fault_at,
)
from transforms.sources.claude_code_lines import LineFault, Record, parse_line
from transforms.sources.claude_code_threads import Groups, sessions_of
from transforms.sources.claude_code_typed import Odd, record_of, typed_lines
from transforms.sources.decode import Fault, checked, sound

_SUBAGENTS = re.compile(r"[/\\][^/\\]+[/\\]subagents(?:[/\\].*)?\Z")
#: Files beside the sessions that are no logs of sessions.
_NO_SESSIONS = (".meta.json", "/journal.jsonl", "/history.jsonl")
_NO_LINK = frozenset({None, ""})
_LINK_LINE_BYTES = 64 << 20


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
        first_with: dict[str | None, str] = {}
        size_of: dict[str, int] = {}
        for path, size in zip(task.paths, task.sizes, strict=True):
            if size == 0 or path.endswith(_NO_SESSIONS):
                continue
            try:
                if is_binary(path):
                    faults.append(Quarantined(task.input, path, "file", "malformed_json", size, NO_DIGEST))
                    continue
                linked: set[str | None] = set()
                linked.update(*_links(path))
            except OSError:
                faults.append(Quarantined(task.input, path, "file", "unreadable_file", size, NO_DIGEST))
                continue
            size_of[path] = size
            groups.join(path, path)
            for link in linked - _NO_LINK:
                if (first := first_with.setdefault(link, path)) is not path:
                    groups.join(first, path)
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
        yield from batches(itertools.chain(reads, _sessions(unit, records, context)), unit, context)

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
    given = _Given.of(records) if is_kept() else None
    sessions = sessions_of(records)
    if given:
        _note_merged(given, sessions)
    all_sound = sound(sessions, context.limits.max_messages)
    for row, session in enumerate(sessions):
        try:
            if not all_sound:
                checked(session, context.limits.max_messages)
        except Fault as fault:
            _note_quarantined(session, fault.code)
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


class _Given(NamedTuple):
    """Of the lines that are messages: how many, their ids, and how many blocks."""

    lines: int
    uuids: set[str]
    blocks: int

    @classmethod
    def of(cls, records: list[Record]) -> Self:
        """What is given with the records; they are used up later."""
        found = [record for record in records if record.message]
        return cls(len(found), {record.uuid for record in found}, sum(len(record.blocks) for record in found))


def _note_merged(given: _Given, sessions: list[Session]) -> None:
    """Notes which lines are messages, and which went into another: copies, and further lines of a turn."""
    messages = {message.message_id: message for session in sessions for message in session.messages}
    used = sum(uuid in messages for uuid in given.uuids)
    note_record(USED, used)
    note_record(MERGED, given.lines - used)
    note_block(MERGED, given.blocks - sum(len(message.content or ()) for message in messages.values()))
    settle(good=True)


def _note_quarantined(session: Session, code: str) -> None:
    """Moves the lines of a session that is none from the used ones; its one entry stands for all of them."""
    note_record(USED, -len(session.messages))
    note_record(f"quarantined with its session: {code}", len(session.messages))
    blocks = sum(len(message.content or ()) for message in session.messages)
    note_block(f"quarantined with its session: {code}", blocks)
    settle(good=True)


def _records(unit: Unit, context: ReadContext) -> tuple[list[Record], list[Quarantined]]:
    records: list[Record] = []
    faults: list[Quarantined] = []
    for path in unit.paths:
        name = PurePath(path).name
        agent = name.removeprefix("agent-").split(".")[0] if name.startswith("agent-") else None
        try:
            with closing(open_stream(path)) as file:
                for some in blocks_of_lines(file, 0, None, context.limits.max_record_bytes):
                    _take_all(unit, path, some, agent, context, records, faults)
        except Truncated as cut:
            faults.append(fault_at(unit, path, f"byte {cut.at}", "truncated_input", context))
        except OSError:
            faults.append(fault_at(unit, path, "file", "unreadable_file", context))
    return records, faults


def _take_all(
    unit: Unit,
    path: str,
    some: Lines,
    agent: str | None,
    context: ReadContext,
    records: list[Record],
    faults: list[Quarantined],
) -> None:
    typed, accounted = typed_lines(some.raw), is_kept()
    for place, line in enumerate(typed):
        if line is not None:
            try:
                record = record_of(line, agent)
            except Odd:
                settle(good=False)
            else:
                if accounted:
                    settle(good=True)
                if record is not None:
                    records.append(record)
                continue
        _take(unit, path, line_at(some, place), agent, context, records, faults)


def _take(
    unit: Unit,
    path: str,
    line: Line,
    agent: str | None,
    context: ReadContext,
    records: list[Record],
    faults: list[Quarantined],
) -> None:
    locator = f"line {line.number}"
    if line.data is None:
        faults.append(fault_at(unit, path, locator, "oversize_record", context, length=line.length))
        return
    try:
        record = parse_line(line.data, agent)
    except LineFault as fault:
        faults.append(fault_at(unit, path, locator, fault.code, context, data=line.data))
    else:
        settle(good=True)
        if record is not None:
            records.append(record)


def _links(path: str) -> Iterator[set[str | None]]:
    """Every id by which lines of the file may be linked to another file's. Raises OSError."""
    try:
        with closing(open_stream(path)) as file:
            for some in blocks_of_lines(file, 0, None, _LINK_LINE_BYTES):
                links = _decoded(some.raw)
                yield {link.uuid for link in links}
                yield {link.parent for link in links}
                yield {link.logical for link in links}
                yield {link.session for link in links}
    except Truncated:
        return


class _Link(msgspec.Struct, gc=False):
    uuid: str | None = None
    parent: str | None = msgspec.field(default=None, name="parentUuid")
    logical: str | None = msgspec.field(default=None, name="logicalParentUuid")
    session: str | None = msgspec.field(default=None, name="sessionId")


_LINK_DECODER = msgspec.json.Decoder(_Link)


def _decoded(raw: Sequence[bytes | None]) -> list[_Link]:
    """The links of the lines that can be decoded."""
    whole = [each for each in raw if each is not None]
    try:
        return [_LINK_DECODER.decode(each) for each in whole]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [link for each in whole for link in _link(each)]


def _link(raw: bytes) -> list[_Link]:
    try:
        return [_LINK_DECODER.decode(raw)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
