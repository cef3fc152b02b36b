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
from typing import NamedTuple, Self

from schemas.records import Session
from schemas.units import Quarantined, Unit
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
from transforms.sources.claude_code.groups import Groups
from transforms.sources.claude_code.lines import Record
from transforms.sources.claude_code.records import Taken, links_of, records_of
from transforms.sources.claude_code.sessions import sessions_of
from transforms.sources.decode import Fault, checked
from transforms.sources.facts.table import Read, Several
from transforms.sources.files import is_binary

_SUBAGENTS = re.compile(r"[/\\][^/\\]+[/\\]subagents(?:[/\\].*)?\Z")
#: Files beside the sessions that are no logs of sessions.
_NO_SESSIONS = re.compile(r"\.meta\.json\Z|[/\\](?:journal\.jsonl|history\.jsonl|tool-results[/\\][^/\\]+)\Z")
#: Sessions of which facts are taken together.
_AT_ONCE = 200


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
        first_with: dict[str, str] = {}
        size_of = {
            path: size
            for path, size in zip(task.paths, task.sizes, strict=True)
            if size and not _NO_SESSIONS.search(path)
        }
        alone = (
            len(size_of) == 1
        )  # nothing to be linked with, and to look for links is a third of all reading
        for path, size in size_of.items():
            try:
                if is_binary(path):
                    faults.append(Quarantined(task.input, path, "file", "malformed_json", size, NO_DIGEST))
                    continue
                links = set() if alone else links_of(path)
            except OSError:
                faults.append(Quarantined(task.input, path, "file", "unreadable_file", size, NO_DIGEST))
                continue
            groups.join(path, path)
            new = links.difference(first_with)
            for first in {first_with[link] for link in links - new}:
                groups.join(first, path)
            first_with.update(dict.fromkeys(new, path))
        units = []
        for members in groups.members():
            paths = tuple(sorted(members))
            size = sum(size_of[path] for path in paths)
            units.append(Unit(task.input, task.format, "files", paths, size=size))
        return sorted(units, key=lambda unit: (-unit.size, unit.paths)), faults

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the unit's sessions, and one fault for each line that cannot be understood."""
        taken = records_of(unit, context)
        reads = [Read(-1, 0, 0, None, fault) for fault in taken.faults]
        yield from batches(itertools.chain(reads, _sessions(unit, taken, context)), unit, context)

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[tuple[int, Session]]:
        """The sessions at these positions of the unit's list."""
        wanted = {pointer.row for pointer in pointers}
        for several in _sessions(unit, records_of(unit, context), context):
            if isinstance(several, Several):
                for row, session in zip(several.rows, several.sessions, strict=True):
                    if row in wanted:
                        yield row, session


def _sessions(unit: Unit, taken: Taken, context: ReadContext) -> Iterator[Read | Several]:
    """The sessions some at a time, each a row; and a fault in the row of one that is none."""
    given = _Given.of(taken.records) if is_kept() else _Given(0, frozenset(), 0)
    sessions = sessions_of(taken.records)
    if is_kept():
        _note_merged(given, sessions)
    most = context.limits.max_messages
    faults: dict[int, Fault] = {}
    if not taken.sound or any(
        len(session.messages) > most or not session.conversation_id.strip() for session in sessions
    ):
        faults = {row: fault for row, session in enumerate(sessions) if (fault := _fault_of(session, most))}
    for row, fault in faults.items():
        _note_quarantined(sessions[row], fault.code, given)
        name = sessions[row].conversation_id
        entry = fault_at(unit, unit.paths[0], f"session {row}", fault.code, context, conversation_id=name)
        yield Read(row, 0, 0, None, entry)
    rows = [row for row in range(len(sessions)) if row not in faults]
    for some in itertools.batched(rows, _AT_ONCE):
        good = [sessions[row] for row in some]
        context.all_owned(good, unit)
        yield Several(some, [0] * len(some), [0] * len(some), good)


def _fault_of(session: Session, most: int) -> Fault | None:
    try:
        checked(session, most)
    except Fault as fault:
        return fault
    return None


class _Given(NamedTuple):
    """Of the lines that are messages: how many, their ids, and how many blocks."""

    lines: int
    uuids: frozenset[str]
    blocks: int

    @classmethod
    def of(cls, records: list[Record]) -> Self:
        """What is given with the records; they are used up later."""
        found = [record for record in records if record.message]
        uuids = frozenset(record.uuid for record in found)
        return cls(len(found), uuids, sum(len(record.blocks) for record in found))


def _note_merged(given: _Given, sessions: list[Session]) -> None:
    """Notes which lines are messages, and which went into another: copies, and further lines of a turn."""
    messages = {message.message_id: message for session in sessions for message in session.messages}
    used = sum(uuid in messages for uuid in given.uuids)
    note_record(USED, used)
    note_record(MERGED, given.lines - used)
    note_block(MERGED, given.blocks - sum(len(message.content or ()) for message in messages.values()))
    settle(good=True)


def _note_quarantined(session: Session, code: str, given: _Given) -> None:
    """Moves the lines of a session that is none from the used ones; its one entry stands for all of them."""
    count = sum(message.message_id in given.uuids for message in session.messages)
    note_record(USED, -count)
    note_record(f"quarantined with its session: {code}", count)
    blocks = sum(len(message.content or ()) for message in session.messages)
    note_block(f"quarantined with its session: {code}", blocks)
    settle(good=True)
