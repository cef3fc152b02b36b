"""Request logs of the Anthropic Messages API: `request` and `response` of a call, one call a record.

Bodies are JSON values or JSON text, a streamed answer the text of its events; either may stand under `body`.
Headers, models, settings and usage are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from schemas.records import Session
from transforms.plain import Plain
from transforms.sources.accounting import dropped, note_block
from transforms.sources.anthropic_stream import streamed_message
from transforms.sources.anthropic_texts import Logged, logged_call, said_of
from transforms.sources.anthropic_tools import session_of
from transforms.sources.cassettes import SUFFIXES, cassette_of, interactions_of
from transforms.sources.decode import Fault, present
from transforms.sources.histories import Call, Turn, moment, record_of
from transforms.sources.history_texts import plain_of
from transforms.sources.json_items import objects_of
from transforms.sources.record_file import Record, RecordFile, Texts, record_or_fault

_DEFAULT_BYTES = 64 << 20
_ASKED = ("timestamp", "created_at", "started_at", "recorded_at", "time")
_ANSWERED = ("completed_at", "finished_at")
#: What Claude Code sends as `metadata.user_id`.
_CODE_USER = re.compile(r"user_(?P<device>[0-9a-f]+)_account_(?P<account>[0-9a-f-]*)_session_")
_NO_BLOCK = frozenset({"redacted_thinking"})
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


class AnthropicMessages(RecordFile):
    """Lines, an array, or one object of logged calls, or a cassette of them."""

    folder_patterns: Sequence[str] = ("**/*.jsonl", "**/*.json", "**/*.yaml", "**/*.yml")

    def records(self, path: str) -> Iterator[Record]:
        """The records of a file."""
        return self.records_within(path, _DEFAULT_BYTES)

    def records_within(self, path: str, max_record_bytes: int) -> Iterator[Record]:
        """The records of a file, each of one call."""
        found = (
            iter([cassette_of(path, max_record_bytes)])
            if path.endswith(SUFFIXES)
            else objects_of(path, max_record_bytes, _decoded)
        )
        for item in found:
            if isinstance(item, Fault | Texts):
                yield item
            else:
                for call in interactions_of(item):
                    yield call if isinstance(call, Fault) else record_or_fault(_record, call)


def _decoded(data: bytes) -> Texts | None:
    """The record, if it is a call of texts and tools and nothing is wrong with it."""
    logged = logged_call(data)
    made = None if logged is None else record_or_fault(_session, logged)
    if made is None or isinstance(made, Fault):
        return None
    return Texts(lambda _: made, lambda: record_or_fault(_record, msgspec.json.decode(data)), len(data))


def _session(logged: Logged) -> Plain | Session | None:
    asked, answered = moment(logged.asked()), moment(logged.answered())
    user_id = _user(logged.request.metadata) or _text(logged.user_id)
    call = (logged, asked, answered or asked, user_id, _text(logged.organization_id))
    said = said_of(*call)
    return session_of(*call) if said is None else plain_of(said)


def _record(item: dict[str, Any]) -> dict[str, Any]:
    return record_of(call_of(item))


def call_of(item: dict[str, Any]) -> Call:
    """The call that a record logs; raises Fault."""
    request = _body(item.get("request"))
    if not isinstance(request, dict):
        raise Fault("missing_field" if request is None else "bad_field")
    asked = _instant(item, _ASKED)
    messages = request.get("messages")
    if messages is None:
        raise Fault("missing_field")
    if not isinstance(messages, list):
        raise Fault("bad_field")
    answer = _answer(item.get("response"))
    conversation = item.get("conversation_id")
    return Call(
        system=_system(request.get("system")),
        history=[_turn(message) for message in messages],
        answers=[answer] if answer else [],
        asked_at=asked,
        answered_at=_instant(item, _ANSWERED) or asked,
        user_id=_user(request.get("metadata")) or _text(item.get("user_id")),
        organization_id=_text(item.get("organization_id")),
        conversation_id=str(conversation) if isinstance(conversation, str | int) else None,
    )


def _instant(item: dict[str, Any], names: Sequence[str]) -> Any:
    return moment(next((item[name] for name in names if item.get(name) is not None), None))


def _body(side: Any) -> Any:
    """The body of a request or response: itself, or what stands under `body`, decoded where it is text."""
    if isinstance(side, dict) and "body" in side:
        side = side["body"]
    if isinstance(side, dict) and isinstance(side.get("string"), str):
        side = side["string"]
    if not isinstance(side, str):
        return side
    try:
        return msgspec.json.decode(side)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return side


def _answer(response: Any) -> Turn | None:
    """What was answered; nothing where the call failed. Raises Fault."""
    body = _body(response)
    if isinstance(body, str):
        body = streamed_message(body)
    if body is None:
        return None
    if not isinstance(body, dict):
        raise Fault("bad_field")
    if body.get("type") == "error" or body.get("role") != "assistant":
        return None
    turn = _turn(body)
    return turn if turn["content"] else None


def _turn(message: Any) -> Turn:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("user", "assistant", "system"):
        raise Fault("bad_field")
    return {"role": role, "content": _blocks(message.get("content"))}


def _blocks(content: Any) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise Fault("bad_field")
    return [block for item in content if (block := _block(item)) is not None]


def _block(item: Any) -> dict[str, Any] | None:
    kind = item.get("type") if isinstance(item, dict) else None
    if not isinstance(kind, str):
        raise Fault("bad_field")
    if kind in _NO_BLOCK:
        note_block(dropped(kind))
        return None
    if kind == "text":
        return {"type": "text", "text": _text(item.get("text")) or ""}
    if kind == "thinking":
        return {"type": "thinking", "thinking": _text(item.get("thinking")) or ""}
    if kind in _CALLS:
        call = {"type": "tool_use", "id": _text(item.get("id")), "name": _text(item.get("name"))}
        return {**call, "input": item.get("input")}
    if kind == "tool_result":
        content = item.get("content")
        result = {"type": "tool_result", "tool_use_id": _text(item.get("tool_use_id"))}
        failed = {"is_error": True} if item.get("is_error") is True else {}
        return {**result, **failed, "content": content if isinstance(content, str) else _blocks(content)}
    return {"type": kind}


def _system(system: Any) -> str | None:
    texts = [block.get("text") or "" for block in _blocks(system) if block["type"] == "text"]
    return "\n\n".join(texts) or None


def _user(metadata: Any) -> str | None:
    """Whose call it is. Claude Code puts the account into one text with device and session."""
    named = _text(metadata.get("user_id")) if isinstance(metadata, dict) else None
    if named is None:
        return None
    if found := _CODE_USER.match(named):
        return found["account"] or found["device"]
    if named.startswith("{"):
        try:
            parts = msgspec.json.decode(named)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return named
        return _text(parts.get("account_uuid")) or _text(parts.get("device_id")) or named
    return named


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Fault("bad_field")
    return present(value) if value is not None and not value.strip() else value


ANTHROPIC_MESSAGES = AnthropicMessages()
