"""Lines of Claude Code session files decoded by type: those that are as they should be, at half the price.

What is odd about a line is for `parse_line` to say: nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from schemas.records import Aware, Block
from transforms.sources.accounting import dropped, note_block, note_record
from transforms.sources.claude_code_lines import (
    DROPPED_BLOCKS,
    MESSAGE_TYPES,
    LineFault,
    Record,
    aside,
    asker,
    blocks_of,
)
from transforms.sources.claude_code_queued import TYPED
from transforms.sources.json_skipping import may_skip


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


class Odd(Exception):  # noqa: N818 - not a fault: such a line is parsed with care
    """A line that is not as it should be."""


#: Attachments that may hold what a person typed, the word perhaps escaped: few, and for `parse_line` to see.
_QUEUED = (b"queued", b"\\u00")
#: What it costs to know that a decoder may skip what nobody reads is too much for fewer bytes.
_FEW_BYTES = 64 << 10
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


def record_of(line: Line, file_agent: str | None) -> Record | None:
    """What `parse_line` makes of the line; raises Odd where that might find a fault."""
    kind, uuid, logical = line.type, line.uuid, line.logical or None
    parent, session, sidechain = line.parent or logical, line.session or "", line.sidechain is True
    if kind not in MESSAGE_TYPES:
        if kind == "attachment" and any(sign in bytes(line.attachment) for sign in _QUEUED):
            raise Odd
        note_record(dropped(kind))
        return Record(uuid, parent, logical, session, False, sidechain) if uuid else None
    said, sent_at = line.message, line.sent_at
    if not uuid or said is None or sent_at is None:
        raise Odd
    content = said.content
    agent = file_agent or (line.agent if sidechain else None)
    record = Record(uuid, parent, logical, session, True, sidechain, agent, "assistant", None, sent_at)
    record.blocks = [Block("text", content)] if isinstance(content, str) else _blocks(content or ())
    if kind == "assistant":
        record.origin = "harness" if line.failed is True else "model"
        record.turn = said.id
        return record
    untyped = line.meta is True or line.shown_only is True or line.companion is True
    if line.origin is not None and line.origin.kind not in TYPED:
        untyped = True
    record.role, record.origin = asker(record.blocks, line.summary is True, untyped, aside(record))
    return record


def _typed(raw: bytes) -> Line | None:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def _blocks(given: Sequence[Block]) -> list[Block]:
    """The blocks with what is read of their kind, and nothing else that stands in them."""
    blocks: list[Block] = []
    for block in given:
        kind = block.type
        if kind == "text":
            blocks.append(Block(kind, block.text or ""))
        elif kind == "tool_use":
            blocks.append(Block(kind, id=block.id, name=block.name, input=block.input))
        elif kind == "tool_result":
            content = block.content
            if content.__class__ is list:
                try:
                    content = blocks_of(content)
                except LineFault:
                    raise Odd from None
            elif not (content is None or content.__class__ is str):
                raise Odd
            failed = block.is_error or None
            blocks.append(Block(kind, tool_use_id=block.tool_use_id, content=content, is_error=failed))
        elif kind == "thinking":
            blocks.append(Block(kind, thinking=block.thinking or ""))
        elif kind in DROPPED_BLOCKS:
            note_block(dropped(kind))
        else:
            blocks.append(Block(kind))
    return blocks
