"""Records of every format, the fields that decide, and fields that decide nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.support.given_twice import Step

AT, LATER = "2026-01-05T10:00:00Z", "2026-01-05T10:01:00Z"
USED = {"type": "tool_use", "id": "t1", "name": "read", "input": {"role": "x", "text": "y", "id": {"id": 1}}}


def _entry(number: int, sender: str, **more: Any) -> dict[str, Any]:
    return {
        "uuid": f"m{number}", "parent_message_uuid": f"m{number - 1}", "sender": sender, "created_at": AT,
        "text": "", "content": [{"type": "text", "text": f"Say: {number}"}], **more,
    }  # fmt: skip


def _node(number: int, role: str) -> dict[str, Any]:
    return {
        "id": f"n{number}",
        "parent": f"n{number - 1}" if number else None,
        "children": [f"n{number + 1}"],
        "message": {
            "id": f"n{number}",
            "author": {"role": role},
            "create_time": 1767600000.5 + number,
            "content": {"content_type": "text", "parts": [f"Say: {number}"]},
            "weight": 1.0,
            "metadata": {"is_visually_hidden_from_conversation": False, "model": "m"},
            "recipient": "all",
        },
    }


def _line(number: int, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind, "uuid": f"l{number}", "parentUuid": f"l{number - 1}" if number else None,
        "sessionId": "s1", "timestamp": AT, "isSidechain": False, "isMeta": False, "cwd": "/x", **more,
    }  # fmt: skip


PARTS = [{"role": "user", "parts": [{"type": "text", "content": "Hi: you"}]}]
RECORDS: dict[str, Any] = {
    "claude-export": {
        "uuid": "c1", "name": "x", "created_at": AT, "account": {"uuid": "u1"},
        "current_leaf_message_uuid": "m3",
        "chat_messages": [
            _entry(0, "human", attachments=[{"file_name": "f", "extracted_content": "paste"}]),
            _entry(1, "assistant", content=[{"type": "text", "text": "Yes"}, USED]),
            _entry(2, "human"), _entry(3, "assistant"),
        ],
    },
    "chatgpt-export": {
        "conversation_id": "c1", "id": "c1", "title": "x", "create_time": 1767600000.5, "current_node": "n3",
        "is_do_not_remember": False,
        "mapping": {f"n{n}": _node(n, "assistant" if n % 2 else "user") for n in range(4)},
    },
    "sharegpt": {
        "id": "c1", "user_id": "u1", "system": "Be: brief", "metadata": {"id": 1},
        "conversations": [{"from": "human", "value": "Hi: you"}, {"from": "gpt", "value": "Yes"}],
    },
    "openai-messages": {
        "id": "c1", "user_id": "u1", "metadata": {"id": 1},
        "messages": [
            {"role": "user", "content": "Hi: you"},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1, "a": 2}'}},
            ]},
            {"role": "tool", "tool_call_id": "t1", "content": "3"},
            {"role": "assistant", "content": "Yes"},
        ],
    },
    "anthropic-messages": {
        "timestamp": AT, "conversation_id": "c1", "user_id": "u1", "organization_id": "o1", "model": "m",
        "request": {
            "model": "m", "system": "Be: brief", "metadata": {"user_id": "u1", "other": 1},
            "messages": [
                {"role": "user", "content": "Hi: you"},
                {"role": "assistant", "content": [{"type": "text", "text": "Well"}, USED]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "3"}]},
            ],
        },
        "response": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Yes"}]},
    },
    "otel-genai": {
        "span_id": "1", "start_time": AT, "end_time": LATER,
        "attributes": {
            "gen_ai.conversation.id": "c1", "user.id": "u1", "gen_ai.request.model": "m",
            "gen_ai.input.messages": json.dumps(PARTS), "gen_ai.output.messages": json.dumps(PARTS),
        },
    },
    "claude-code": [
        _line(0, "user", message={"role": "user", "content": "Hi: you"}),
        _line(1, "assistant", message={"id": "a1", "role": "assistant", "content": [
            {"type": "text", "text": "Well"}, USED]}),
        _line(2, "user", message={"role": "user", "content": [{"type": "text", "text": "More"}]}),
        _line(3, "assistant", message={"id": "a3", "role": "assistant", "content": [
            {"type": "text", "text": "Yes"}]}),
    ],
}  # fmt: skip
RECORDS["openinference"] = {
    "span_id": "1", "start_time": AT, "end_time": LATER,
    "attributes": {
        "session.id": "c1", "user.id": "u1", "other": 1,
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Hi: you",
        "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "Yes",
    },
}  # fmt: skip


class Case(NamedTuple):
    """A field of a record, its name in the quarantine, and whether the rest of the conversation is kept."""

    form: str
    path: tuple[Step, ...]
    field: str
    kept: bool = False


def _cases(form: str, fields: Sequence[tuple[tuple[Step, ...], str]], *, kept: bool = False) -> list[Case]:
    return [Case(form, path, field, kept) for path, field in fields]


_CHAT, _MAP, _REQ, _ATT = "chat_messages", "mapping", ("request", "messages"), "attributes"
CASES = [
    *_cases("claude-export", [
        (("uuid",), "uuid"), (("created_at",), "created_at"), (("account",), "account"),
        (("account", "uuid"), "account.uuid"), ((_CHAT,), _CHAT),
        (("current_leaf_message_uuid",), "current_leaf_message_uuid"),
        ((_CHAT, 2, "uuid"), "chat_messages[].uuid"),
        ((_CHAT, 2, "parent_message_uuid"), "chat_messages[].parent_message_uuid"),
    ]),
    *_cases("claude-export", [
        ((_CHAT, 2, "sender"), "chat_messages[].sender"),
        ((_CHAT, 2, "created_at"), "chat_messages[].created_at"),
        ((_CHAT, 2, "content"), "chat_messages[].content"),
        ((_CHAT, 2, "content", 0, "type"), "chat_messages[].content[].type"),
        ((_CHAT, 2, "content", 0, "text"), "chat_messages[].content[].text"),
        ((_CHAT, 0, "attachments"), "chat_messages[].attachments"),
        ((_CHAT, 0, "attachments", 0, "extracted_content"),
         "chat_messages[].attachments[].extracted_content"),
    ], kept=True),
    *_cases("chatgpt-export", [
        (("conversation_id",), "conversation_id"), (("create_time",), "create_time"), ((_MAP,), _MAP),
        (("current_node",), "current_node"), (("is_do_not_remember",), "is_do_not_remember"),
        ((_MAP, "n2"), "mapping[]"), ((_MAP, "n2", "message", "weight"), "mapping[].message.weight"),
        ((_MAP, "n2", "message", "metadata", "is_visually_hidden_from_conversation"),
         "mapping[].message.metadata.is_visually_hidden_from_conversation"),
    ]),
    *_cases("chatgpt-export", [
        ((_MAP, "n2", "parent"), "mapping[].parent"), ((_MAP, "n2", "message"), "mapping[].message"),
        ((_MAP, "n2", "message", "author"), "mapping[].message.author"),
        ((_MAP, "n2", "message", "author", "role"), "mapping[].message.author.role"),
        ((_MAP, "n2", "message", "create_time"), "mapping[].message.create_time"),
        ((_MAP, "n2", "message", "content"), "mapping[].message.content"),
        ((_MAP, "n2", "message", "content", "content_type"), "mapping[].message.content.content_type"),
        ((_MAP, "n2", "message", "content", "parts"), "mapping[].message.content.parts"),
    ], kept=True),
    *_cases("sharegpt", [
        (("id",), "id"), (("user_id",), "user_id"), (("system",), "system"),
        (("conversations",), "conversations"), (("conversations", 0, "from"), "conversations[].from"),
        (("conversations", 1, "value"), "conversations[].value"),
    ]),
    *_cases("openai-messages", [
        (("id",), "id"), (("user_id",), "user_id"), (("messages",), "messages"),
        (("messages", 0, "role"), "messages[].role"), (("messages", 0, "content"), "messages[].content"),
        (("messages", 1, "tool_calls"), "messages[].tool_calls"),
    ]),
    *_cases("anthropic-messages", [
        (("timestamp",), "timestamp"), (("conversation_id",), "conversation_id"),
        (("organization_id",), "organization_id"), (("request",), "request"), (("response",), "response"),
        (("request", "metadata"), "request.metadata"),
        (("request", "metadata", "user_id"), "request.metadata.user_id"),
        (_REQ, "request.messages"), ((*_REQ, 0, "role"), "request.messages[].role"),
        ((*_REQ, 0, "content"), "request.messages[].content"),
        ((*_REQ, 1, "content", 0, "type"), "request.messages[].content[].type"),
        ((*_REQ, 1, "content", 0, "text"), "request.messages[].content[].text"),
        (("response", "role"), "response.role"), (("response", "content"), "response.content"),
        (("response", "content", 0, "text"), "response.content[].text"),
    ]),
    *_cases("otel-genai", [
        (("start_time",), "start_time"), ((_ATT,), _ATT), ((_ATT, "user.id"), "user.id"),
        ((_ATT, "gen_ai.conversation.id"), "gen_ai.conversation.id"),
        ((_ATT, "gen_ai.input.messages"), "gen_ai.input.messages"),
    ]),
    *_cases("openinference", [
        ((_ATT, "user.id"), "user.id"), ((_ATT, "session.id"), "session.id"),
        ((_ATT, "llm.input_messages.0.message.role"), "llm.input_messages.0.message.role"),
    ]),
    *_cases("claude-code", [
        ((2, name), name)
        for name in (
            "uuid", "parentUuid", "sessionId", "type", "timestamp", "isSidechain", "isMeta", "message"
        )
    ] + [
        ((2, "message", "role"), "message.role"), ((2, "message", "content"), "message.content"),
        ((2, "message", "content", 0, "type"), "message.content[].type"),
        ((2, "message", "content", 0, "text"), "message.content[].text"),
    ], kept=True),
]  # fmt: skip
#: Fields that no decision reads, and objects below which a name may occur twice.
UNREAD: list[tuple[str, tuple[Step, ...]]] = [
    ("claude-export", ("name",)), ("claude-export", (_CHAT, 1, "content", 1, "input", "role")),
    ("claude-export", (_CHAT, 1, "content", 1, "input", "id", "id")),
    ("claude-export", (_CHAT, 0, "attachments", 0, "file_name")),
    ("chatgpt-export", ("title",)), ("chatgpt-export", ("id",)),
    ("chatgpt-export", (_MAP, "n2", "id")), ("chatgpt-export", (_MAP, "n2", "message", "metadata", "model")),
    ("sharegpt", ("metadata",)), ("sharegpt", ("metadata", "id")),
    ("openai-messages", ("metadata", "id")), ("openai-messages", ("messages", 1, "tool_calls", 0, "type")),
    ("anthropic-messages", ("model",)), ("anthropic-messages", ("request", "model")),
    ("anthropic-messages", ("request", "metadata", "other")),
    ("anthropic-messages", (*_REQ, 1, "content", 1, "input", "text")),
    ("otel-genai", ("span_id",)), ("otel-genai", (_ATT, "gen_ai.request.model")),
    ("openinference", (_ATT, "other")),
    ("claude-code", (2, "cwd")), ("claude-code", (1, "message", "content", 1, "input", "role")),
]  # fmt: skip
