"""One line of a Claude Code session file to a record, by whitelist of fields."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec

from schemas.records import Block, Origin, Role
from transforms.sources.accounting import dropped, note_block, note_record
from transforms.sources.claude_code.queued import TYPED, line_typed_meanwhile, source_of
from transforms.sources.decode import json_fault

#: What the tool itself writes under role user; the words stand at the start of the text.
_HARNESS = re.compile(
    r"\s*(?:<(?:command-|local-command-|bash-|system-reminder|ide_|task-notification|user-memory-input|"
    r"teammate-message|[a-z-]{1,40}-hook>)|Caveat: The messages below|\[Request interrupted)"
)
_HARNESS_BEGINS = "<C["
#: What the tool may put before the words of a person, in one text with them.
_PREFACE = re.compile(r"\s*<(system-reminder|ide_\w{1,40})>.*?</\1>", re.DOTALL)
#: How summaries began before they had a flag of their own.
_SUMMARY = "This session is being continued from a previous conversation that ran out of context"
#: What stands behind the id of a result in that of what was said beside it.
SAID = "/said"
MESSAGE_TYPES = frozenset({"user", "assistant"})
_NOT_TYPED = ("isMeta", "isVisibleInTranscriptOnly", "turnCompanion")
DROPPED_BLOCKS = frozenset({"redacted_thinking"})
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+\Z")


class LineFault(Exception):  # noqa: N818 - becomes a quarantine entry, never an error
    """Why a line is no record: a quarantine code; and the links that it has all the same.

    `strays`: it follows something, but nobody can say what.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.link: Record | None = None
        self.strays = False


class Record(msgspec.Struct, gc=False):
    """A linked line. `message` is false for records that only link (progress, attachment, system).

    `parent` is what the line follows; after a compaction that is `logical`, which links in any case.
    `turn` is the API message id that the lines of one assistant turn share; `agent` names a subagent.
    `before` is what stood last in the file before lines that are damaged. `queued`: typed by a person
    while the model worked.
    """

    uuid: str
    parent: str | None
    logical: str | None
    session: str
    message: bool
    sidechain: bool
    agent: str | None = None
    role: Role = "user"
    origin: Origin | None = None
    sent_at: dt.datetime | None = None
    turn: str | None = None
    blocks: list[Block] = []
    before: str | None = None
    queued: bool = False


def parse_line(data: bytes, file_agent: str | None) -> Record | None:
    """The record of a line, None for one that carries neither a message nor a link; raises LineFault."""
    line = _json_object(data)
    try:
        return _record(line, file_agent)
    except LineFault as fault:
        links = {name: value for name, value in line.items() if isinstance(value, str)}
        if uuid := links.get("uuid"):
            fault.link = _link({**links, "isSidechain": line.get("isSidechain")}, uuid)
            fault.strays = line.get("parentUuid") is not None and "parentUuid" not in links
        raise


def _record(line: dict[str, Any], file_agent: str | None) -> Record | None:
    kind = line.get("type")
    uuid = line.get("uuid")
    if not isinstance(kind, str):
        raise LineFault("missing_field")
    if kind in MESSAGE_TYPES:
        if not isinstance(uuid, str) or not uuid:
            raise LineFault("missing_field")
        return _message(line, kind, uuid, file_agent)
    if not isinstance(uuid, str) or not uuid:
        note_record(dropped(kind))
        return None
    typed = line_typed_meanwhile(line) if kind == "attachment" else None
    if typed is not None:
        record = _message(typed, "user", uuid, file_agent)
        if record.origin == "human":
            record.queued = True
            return record
    note_record(dropped(kind))
    return _link(line, uuid)


def _message(line: dict[str, Any], kind: str, uuid: str, file_agent: str | None) -> Record:
    message = line.get("message")
    if not isinstance(message, dict):
        raise LineFault("missing_field" if message is None else "bad_field")
    record = _link(line, uuid)
    record.message = True
    record.agent = file_agent or (_text(line, "agentId") if record.sidechain else None)
    record.sent_at = _instant(line.get("timestamp"))
    record.blocks = blocks_of(message.get("content"))
    if kind == "assistant":
        origin: Origin = "harness" if line.get("isApiErrorMessage") is True else "model"
        record.role, record.origin = "assistant", origin
    else:
        untyped = source_of(line) not in TYPED or any(line.get(flag) is True for flag in _NOT_TYPED)
        summary = line.get("isCompactSummary") is True
        record.role, record.origin = asker(record.blocks, summary, untyped, aside(record))
    record.turn = _text(message, "id") if kind == "assistant" else None
    return record


