"""The source of Claude Code session files: plan, facts and sessions.

Source: recorded sessions of versions 1.0.24 to 2.1.287. A conversation is a connected component over parent
links, not a file or a session id: resuming and forking copy history under new ids.
"""

from __future__ import annotations

import collections
import itertools
import os
import re
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import NamedTuple, Self

import pyarrow as pa

from schemas.keys import KeyedHasher
from schemas.records import Session
from schemas.tables import KEY, NAMES
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import MERGED, USED, note_block, note_record, settle
from transforms.sources.base import (
    NO_DIGEST,
    FactsBatch,
    FoundSession,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batches,
    fault_at,
)
from transforms.sources.claude_code.groups import Groups
from transforms.sources.claude_code.lines import LinkedRecord
from transforms.sources.claude_code.records import UnitRecords, links_of, records_of
from transforms.sources.claude_code.sessions import Conversation, conversations_of
from transforms.sources.decode import checked
from transforms.sources.facts.digests import digest_at
from transforms.sources.facts.table import ReadRecord, SessionBatch
from transforms.sources.faults import Fault
from transforms.sources.files import is_binary

_SUBAGENTS = re.compile(r"[/\\][^/\\]+[/\\]subagents(?:[/\\].*)?\Z")
#: Files in project folders that are not session logs.
_NO_SESSIONS = re.compile(r"\.meta\.json\Z|[/\\](?:journal\.jsonl|history\.jsonl|tool-results[/\\][^/\\]+)\Z")
#: Sessions whose facts are computed together.
_BATCH_SESSIONS = 200


class ClaudeCode:
    """Project folders of session files and their subagents."""

    folder_patterns: Sequence[str] = ("**/*.jsonl",)

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task per project folder; links do not leave it."""
        folders: dict[str, list[InputFile]] = collections.defaultdict(list)
        for file in sorted(files):
            folders[self.folder_of(file.path)].append(file)
        return [
            PlanTask(input_number, name, tuple(f.path for f in group), tuple(f.size for f in group))
            for _, group in sorted(folders.items())
        ]

    def folder_of(self, path: str) -> str:
        """The project folder of a session file, or of a subagent's file below it."""
        return _SUBAGENTS.sub("", os.path.dirname(path))  # noqa: PTH120

    def links(self, path: str, are_needed: bool) -> Collection[str] | None:
        """The ids of the messages, parents and sessions of a file; None for a binary file."""
        if is_binary(path):
            return None
        return links_of(path) if are_needed else ()

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:  # noqa: ARG002
        """One unit per group of files that share a message, a parent link or a session id."""
        return self.grouped(task, self.links)

    def grouped(
        self, task: PlanTask, links: Callable[[str, bool], Collection[Hashable] | None]
    ) -> tuple[list[Unit], list[Quarantined]]:
        """The same, with `links` in place of the method. The links of the only file are not needed."""
        groups: Groups[str] = Groups()
        faults: list[Quarantined] = []
        first_with: dict[Hashable, str] = {}
        size_of = {
            path: size
            for path, size in zip(task.paths, task.sizes, strict=True)
            if size and not _NO_SESSIONS.search(path)
        }
        is_only_file = len(size_of) == 1  # needs no search for links, which is a third of all reading
        for path, size in size_of.items():
            try:
                found = links(path, not is_only_file)
            except OSError:
                faults.append(Quarantined(task.input, path, "file", "unreadable_file", size, NO_DIGEST))
                continue
            if found is None:
                faults.append(Quarantined(task.input, path, "file", "malformed_json", size, NO_DIGEST))
                continue
            groups.join(path, path)
            new = set(found).difference(first_with)
            for first in {first_with[link] for link in found if link not in new}:
                groups.join(first, path)
            first_with.update(dict.fromkeys(new, path))
        units = []
        for members in groups.members():
            paths = tuple(sorted(members))
            size = sum(size_of[path] for path in paths)
            units.append(Unit(task.input, task.format, "files", paths, size=size))
        return sorted(units, key=lambda unit: (-unit.size, unit.paths)), faults

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the unit's sessions, and one fault for each unreadable line, file or session."""
        found = records_of(unit, context)
        faults = [ReadRecord(-1, 0, 0, None, fault) for fault in found.faults]
        parts = found.lines
        named: list[Conversation] = []
        reads = itertools.chain(faults, _sessions(unit, found, context, named))
        for batch in batches(reads, unit, context):
            if parts and batch.unknown is not None:
                batch.unknown.records.update(found.unknown)
            yield batch._replace(parts=parts, names=_names(named, context.hasher))
            parts = 0
            named.clear()

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[FoundSession]:
        """The sessions of just these rows, ascending."""
        wanted = {pointer.row for pointer in pointers}
        for batch in _sessions(unit, records_of(unit, context), context, []):
            if isinstance(batch, SessionBatch):
                for found in zip(batch.rows, batch.sessions, batch.digests, strict=True):
                    if found[0] in wanted:
                        yield FoundSession(*found)


