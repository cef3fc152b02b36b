"""Valid records, altered records and damaged lines of each JSON format."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from tests.sources.test_fuzz import AT, STRANGE, bent

_RESULT = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "y"}]}
_THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "g"}
_TEXT = {"type": "text", "text": " and "}
_CALL = {"type": "tool_use", "id": "t", "name": "ls", "input": {"a": [1.5], "b": None}}
_FUNCTION = {
    "id": "t",
    "type": "function",
    "function": {"name": "ls", "arguments": '{"a": ["b", {"c": "d"}]}'},
}
#: Turns of a span; spans store them as JSON text.
SPOKEN: list[dict[str, Any]] = [
    {"role": "developer", "parts": [{"type": "text", "content": "be brief "}]},
    {"role": "user", "parts": [{"type": "text", "content": " a "}, {"type": "text", "content": "b"}]},
    {
        "role": "model",
        "parts": [
            {"type": "reasoning", "content": "hm"},
            {"type": "text", "content": "so"},
            {"type": "tool_call", "id": "t", "name": "ls", "arguments": {"path": "x", "n": 1}},
            {"type": "tool_call", "id": None, "name": "ls", "arguments": '{"path": "y"}'},
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t", "response": " z "}]},
    {
        "role": "user",
        "parts": [
            {"type": "tool_call_response", "id": "t", "result": {"k": "v"}},
            {"type": "text", "content": "c"},
        ],
    },
    {"role": "assistant", "parts": [{"type": "text", "content": "d"}]},
]
_NANOS = "1767600000000000000"
_ANSWER = {"key": "gen_ai.output.messages", "value": {"stringValue": json.dumps(SPOKEN[-1:])}}
_OTLP_SPANS: list[dict[str, Any]] = [
    {"name": "no messages", "startTimeUnixNano": _NANOS},
    {
        "startTimeUnixNano": _NANOS,
        "attributes": [
            {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps(SPOKEN)}},
            {"key": "user.id", "value": {"stringValue": "u"}},
        ],
    },
    {"startTimeUnixNano": _NANOS, "events": [{"attributes": [_ANSWER]}]},
]
GOOD: dict[str, dict[str, Any]] = {
    "canonical": {
        "conversation_id": "c",
        "user_id": "u",
        "tier": "pro",
        "created_at": AT,
        "deleted_at": AT,
        "current_message_id": "b",
        "messages": [
            {"message_id": "a", "role": "user", "sent_at": AT, "content": "hi"},
            {"message_id": "b", "role": "assistant", "sent_at": AT, "parent_id": "a", "content": [_CALL]},
            {"message_id": "c", "role": "tool", "sent_at": AT, "content": [_RESULT], "thread": "x"},
        ],
    },
    "claude-code": {
        "type": "user",
        "uuid": "b",
        "parentUuid": "a",
        "logicalParentUuid": None,
        "sessionId": "s",
        "isSidechain": True,
        "agentId": "g",
        "isMeta": False,
        "timestamp": AT,
        "toolUseResult": {"a": 1e30},
        "message": {
            "id": "m",
            "content": [
                {"type": "text", "text": "<command-name>x", "id": "odd"},
                {"type": "thinking", "thinking": "hm"},
                {"type": "redacted_thinking"},
                {"type": "image"},
                _CALL,
                _RESULT,
            ],
        },
    },
    "sharegpt": {
        "id": "c",
        "system": "s",
        "user_id": "u",
        "conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "é", "weight": 1}],
    },
    "openai-messages": {
        "conversation_id": 7,
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "\ud83d\ude00", "tool_calls": None},
        ],
    },
    "anthropic-messages": {
        "timestamp": AT,
        "completed_at": 1767600000,
        "conversation_id": 7,
        "user_id": "u",
        "request": {
            "model": "m",
            "system": [{"type": "text", "text": "s"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": " x "}, {"type": "text", "text": " "}]},
                {"role": "assistant", "content": "é"},
                {"role": "user", "content": "z"},
            ],
            "metadata": {"user_id": "user_0a_account_b-1_session_c"},
        },
        "response": {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "w", "citations": None}],
            "usage": {"input_tokens": 1},
        },
    },
    "otel-genai": {
        "span_id": "1",
        "startTimeUnixNano": "1767600000000000000",
        "end_time": AT,
        "attributes": {
            "user.id": "u",
            "gen_ai.conversation.id": "c",
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "s"}]),
            "gen_ai.input.messages": json.dumps(
                [
                    {"role": "user", "parts": [{"type": "text", "content": " x"}]},
                    {
                        "role": "assistant",
                        "parts": [{"type": "text", "content": "\ud83d\ude00"}],
                        "name": "n",
                    },
                    {"role": "user", "parts": []},
                ]
            ),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": "y"}], "finish_reason": "stop"}]
            ),
        },
    },
    "claude-export": {
        "uuid": "c",
        "created_at": AT,
        "chat_messages": [
            {"uuid": "m1", "sender": "human", "created_at": AT, "content": [{"type": "text", "text": "a"}]},
            {"uuid": "m2", "sender": "assistant", "created_at": AT, "text": "b"},
        ],
    },
}
_HELD = {"type": "queued_command", "prompt": "typed", "commandMode": "prompt", "origin": {"kind": "human"}}
_ENVELOPE = {"uuid": "q", "parentUuid": "b", "sessionId": "s", "timestamp": AT}
#: Further valid records of a format.
MORE: dict[str, list[dict[str, Any]]] = {
    "claude-code": [
        {**_ENVELOPE, "type": "attachment", "attachment": _HELD},
        {**_ENVELOPE, "type": "user", "origin": {"kind": "human"}, "message": {"content": "typed"}},
        {
            **_ENVELOPE,
            "type": "user",
            "turnCompanion": True,
            "message": {"content": [_RESULT | {"is_error": True}]},
        },
    ],
    "anthropic-messages": [
        {
            "timestamp": AT,
            "user_id": "u",
            "request": {
                "system": "s",
                "messages": [
                    {"role": "user", "content": "x"},
                    {
                        "role": "assistant",
                        "content": [{"type": "thinking", "thinking": "hm", "signature": "g"}, _CALL],
                    },
                    {
                        "role": "user",
                        "content": [_RESULT | {"is_error": True}, {"type": "text", "text": " and "}],
                    },
                    {"role": "assistant", "content": [_CALL | {"id": "v", "name": " "}, _CALL | {"id": "w"}]},
                    {"role": "user", "content": [_RESULT | {"tool_use_id": "w", "content": " z "}]},
                ],
            },
            "response": {"role": "assistant", "content": [{"type": "text", "text": "y"}, _CALL]},
        },
        {"timestamp": AT, "request": {"messages": [{"role": "user", "content": "x"}]}, "response": None},
        {"timestamp": AT, "request": {"body": json.dumps({"messages": []})}, "response": {"status": 500}},
    ],
    "openai-messages": [
        {
            "messages": [
                {"role": "developer", "content": "s"},
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": None, "tool_calls": [_FUNCTION, _FUNCTION | {"id": None}]},
                {"role": "tool", "tool_call_id": "t", "name": "ls", "content": "é"},
                {"role": "assistant", "content": " so ", "tool_calls": [_FUNCTION | {"id": "v"}]},
                {"role": "function", "name": "ls", "content": None},
                {"role": "assistant", "content": "", "tool_calls": []},
                {"role": "assistant", "content": None},
            ]
        },
        {"id": "c", "messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}]},
    ],
    "otel-genai": [
        {"start_time": AT, "attributes": {"gen_ai.input.messages": json.dumps(SPOKEN)}},
        {"resourceSpans": [{"scopeSpans": [{"spans": _OTLP_SPANS}]}]},
        {
            "attributes": {"gen_ai.prompt.0.content": "x", "gen_ai.completion.0.content": "y"},
            "start_time": AT,
        },
        {"attributes": {"gen_ai.request.model": "m"}, "start_time": AT},
    ],
}
#: How many of the first records of `MORE` are read by column; 0 for other formats.
FAST = {"openai-messages": 2, "otel-genai": 2, "anthropic-messages": 2}
TIMES = [
    "2026-01-05T10:00:00",
    "1960-01-01T00:00:00Z",
    "2026-01-05 10:00:00+05:30",
    1767600000,
    "x",
    "9" * 5000,
]


def records(form: str) -> list[dict[str, Any]]:
    """A valid record, the same with each field altered or missing, and with random alterations."""
    rng, good = random.Random(form), GOOD[form]
    made = [good, *(bent(rng, good) for _ in range(250))]
    for name in good:
        made += [{**copy.deepcopy(good), name: value} for value in [*STRANGE, *TIMES]]
        made.append({key: value for key, value in good.items() if key != name})
    for other in MORE.get(form, []):
        made += [other, *(bent(rng, other) for _ in range(60))]
    if form == "otel-genai":
        made += [
            {"start_time": AT, "attributes": {name: json.dumps(bent(rng, SPOKEN))}}
            for name in ("gen_ai.input.messages", "gen_ai.output.messages")
            for _ in range(100)
        ]
    return made


def damaged(form: str) -> list[bytes]:
    """Lines after power cuts, copies through other tools and disk errors."""
    rng = random.Random(f"damage {form}")
    found = []
    for record in [GOOD[form], *MORE.get(form, []), *(bent(rng, GOOD[form]) for _ in range(20))]:
        data = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")
        cut, at = rng.randrange(len(data)), rng.randrange(len(data))
        found += [
            data,
            data[:cut],
            b"\0" * 40 + data,
            data + b"\0" * 40,
            b"\0" * 40,
            data[:at] + b"\xff" + data[at + 1 :],
            data[:at] + bytes([rng.randrange(32, 127)]) + data[at + 1 :],
            data[:cut] + data,
            b" \t" + data + b" \r",
            b" \r",
            data[:-1] + b',"zz":1e999}',
            data[:-1] + b',"zz":"\\ud83d"}',
            data[:-1] + b"," + data[1:],
            b"[" + data + b"]",
            data.replace(b'"', b"'"),
        ]
    return found
