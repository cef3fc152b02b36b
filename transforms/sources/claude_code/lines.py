"""One line of a Claude Code session file to a record, by a whitelist of fields."""

from __future__ import annotations

import collections
import datetime as dt
from typing import Any

import msgspec

from schemas.records import Block, Origin, Role
from transforms.sources.accounting import dropped, note_record
from transforms.sources.claude_code.fields import LineFault, blocks_of, instant_of, json_object, text_of
from transforms.sources.claude_code.kinds import unknown_kinds
from transforms.sources.claude_code.queued import HUMAN_ORIGINS, QueueStep, is_queued_prompt, origin_kind
from transforms.sources.claude_code.typed import (
    PLAN,
    is_answer,
    origin_of_texts,
    plan_and_feedback,
    reason_of,
    typed_command,
)
from transforms.sources.json.once import Fields, Repeated, check_once, opaque, overlaid

_MESSAGE_TYPES = frozenset({"user", "assistant"})
_HARNESS_FLAGS = frozenset({"isMeta", "isVisibleInTranscriptOnly", "turnCompanion"})
#: Hooks that begin a conversation: their lines without a parent are roots.
_BEGINNINGS = ("SessionStart:startup", "SessionStart:clear")
_CONTINUING = ("compact_boundary", "microcompact_boundary", "stop_hook_summary")


class LinkedRecord(msgspec.Struct, gc=False):
    """A line with a uuid. `is_message` is false for lines that only link (progress, attachment, system).

    `parent`: the uuid that the line follows, `logical_parent` if it has no other. `turn`: the API message id
    that all lines of one assistant turn share. `agent_id`: the subagent that wrote it. `before`: the uuid
    before it in its session and file. `continues`: it follows `before` if it has no parent.

    `typed`: what a person typed within a text of the tool. `result`: `toolUseResult` of answers.
    `is_queued`: an attachment of a prompt typed while the model worked. `is_queue_only`: such a prompt that
    is only in the lines of the queue. `is_command`: a slash command with arguments. `forked_from`: the
    session id of the line that this one is a copy of.
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
    before: str | None = None
    continues: bool = False
    typed: tuple[Block, ...] = ()
    result: dict[str, Any] | None = None
    is_queued: bool = False
    is_queue_only: bool = False
    is_command: bool = False
    forked_from: str | None = None

    @property
    def is_subagent(self) -> bool:
        """True for a line of a subagent's thread."""
        return self.is_sidechain or self.agent_id is not None


def parse_line(
    data: bytes, file_agent: str | None, unknown: collections.Counter[str]
) -> LinkedRecord | QueueStep | None:
    """The record of a line, or its step of the queue; None for a line with neither; raises LineFault.

    `file_agent`: the subagent that the file's name gives. `unknown` counts lines of unknown kinds.
    """
    line = json_object(data)
    try:
        kind = line.get("type")
        if isinstance(kind, str) and kind not in _MESSAGE_TYPES:
            unknown.update(unknown_kinds(kind, line))
        return _record(line, file_agent)
    except LineFault as fault:
        _add_links(fault, line)
        raise
    except Repeated as repeated:
        found = LineFault(repeated.code, repeated.field)
        once = line.given_once() if isinstance(line, Fields) else line
        _add_links(found, once)
        found.parent_unreadable |= "parentUuid" in line.keys() - once.keys()
        raise found from None


def _add_links(fault: LineFault, line: dict[str, Any]) -> None:
    """Adds the record of the links of a faulty line, if it has a uuid."""
    links = {name: value for name, value in line.items() if isinstance(value, str)}
    if uuid := links.get("uuid"):
        fault.link = _link({**links, "isSidechain": line.get("isSidechain")}, uuid)
        is_summary = line.get("isCompactSummary") is True
        fault.link.continues |= is_summary or _continues(line, links.get("type"))
        fault.parent_unreadable = line.get("parentUuid") is not None and "parentUuid" not in links


def _record(line: dict[str, Any], file_agent: str | None) -> LinkedRecord | QueueStep | None:
    kind = line.get("type")
    uuid = line.get("uuid")
    if not isinstance(kind, str):
        raise LineFault("missing_field")
    if kind in _MESSAGE_TYPES:
        if not isinstance(uuid, str) or not uuid:
            raise LineFault("missing_field")
        return _message(line, kind, uuid, file_agent)
    if kind == "queue-operation":
        return _queue_step(line)
    if not isinstance(uuid, str) or not uuid:
        note_record(dropped(kind))
        return None
    return _linking(line, kind, uuid, file_agent)


def _linking(line: dict[str, Any], kind: str, uuid: str, file_agent: str | None) -> LinkedRecord:
    """The record of a line that is no message, or the message of a queued prompt."""
    held = line.get("attachment") if kind == "attachment" else None
    attachment = held if isinstance(held, dict) else {}
    is_command = attachment.get("type") == "queued_command"
    if is_command and is_queued_prompt(attachment):
        message = {"content": attachment.get("prompt")}
        record = _message(overlaid(line, {"message": message}), "user", uuid, file_agent)
        if record.origin == "human":
            record.is_queued = True
            return record
    note_record(dropped(kind))
    record = _link(line, uuid)
    texts = attachment.get("prompt") if is_command else line.get("content") if kind == "system" else None
    if isinstance(texts, str):  # compared with queued prompts, never written
        record.blocks = [Block("text", text=typed_command(texts) or texts)]
    record.continues |= _continues(line, kind)
    return record


