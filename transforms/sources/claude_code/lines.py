"""One line of a Claude Code session file to a record, by a whitelist of fields."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec

from schemas.records import Block, Origin, Role
from transforms.sources.accounting import dropped, note_block, note_record
from transforms.sources.claude_code.queued import HUMAN_ORIGINS, origin_kind, user_line_of_queued_prompt
from transforms.sources.decode import json_fault

#: How texts begin that the tool itself writes under role user.
_HARNESS = re.compile(
    r"\s*(?:<(?:command-|local-command-|bash-|system-reminder|ide_|task-notification|user-memory-input|"
    r"teammate-message|[a-z-]{1,40}-hook>)|Caveat: The messages below|\[Request interrupted)"
)
_HARNESS_BEGINS = "<C["
#: What the tool may put before a person's words in the same text.
_PREFACE = re.compile(r"\s*<(system-reminder|ide_\w{1,40})>.*?</\1>", re.DOTALL)
#: How compaction summaries began before the flag `isCompactSummary`.
_SUMMARY = "This session is being continued from a previous conversation that ran out of context"
_MESSAGE_TYPES = frozenset({"user", "assistant"})
_HARNESS_FLAGS = ("isMeta", "isVisibleInTranscriptOnly", "turnCompanion")
_DROPPED_BLOCKS = frozenset({"redacted_thinking"})
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+\Z")


class LineFault(Exception):  # noqa: N818 - becomes a quarantine entry, never an error
    """Why a line cannot be read: a quarantine code, and a record of its links if it has a uuid.

    `parent_unreadable`: the line has a parentUuid that is not a string.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.link: LinkedRecord | None = None
        self.parent_unreadable = False


class LinkedRecord(msgspec.Struct, gc=False):
    """A line with a uuid. `is_message` is false for lines that only link (progress, attachment, system).

    `parent`: the uuid that the line follows, `logical_parent` if it has no other. `turn`: the API message id
    that all lines of one assistant turn share. `agent_id`: the subagent that wrote it. `before_damage`: the
    last uuid of the same session in the file before a damaged line. `is_queued`: typed by a person while the
    model worked.
    """

    uuid: str
    parent: str | None
    logical_parent: str | None
    session_id: str
    is_message: bool
    is_sidechain: bool
    agent_id: str | None = None
    role: Role = "user"
    origin: Origin | None = None
    sent_at: dt.datetime | None = None
    turn: str | None = None
    blocks: list[Block] = []
    before_damage: str | None = None
    is_queued: bool = False

    @property
    def is_subagent(self) -> bool:
        """True for a line of a subagent's thread."""
        return self.is_sidechain or self.agent_id is not None


def parse_line(data: bytes, file_agent: str | None) -> LinkedRecord | None:
    """The record of a line, None for one with neither a message nor a uuid; raises LineFault.

    `file_agent`: the subagent that the file's name gives.
    """
    line = _json_object(data)
    try:
        return _record(line, file_agent)
    except LineFault as fault:
        links = {name: value for name, value in line.items() if isinstance(value, str)}
        if uuid := links.get("uuid"):
            fault.link = _link({**links, "isSidechain": line.get("isSidechain")}, uuid)
            fault.parent_unreadable = line.get("parentUuid") is not None and "parentUuid" not in links
        raise


def _record(line: dict[str, Any], file_agent: str | None) -> LinkedRecord | None:
    kind = line.get("type")
    uuid = line.get("uuid")
    if not isinstance(kind, str):
        raise LineFault("missing_field")
    if kind in _MESSAGE_TYPES:
        if not isinstance(uuid, str) or not uuid:
            raise LineFault("missing_field")
        return _message(line, kind, uuid, file_agent)
    if not isinstance(uuid, str) or not uuid:
        note_record(dropped(kind))
        return None
    prompt = user_line_of_queued_prompt(line) if kind == "attachment" else None
    if prompt is not None:
        record = _message(prompt, "user", uuid, file_agent)
        if record.origin == "human":
            record.is_queued = True
            return record
    note_record(dropped(kind))
    return _link(line, uuid)


def _message(line: dict[str, Any], kind: str, uuid: str, file_agent: str | None) -> LinkedRecord:
    message = line.get("message")
    if not isinstance(message, dict):
        raise LineFault("missing_field" if message is None else "bad_field")
    record = _link(line, uuid)
    record.is_message = True
    record.agent_id = file_agent or (_text(line, "agentId") if record.is_sidechain else None)
    record.sent_at = _instant(line.get("timestamp"))
    record.blocks = _blocks(message.get("content"))
    if kind == "assistant":
        origin: Origin = "harness" if line.get("isApiErrorMessage") is True else "model"
        record.role, record.origin = "assistant", origin
        record.turn = _text(message, "id")
    else:
        record.role, record.origin = _role_and_origin(line, record)
    return record


def _link(line: dict[str, Any], uuid: str) -> LinkedRecord:
    parent, logical = _text(line, "parentUuid") or None, _text(line, "logicalParentUuid") or None
    return LinkedRecord(
        uuid,
        parent or logical,
        logical,
        _text(line, "sessionId") or "",
        is_message=False,
        is_sidechain=line.get("isSidechain") is True,
    )


def _role_and_origin(line: dict[str, Any], record: LinkedRecord) -> tuple[Role, Origin]:
    """Role and origin of a user line; `human` only for what a person typed."""
    if "tool_result" in [block.type for block in record.blocks]:
        return "tool", "tool"
    if line.get("isCompactSummary") is True:
        return "user", "summary"
    if origin_kind(line) not in HUMAN_ORIGINS or any(line.get(flag) is True for flag in _HARNESS_FLAGS):
        return "user", "harness"
    return "user", "model" if record.is_subagent else _origin_of_texts(record.blocks)


def texts_beside_result(result: LinkedRecord, uuid: str, texts: list[Block]) -> LinkedRecord:
    """A user record for texts that share a line with a tool result; it follows the result."""
    origin: Origin = "model" if result.is_subagent else _origin_of_texts(texts)
    return msgspec.structs.replace(
        result, uuid=uuid, parent=result.uuid, role="user", origin=origin, blocks=texts
    )


def _origin_of_texts(blocks: list[Block]) -> Origin:
    """The origin of a user line without flags, from how its texts begin."""
    texts = [block.text or "" for block in blocks if block.type == "text"]
    if any(text.startswith(_SUMMARY) for text in texts):
        return "summary"
    return "human" if any(map(_is_typed, texts)) else "harness"


def _is_typed(text: str) -> bool:
    if text and text[0] not in _HARNESS_BEGINS and not text[0].isspace():
        return True  # most texts; this saves two regular expressions
    start = 0
    while preface := _PREFACE.match(text, start):
        start = preface.end()
    return bool(text[start:].strip()) and not _HARNESS.match(text, start)


def _blocks(content: Any) -> list[Block]:
    """The blocks of the content of a message or tool result; raises LineFault."""
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
    if kind in _DROPPED_BLOCKS:
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
        inner = _blocks(content) if isinstance(content, list) else content
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
