"""Request logs of the Anthropic Messages API: one record per call, with `request` and `response`.

Logged chat completions of OpenAI in the same form are read too.

A body is a JSON value or JSON text; a streamed answer is the text of its events. Either may be the value of
`body`. Headers, models, settings and usage are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Any

import msgspec

from schemas.records import Defaults
from schemas.units import Unit
from transforms.sources.accounting import dropped, note_block
from transforms.sources.base import FactsBatch, ReadContext
from transforms.sources.calls.anthropic_columns import columns_of_calls
from transforms.sources.calls.anthropic_owner import present_text, user_of
from transforms.sources.calls.anthropic_results import is_error, server_result
from transforms.sources.calls.anthropic_stream import streamed_message
from transforms.sources.calls.anthropic_types import LoggedCall
from transforms.sources.calls.cassettes import SUFFIXES, cassette_of, interactions_of
from transforms.sources.calls.model_calls import Call, Turn, instant_text, record_of
from transforms.sources.chats.columns import ROLES
from transforms.sources.chats.lists import openai_turn
from transforms.sources.faults import Fault, bad_field, no_field, value_of
from transforms.sources.json.item_source import ColumnResult, JsonItemSource
from transforms.sources.json.items import object_of
from transforms.sources.json.once import decoded_once, unread
from transforms.sources.record_file import Located, Record, RecordFile, record_or_fault

_START_FIELDS = ("timestamp", "created_at", "started_at", "recorded_at", "time")
_END_FIELDS = ("completed_at", "finished_at")
_DROPPED_BLOCKS = frozenset({"redacted_thinking"})
_ROLES = ("user", "assistant", "system")
#: Roles that only requests to OpenAI have.
_OPENAI_ROLES = ("tool", "function", "developer")
_CHOICES = "response.choices[].message"
#: Results whose content is text or blocks; the content of other results has a form for each server-side tool.
_RESULTS_OF_BLOCKS = frozenset({"tool_result", "mcp_tool_result"})
_TOOL_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


class AnthropicMessages(JsonItemSource[LoggedCall]):
    """Logged calls as lines, as an array or as one object, or a VCR cassette of calls."""

    folder_patterns: Sequence[str] = ("**/*.jsonl", "**/*.json", "**/*.yaml", "**/*.yml")

    def is_in_lines(self, path: str) -> bool:
        """True for a plain file of lines, which can be read from the start of any line."""
        return not path.endswith(SUFFIXES) and super().is_in_lines(path)

    def records_within(self, path: str, max_record_bytes: int) -> Iterator[Record]:
        """The records of a file, one per call."""
        if path.endswith(SUFFIXES):
            return _records(cassette_of(path, max_record_bytes))
        return super().records_within(path, max_record_bytes)

    def records_of(self, data: bytes | None) -> Iterator[Record]:
        """The record of a call, or the records of a cassette."""
        return _records(object_of(data))

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the file's records, in their order."""
        if unit.paths[0].endswith(SUFFIXES):
            return RecordFile.facts(self, unit, context)
        return super().facts(unit, context)

    def located(self, unit: Unit, context: ReadContext, wanted: Set[int] | None) -> Iterator[Located]:
        """The records of a unit; rows that are not wanted may be left out."""
        if unit.paths[0].endswith(SUFFIXES):
            return RecordFile.located(self, unit, context, wanted)
        return super().located(unit, context, wanted)

    def columns_of(
        self,
        items: Sequence[LoggedCall],
        defaults: Defaults,  # noqa: ARG002
    ) -> ColumnResult:
        """The sessions of calls with texts, thoughts and tools."""
        return columns_of_calls(items)


def _records(item: dict[str, Any] | Fault) -> Iterator[Record]:
    if isinstance(item, Fault):
        yield item
        return
    try:
        for call in interactions_of(item):
            yield call if isinstance(call, Fault) else record_or_fault(_record, call)
    except Fault as fault:
        yield fault


def _record(item: dict[str, Any]) -> dict[str, Any]:
    return record_of(call_of(item))