def _continues(line: dict[str, Any], kind: str | None) -> bool:
    """True for compaction boundaries, and for the lines of hooks that run within a conversation."""
    if kind == "system":
        return line.get("subtype") in _CONTINUING
    held = line.get("data" if kind == "progress" else "attachment")
    if not isinstance(held, dict) or not str(held.get("type")).startswith("hook"):
        return False
    return held.get("hookName") not in _BEGINNINGS and isinstance(held.get("hookName"), str)


def _queue_step(line: dict[str, Any]) -> QueueStep:
    operation, content = line.get("operation"), line.get("content")
    if isinstance(content, list):
        texts = [item.get("text") for item in content if isinstance(item, dict)]
        content = "\n".join(text for text in texts if isinstance(text, str))
    words = content if isinstance(content, str) else None
    at = instant_of(line.get("timestamp")) if operation == "enqueue" and words else None
    session_id = line.get("sessionId")
    return QueueStep(
        operation if isinstance(operation, str) else "",
        session_id if isinstance(session_id, str) else "",
        words,
        at,
        line.get("reason"),
    )


def _message(line: dict[str, Any], kind: str, uuid: str, file_agent: str | None) -> LinkedRecord:
    message = line.get("message")
    if not isinstance(message, dict):
        raise LineFault("missing_field" if message is None else "bad_field")
    if isinstance(message, Fields):
        message.check("role")
    record = _link(line, uuid)
    record.is_message = True
    record.agent_id = file_agent or record.agent_id
    record.sent_at = instant_of(line.get("timestamp"))
    record.blocks = blocks_of(message.get("content"))
    if kind == "assistant":
        origin: Origin = "harness" if line.get("isApiErrorMessage") is True else "model"
        record.role, record.origin = "assistant", origin
        record.turn = text_of(message, "id")
    else:
        record.role, record.origin = _role_and_origin(line, record)
        record.continues |= line.get("isCompactSummary") is True
    return record


def _link(line: dict[str, Any], uuid: str) -> LinkedRecord:
    is_sidechain = line.get("isSidechain") is True
    logical = (text_of(line, "logicalParentUuid") or None) if "logicalParentUuid" in line else None
    record = LinkedRecord(
        uuid,
        text_of(line, "parentUuid") or logical,
        logical,
        text_of(line, "sessionId") or "",
        is_message=False,
        is_sidechain=is_sidechain,
        agent_id=text_of(line, "agentId") if is_sidechain else None,
    )
    if record.parent == uuid:  # no record follows itself: it follows the one before it
        record.parent, record.continues = None, True
    if "forkedFrom" in line:
        origin = line["forkedFrom"]
        name = origin.get("sessionId") if isinstance(origin, dict) else None
        record.forked_from = name if isinstance(name, str) else None
    return record


def _role_and_origin(line: dict[str, Any], record: LinkedRecord) -> tuple[Role, Origin]:
    """Role and origin of a user line; `human` only for what a person typed.

    Slash commands become what was typed. Reasons of rejections and feedback on plans become `typed`.
    """
    results = [block for block in record.blocks if block.type == "tool_result"]
    if results:
        if failed := [block for block in results if block.is_error]:
            record.typed = tuple(Block("text", text=reason) for reason in map(reason_of, failed) if reason)
        given = line.get("toolUseResult")
        if isinstance(given, dict) and "answers" in given:
            check_once(given)
            record.result = opaque(given)
        elif any(map(is_answer, results)):
            record.result = {}
        return "tool", "tool"
    if line.get("isCompactSummary") is True:
        return "user", "summary"
    flags = () if _HARNESS_FLAGS.isdisjoint(line) else _HARNESS_FLAGS
    if origin_kind(line) not in HUMAN_ORIGINS or any(line.get(flag) is True for flag in flags):
        return "user", "harness"
    if record.is_subagent:
        return "user", "model"
    return "user", _origin(line, record)


def _origin(line: dict[str, Any], record: LinkedRecord) -> Origin:
    """The origin of a user line of the main thread without flags."""
    text = next((block.text for block in record.blocks if block.text), "")
    if text.startswith(PLAN) or line.get("planContent") is not None:
        plan, feedback = plan_and_feedback(text)
        if feedback is not None:
            record.typed = (Block("text", text=feedback),)
            record.blocks = [Block("text", text=plan), *record.blocks[1:]]
        return "harness"
    if (command := typed_command(text)) is not None:
        if line.get("sourceToolUseID") is not None:
            return "harness"
        record.is_command = True
        typed = Block("text", text=command)
        record.blocks = [typed if block.text == text else block for block in record.blocks]
    return origin_of_texts(record.blocks)


def texts_beside(record: LinkedRecord, uuid: str) -> LinkedRecord:
    """A user record for the texts beside a tool result, and for what a person typed within a tool's text."""
    texts = [block for block in record.blocks if block.type == "text"] if record.role == "tool" else []
    origin: Origin = "model" if record.is_subagent else origin_of_texts(texts)
    return msgspec.structs.replace(
        record,
        uuid=uuid,
        parent=record.uuid,
        role="user",
        origin="human" if record.typed else origin,
        blocks=[*texts, *record.typed],
        typed=(),
    )