def _link(line: dict[str, Any], uuid: str) -> Record:
    parent, logical = _text(line, "parentUuid") or None, _text(line, "logicalParentUuid") or None
    return Record(
        uuid,
        parent or logical,
        logical,
        _text(line, "sessionId") or "",
        message=False,
        sidechain=line.get("isSidechain") is True,
    )


def asker(blocks: list[Block], summary: bool, untyped: bool, beside: bool) -> tuple[Role, Origin]:
    """Role and origin of what the model is told; `human` only for what a person typed."""
    if "tool_result" in [block.type for block in blocks]:
        return "tool", "tool"
    if summary:
        return "user", "summary"
    if untyped:
        return "user", "harness"
    return "user", "model" if beside else _speaker_of(blocks)


def aside(record: Record) -> bool:
    """True for a record that is a subagent's."""
    return record.sidechain or record.agent is not None


def said_by(result: Record, uuid: str, texts: list[Block]) -> Record:
    """The record of what stands beside a tool's result in one line, and follows it."""
    origin: Origin = "model" if aside(result) else _speaker_of(texts)
    return msgspec.structs.replace(
        result, uuid=uuid, parent=result.uuid, role="user", origin=origin, blocks=texts
    )


def _speaker_of(blocks: list[Block]) -> Origin:
    """Whose words the texts of a user's line are that no flag says anything of."""
    texts = [block.text or "" for block in blocks if block.type == "text"]
    if any(text.startswith(_SUMMARY) for text in texts):
        return "summary"
    return "human" if any(map(_is_typed, texts)) else "harness"


def _is_typed(text: str) -> bool:
    if text and text[0] not in _HARNESS_BEGINS and not text[0].isspace():
        return True  # most often, and two expressions that do not match take their time
    at = 0
    while preface := _PREFACE.match(text, at):
        at = preface.end()
    return bool(text[at:].strip()) and not _HARNESS.match(text, at)


def blocks_of(content: Any) -> list[Block]:
    """The blocks of a message's or a result's content; raises LineFault."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Block("text", text=content)]
    if not isinstance(content, list):
        raise LineFault("bad_field")
    return [block for item in content if (block := _block(item)) is not None]


def _block(item: Any) -> Block | None:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        raise LineFault("bad_field")
    kind = item["type"]
    if kind in DROPPED_BLOCKS:
        note_block(dropped(kind))
        return None
    if kind == "text":
        return Block("text", text=_text(item, "text") or "")
    if kind == "thinking":
        return Block("thinking", thinking=_text(item, "thinking") or "")
    if kind == "tool_use":
        return Block("tool_use", id=_text(item, "id"), name=_text(item, "name"), input=item.get("input"))
    if kind == "tool_result":
        content = item.get("content")
        inner = blocks_of(content) if isinstance(content, list) else content
        if inner is not None and not isinstance(inner, str | list):
            raise LineFault("bad_field")
        failed = True if item.get("is_error") is True else None
        return Block("tool_result", tool_use_id=_text(item, "tool_use_id"), content=inner, is_error=failed)
    return Block(kind)


def _text(mapping: dict[str, Any], name: str) -> str | None:
    value = mapping.get(name)
    if value is not None and not isinstance(value, str):
        raise LineFault("bad_field")
    return value


def _instant(value: Any) -> dt.datetime:
    if value is None:
        raise LineFault("missing_field")
    if not isinstance(value, str):
        raise LineFault("bad_timestamp")
    try:
        instant = msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError:
        raise LineFault("bad_timestamp") from None
    if instant.tzinfo is None or _NAIVE.match(value):
        raise LineFault("naive_timestamp")
    return instant


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LineFault(json_fault(data)) from None
    if not isinstance(value, dict):
        raise LineFault("not_an_object")
    return value
