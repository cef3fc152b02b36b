"""Lines of Claude Code session files decoded by type: those that are as they should be, at half the price.

What is odd about a line is for `parse_line` to say: nothing is judged here.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

import msgspec

from schemas.records import Aware, Block, Origin, Role
from transforms.sources.accounting import dropped, is_kept, note_record
from transforms.sources.claude_code.contents import Odd, tidy
from transforms.sources.claude_code.lines import SAID, Record, aside, asker
from transforms.sources.claude_code.queued import TYPED
from transforms.sources.json.skipping import may_skip


class _Said(msgspec.Struct, gc=False):
    id: str | None = None
    content: str | list[Block] | None = None


class _Source(msgspec.Struct, gc=False):
    kind: str | None = None


class Line(msgspec.Struct, gc=False):
    """What is read of a line; anything else in its place is odd."""

    type: str
    uuid: str | None = None
    parent: str | None = msgspec.field(default=None, name="parentUuid")
    logical: str | None = msgspec.field(default=None, name="logicalParentUuid")
    session: str | None = msgspec.field(default=None, name="sessionId")
    agent: str | None = msgspec.field(default=None, name="agentId")
    sidechain: bool | None = msgspec.field(default=None, name="isSidechain")
    sent_at: Aware | None = msgspec.field(default=None, name="timestamp")
    message: _Said | None = None
    failed: bool | None = msgspec.field(default=None, name="isApiErrorMessage")
    summary: bool | None = msgspec.field(default=None, name="isCompactSummary")
    meta: bool | None = msgspec.field(default=None, name="isMeta")
    shown_only: bool | None = msgspec.field(default=None, name="isVisibleInTranscriptOnly")
    companion: bool | None = msgspec.field(default=None, name="turnCompanion")
    origin: _Source | None = None
    attachment: msgspec.Raw = msgspec.Raw()


#: Attachments that may hold what a person typed, the word perhaps escaped: few, and for `parse_line` to see.
_QUEUED = (b"queued", b"\\u00")
#: What it costs to know that a decoder may skip what nobody reads is too much for fewer bytes.
_FEW_BYTES = 4 << 10
#: A text that begins with one of these is a person's, but for those that begin as what the tool says may.
_LETTERS, _NOT_PLAINLY_TYPED = frozenset(string.ascii_letters + string.digits), frozenset({"This", "Cave"})
_DECODER = msgspec.json.Decoder(Line)


def typed_lines(raw: Sequence[bytes | None]) -> list[Line | None]:
    """The lines that can be decoded by type, None in the place of the others."""
    whole = [each for each in raw if each is not None]
    data = b"".join(whole)
    if len(data) < _FEW_BYTES or len(whole) < len(raw) or not may_skip(data):
        return [None] * len(raw)
    try:
        return [_DECODER.decode(each) for each in whole]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return [_typed(each) for each in whole]


def records_of_lines(lines: Sequence[Line], file_agent: str | None) -> list[Record]:
    """The records that `parse_line` makes of the lines; raises Odd where that might find a fault.

    What is odd is found before anything is noted or changed. The blocks of the records are those of the
    lines, which are used up.
    """
    agent = file_agent or None
    records, asking = list[Record](), list[tuple[Line, Record]]()
    lists, silent = list[list[Block]](), list[str]()
    for line in lines:
        kind, uuid, logical = line.type, line.uuid, line.logical or None
        parent, session, sidechain = line.parent or logical, line.session or "", line.sidechain is True
        if kind != "assistant" and kind != "user":
            if kind == "attachment" and _may_be_typed(line):
                raise Odd
            silent.append(kind)
            if uuid:
                records.append(Record(uuid, parent, logical, session, False, sidechain))
            continue
        said, sent_at = line.message, line.sent_at
        if not uuid or said is None or sent_at is None or not 1970 < sent_at.year < 2199:
            raise Odd
        content = said.content
        if isinstance(content, str):
            content = [Block("text", content)]
        elif content:
            lists.append(content)
        by = agent or (line.agent if sidechain else None)
        record = Record(uuid, parent, logical, session, True, sidechain, by, "user", None, sent_at)
        record.blocks = content or []
        records.append(record)
        if kind == "assistant":
            record.role, record.origin = "assistant", "harness" if line.failed else "model"
            record.turn = said.id
        else:
            asking.append((line, record))
    if SAID in "".join([record.uuid for record in records]):
        raise Odd
    tidy(lists)
    for line, record in asking:
        if _is_plainly_typed(line, record):
            record.origin = "human"
        else:
            record.role, record.origin = _asker(line, record)
    for kind in silent if is_kept() else ():
        note_record(dropped(kind))
    return records


def _is_plainly_typed(line: Line, record: Record) -> bool:
    """Whether a line is a person's text, and nothing about it has to be looked at: most are so."""
    if line.meta or line.summary or line.shown_only or line.companion or line.origin:
        return False
    if len(record.blocks) != 1 or record.sidechain or record.agent is not None:
        return False
    text = record.blocks[0].text or ""
    return text[:1] in _LETTERS and text[:4] not in _NOT_PLAINLY_TYPED


def _may_be_typed(line: Line) -> bool:
    held = bytes(line.attachment)
    return any(sign in held for sign in _QUEUED)


def _asker(line: Line, record: Record) -> tuple[Role, Origin]:
    untyped = bool(line.meta or line.shown_only or line.companion)
    untyped = untyped or (line.origin is not None and line.origin.kind not in TYPED)
    return asker(record.blocks, bool(line.summary), untyped, aside(record))


def _typed(raw: bytes) -> Line | None:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None