def _sessions(
    unit: Unit, found: UnitRecords, context: ReadContext, named: list[Conversation]
) -> Iterator[ReadRecord | SessionBatch]:
    """One fault for each invalid session, then the valid ones in batches; rows number `conversations_of`.

    Adds the valid conversations to `named`.
    """
    lines = _MessageLines.of(found.records)
    conversations = conversations_of(found.records)
    sessions = [one.session for one in conversations]
    _note_merged(lines, sessions)
    most = context.limits.max_messages
    faults = {row: fault for row, one in enumerate(sessions) if (fault := _fault_of(one, most))}
    for row, fault in faults.items():
        _note_quarantined(sessions[row], fault.code, lines)
        name = sessions[row].conversation_id
        entry = fault_at(
            unit,
            unit.paths[0],
            f"session {row}",
            fault.code,
            context,
            conversation_id=name,
            field=fault.field,
        )
        yield ReadRecord(row, 0, 0, None, entry)
    valid = [row for row in range(len(sessions)) if row not in faults]
    for rows in itertools.batched(valid, _BATCH_SESSIONS):
        batch = [sessions[row] for row in rows]
        context.all_owned(batch, unit)
        named += [conversations[row] for row in rows]
        zeros = [0] * len(rows)
        yield SessionBatch(rows, zeros, zeros, batch, [digest_at(found.digest, row) for row in rows])


def _names(conversations: Sequence[Conversation], hasher: KeyedHasher) -> pa.Table:
    """NAMES: the session ids of the conversations."""
    pairs = [
        (name, session)
        for session, names in conversations
        for name in names
        if name != session.conversation_id
    ]
    keys = hasher.conversations([name.encode() for name, _ in pairs])
    own = hasher.conversations([session.conversation_id.encode() for _, session in pairs])
    users = [hasher.user(session.user_id) if session.user_id else None for _, session in pairs]
    return pa.table([pa.array(column, KEY) for column in (keys, own, users)], schema=NAMES)


def _fault_of(session: Session, max_messages: int) -> Fault | None:
    try:
        checked(session, max_messages)
    except Fault as fault:
        return fault
    return None


class _MessageLines(NamedTuple):
    """Of the lines that are messages: their count, their uuids, and the count of their blocks."""

    lines: int
    uuids: frozenset[str]
    blocks: int

    @classmethod
    def of(cls, records: Sequence[LinkedRecord]) -> Self:
        """Counted before `conversations_of`, which changes the records."""
        messages = [record for record in records if record.is_message]
        uuids = frozenset(record.uuid for record in messages)
        return cls(len(messages), uuids, sum(len(r.blocks) + len(r.typed) for r in messages))


def _note_merged(given: _MessageLines, sessions: Sequence[Session]) -> None:
    """Notes which lines became messages, and which were merged: copies, and further lines of a turn."""
    messages = {message.message_id: message for session in sessions for message in session.messages}
    used = sum(uuid in messages for uuid in given.uuids)
    note_record(USED, used)
    note_record(MERGED, given.lines - used)
    note_block(MERGED, given.blocks - sum(len(message.content or ()) for message in messages.values()))
    settle(good=True)


def _note_quarantined(session: Session, code: str, given: _MessageLines) -> None:
    """Counts the lines of a quarantined session as quarantined with it instead of used."""
    count = sum(message.message_id in given.uuids for message in session.messages)
    note_record(USED, -count)
    note_record(f"quarantined with its session: {code}", count)
    blocks = sum(len(message.content or ()) for message in session.messages)
    note_block(f"quarantined with its session: {code}", blocks)
    settle(good=True)
