"""Claude Code session files to linked records and quarantine entries, and the ids that link files."""

from __future__ import annotations

import collections
from contextlib import closing
from pathlib import PurePath
from typing import Any, NamedTuple

import msgspec

from schemas.records import Block
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import dropped, note_record, settle
from transforms.sources.base import ReadContext, fault_at
from transforms.sources.claude_code.fields import LineFault
from transforms.sources.claude_code.lines import LinkedRecord, parse_line
from transforms.sources.claude_code.queued import Queues, Taken, only_queued
from transforms.sources.claude_code.typed import QUESTION_TOOL, is_cleared, typed_answers
from transforms.sources.decompress import Truncated
from transforms.sources.faults import Field
from transforms.sources.files import Line, lines, open_stream

_LINK_LINE_BYTES = 64 << 20
#: A power cut may leave NUL bytes in place of a line; the next line then follows them directly.
_PADDING = b"\0"


class UnitRecords(NamedTuple):
    """The records of a unit in the order of its files, and one fault for each unreadable line or file.

    `digest`: of all lines of all files, since any of them may change a session. `lines`: their number.
    `unknown`: lines of unknown kinds.
    """

    records: list[LinkedRecord]
    faults: list[Quarantined]
    digest: int
    lines: int
    unknown: collections.Counter[str]


def records_of(unit: Unit, context: ReadContext) -> UnitRecords:
    """The records and faults of all files of a unit."""
    messages: dict[str, LinkedRecord] = {}
    records, faults, seen = list[LinkedRecord](), list[Quarantined](), context.hasher.contents()
    count, unknown = 0, collections.Counter[str]()
    for path in unit.paths:
        reader = _FileReader(unit, path, context, messages, unknown)
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
        records.extend(reader.records_with_prompts())
        faults.extend(reader.faults)
    _find_answers(records)
    return UnitRecords(records, faults, context.hasher.signed(seen.intdigest()), count, unknown)


class _FileReader:
    """The records and faults of one file, line by line.

    A record may follow a line that is damaged, or was never written. So each record gets `before`: the uuid
    before it of the same session and thread, since one file may hold several.
    """

    def __init__(
        self,
        unit: Unit,
        path: str,
        context: ReadContext,
        messages: dict[str, LinkedRecord],
        unknown: collections.Counter[str],
    ) -> None:
        name = PurePath(path).name
        self.records: list[LinkedRecord] = []
        self.faults: list[Quarantined] = []
        self._unit, self._path, self._context = unit, path, context
        self._agent = name.removeprefix("agent-").split(".")[0] if name.startswith("agent-") else None
        self._last: dict[tuple[str, str | bool], str] = {}
        self._messages = messages
        self._unknown = unknown
        self._queues = Queues()
        self._steps = 0

    def read(self, line: Line) -> None:
        """Adds the record of a line, or its fault; a faulty line that has links adds both."""
        if line.data is None:
            self._add_fault(line, "oversize_record")
            return
        try:
            record = parse_line(line.data.strip(_PADDING) or line.data, self._agent, self._unknown)
        except LineFault as fault:
            self._add_fault(line, fault.code, fault.field)
            if fault.link is not None:
                self._add(fault.link, parent_unreadable=fault.parent_unreadable)
            return
        if isinstance(record, LinkedRecord) and record.is_message:
            first = self._messages.setdefault(record.uuid, record)
            if first is not record and not _is_copy(record, first):
                self._add_fault(line, "duplicate_message")
                record = _link_of(record)
        settle(good=True)
        if isinstance(record, LinkedRecord):
            self._add(record)
        elif record is not None:
            self._steps += 1
            last = self._last.get((record.session_id, False))
            self._queues.step(record, last, len(self.records))

    def records_with_prompts(self) -> list[LinkedRecord]:
        """The records, and one for each prompt that is only in the lines of the queue."""
        found = only_queued(self._queues.taken, self.records)
        prompts = [prompt for one in found if (prompt := self._prompt(one)) is not None]
        note_record(dropped("queue-operation"), self._steps - len(prompts))
        records, begin = list[LinkedRecord](), 0
        for place, record in prompts:
            records += [*self.records[begin:place], record]
            begin = place
        return records + self.records[begin:]

    def _prompt(self, prompt: Taken) -> tuple[int, LinkedRecord] | None:
        """The place of a queued prompt and its record; None if its session has no record.

        It follows the uuid before it, or the first one after it.
        """
        after = prompt.after or next(
            (one.uuid for one in self.records[prompt.place :] if one.session_id == prompt.session_id), None
        )
        if after is None:
            return None
        record = LinkedRecord(
            prompt.message_id, after, None, prompt.session_id, is_message=True, is_sidechain=False
        )
        record.origin, record.sent_at = "human", prompt.at
        record.blocks = [Block("text", text=prompt.words)]
        record.is_queue_only = True
        return prompt.place, record

    def _add(self, record: LinkedRecord, *, parent_unreadable: bool = False) -> None:
        thread = record.session_id, self._agent or record.agent_id or record.is_sidechain
        record.before = self._last.get(thread)
        if parent_unreadable and record.parent is None:
            record.continues = True
        self._last[thread] = record.uuid
        self.records.append(record)

    def _add_fault(self, line: Line, code: str, field: Field | None = None) -> None:
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
                field=field,
                is_part=True,
            )
        )


def _link_of(record: LinkedRecord) -> LinkedRecord:
    """The links of a message, without its words."""
    return LinkedRecord(
        record.uuid,
        record.parent,
        record.logical_parent,
        record.session_id,
        is_message=False,
        is_sidechain=record.is_sidechain,
        agent_id=record.agent_id,
    )


def _is_copy(record: LinkedRecord, known: LinkedRecord) -> bool:
    """True for messages of one role with equal words; a result may have been cleared in one of them."""
    if record.blocks == known.blocks and record.typed == known.typed:
        return record.role == known.role
    ours, theirs = record.blocks, known.blocks
    return (
        record.role == known.role
        and len(ours) == len(theirs)
        and all(
            one == other
            or (one.type == other.type == "tool_result" and (is_cleared(one) or is_cleared(other)))
            for one, other in zip(ours, theirs, strict=True)
        )
    )


def _find_answers(records: list[LinkedRecord]) -> None:
    """Adds to the results of questions what a person typed as an answer."""
    answers = [record for record in records if record.result is not None]
    if not answers:
        return
    asked = {
        block.id: block.input
        for record in records
        if record.role == "assistant"
        for block in record.blocks
        if block.name == QUESTION_TOOL
    }
    for record in answers:
        for block in record.blocks:
            if block.tool_use_id in asked and block.is_error is not True:
                found = typed_answers(block, asked[block.tool_use_id], record.result)
                record.typed += tuple(Block("text", text=words) for words in found)


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
                for one in _ids(line):
                    if one.__class__ is str and one:
                        linked.add(one)
    except Truncated:
        pass  # the lines before the cut are read all the same
    return linked


def _ids(line: Line) -> tuple[Any, ...]:
    """The values of the id fields of a line; none of a line that cannot be decoded."""
    if line.data is None:
        return ()
    try:
        found = _LINKS.decode(line.data.strip(_PADDING))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return found.uuid, found.parent, found.logical_parent, found.session_id