def call_of(item: dict[str, Any]) -> Call:
    """The call of a record; raises Fault."""
    request = _body(item.get("request"), "request")
    if request is None:
        raise no_field(item, "request")
    if not isinstance(request, dict):
        raise bad_field("request", request)
    asked = _instant(item, _START_FIELDS)
    messages = request.get("messages")
    if messages is None:
        raise no_field(request, "messages", "request.messages")
    if not isinstance(messages, list):
        raise bad_field("request.messages", messages)
    answers = _answers(item.get("response"))
    conversation = item.get("conversation_id")
    return Call(
        system=_system(request.get("system")),
        history=[_turn(message, "request.messages[]") for message in messages],
        answers=answers,
        asked_at=asked,
        answered_at=_instant(item, _END_FIELDS) or asked,
        user_id=user_of(request.get("metadata")) or present_text(item, "user_id"),
        organization_id=present_text(item, "organization_id"),
        conversation_id=str(conversation) if isinstance(conversation, str | int) else None,
    )


def _instant(item: dict[str, Any], names: Sequence[str]) -> Any:
    name = next((name for name in names if item.get(name) is not None), None)
    return None if name is None else instant_text(item[name], name)


def _body(side: Any, path: str) -> Any:
    """The body of a request or response, or its `parsed_body` or `body`; JSON text is decoded.

    `path`: of the side in the record.
    """
    if isinstance(side, dict):
        name = "parsed_body" if side.get("parsed_body") is not None else "body"
        side = side.get(name, side)
    if isinstance(side, dict) and isinstance(side.get("string"), str):
        side = side["string"]
    if not isinstance(side, str):
        return side
    try:
        return decoded_once(side, path)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return side


def _answers(response: Any) -> list[Turn]:
    """The answer, or alternatives of a chat completion of OpenAI; none for a failed call; raises Fault."""
    body = _body(response, "response")
    if isinstance(body, str):
        body = streamed_message(body)
    if isinstance(body, dict) and isinstance(body.get("choices"), list):
        given = [choice.get("message") for choice in body["choices"] if isinstance(choice, dict)]
        turns = [openai_turn(one, _CHOICES, ROLES) for one in given if isinstance(one, dict)]
    else:
        turns = [turn] if (turn := _answer(body)) else []
    return [turn for turn in turns if turn["role"] == "assistant" and turn["content"]]


def _answer(body: Any) -> Turn | None:
    if body is None:
        return None
    if not isinstance(body, dict):
        raise bad_field("response", body)
    if body.get("type") == "error" or body.get("role") != "assistant":
        return None
    return _turn(body, "response")


def _turn(message: Any, path: str) -> Turn:
    """The turn of a message at this path of the record; raises Fault."""
    if not isinstance(message, dict):
        raise bad_field(path, message)
    role = message.get("role")
    if role in _OPENAI_ROLES or "tool_calls" in message or "function_call" in message:
        return openai_turn(message, path, ROLES)
    if role not in _ROLES:
        raise value_of(message, "role").within(path)
    try:
        return {"role": role, "content": _blocks(message.get("content"))}
    except Fault as fault:
        raise fault.within(path) from None


def _blocks(content: Any) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise bad_field("content", content)
    try:
        return [block for item in content if (block := _block(item)) is not None]
    except Fault as fault:
        raise fault.within("content[]") from None


def _block(item: Any) -> dict[str, Any] | None:
    if not isinstance(item, dict):
        raise bad_field("", item)
    kind = item.get("type")
    if not isinstance(kind, str):
        raise value_of(item, "type")
    if kind in _DROPPED_BLOCKS:
        note_block(dropped(kind))
        return None
    if kind == "text":
        return {"type": "text", "text": present_text(item, "text") or ""}
    if kind == "thinking":
        return {"type": "thinking", "thinking": present_text(item, "thinking") or ""}
    if kind in _TOOL_CALLS:
        call = {"type": "tool_use", "id": present_text(item, "id"), "name": present_text(item, "name")}
        return {**call, "input": unread(item, "input")}
    if kind == "tool_result" or (kind.endswith("_tool_result") and "tool_use_id" in item):
        content = item.get("content")
        result = {"type": "tool_result", "tool_use_id": present_text(item, "tool_use_id")}
        failed = {"is_error": True} if item.get("is_error") is True or is_error(content) else {}
        if kind not in _RESULTS_OF_BLOCKS:
            content = server_result(content)
        return {**result, **failed, "content": content if isinstance(content, str) else _blocks(content)}
    return {"type": kind}


def _system(system: Any) -> str | None:
    try:
        texts = [block.get("text") or "" for block in _blocks(system) if block["type"] == "text"]
    except Fault as fault:
        raise fault.within("request.system") from None
    return "\n\n".join(texts) or None


ANTHROPIC_MESSAGES = AnthropicMessages(LoggedCall)
