"""Records of other people's formats, bent in any place: a session or a fault, and never an error of ours."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Defaults
from tests.support.fields_at_fault import assert_fields_are_named
from tests.support.source_files import CONTEXT, read_all, write_lines

AT = "2026-01-05T10:00:00Z"
TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),))
STRANGE: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    "",
    " ",
    "x" * 3,
    [],
    [[]],
    {},
    {"a": []},
    [None],
    ["x"],
    [{}],
]
_CALL = {"type": "tool_use", "id": "t", "name": "ls", "input": {"a": [1]}}
_RESULT = {
    "type": "tool_result",
    "tool_use_id": "t",
    "content": [{"type": "text", "text": "y"}],
    "is_error": True,
}
_PARTS = [
    {"type": "text", "content": "a"},
    {"type": "tool_call", "id": "t", "name": "ls", "arguments": {"a": 1}},
    {"type": "tool_call_response", "id": "t", "response": {"b": 2}},
    {"type": "reasoning", "content": "hm"},
    {"type": "uri", "modality": "image"},
]
WHOLE: dict[str, dict[str, Any]] = {
    "anthropic-messages": {
        "timestamp": AT,
        "conversation_id": "c",
        "user_id": "u",
        "request": {
            "system": [{"type": "text", "text": "s"}],
            "metadata": {"user_id": "u"},
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, _CALL]},
                {"role": "user", "content": [_RESULT, {"type": "text", "text": "z"}, {"type": "image"}]},
            ],
        },
        "response": {
            "body": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}]}
        },
    },
    "otel-genai": {
        "start_time": AT,
        "end_time": AT,
        "events": [{"attributes": {"x": 1}}],
        "attributes": {
            "gen_ai.conversation.id": "c",
            "user.id": "u",
            "gen_ai.system_instructions": [{"type": "text", "content": "s"}],
            "gen_ai.input.messages": [{"role": "user", "parts": _PARTS}],
            "gen_ai.output.messages": [{"role": "assistant", "parts": _PARTS}],
        },
    },
    "otlp": {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "startTimeUnixNano": "1767261600000000000",
                                "attributes": [
                                    {"key": "gen_ai.prompt.0.content", "value": {"stringValue": "a"}},
                                    {
                                        "key": "gen_ai.prompt.1.tool_calls.0.arguments",
                                        "value": {"stringValue": "{"},
                                    },
                                    {"key": "gen_ai.completion.0.content", "value": {"stringValue": "b"}},
                                    {"key": "x", "value": {"kvlistValue": {"values": [{"key": "y"}]}}},
                                ],
                            }
                        ]
                    }
                ]
            }
        ]
    },
    "openai-messages": {
        "id": "c",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]},
            {"role": "assistant", "tool_calls": [{"id": "t", "function": {"name": "ls", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "t", "content": "x"},
        ],
    },
    "sharegpt": {"id": "c", "system": "s", "conversations": [{"from": "human", "value": "x"}]},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a value."""
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from places(child, (*path, key))


def bent(rng: random.Random, whole: dict[str, Any]) -> dict[str, Any]:
    """A copy with some parts replaced by strange ones, or left out."""
    made = copy.deepcopy(whole)
    for _ in range(rng.randint(1, 3)):
        *way, last = rng.choice([path for path in places(made) if path])
        holder: Any = made
        for key in way:
            holder = holder[key]
        if isinstance(holder, dict) and rng.random() < 0.2:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(rng.choice(STRANGE))
        if not made:
            return made
    return made


@pytest.mark.parametrize("name", WHOLE)
def test_a_bent_record_never_costs_another(tmp_path: Path, name: str) -> None:
    """What an adapter did not foresee would end the file there, and lose all that follows."""
    form = "otel-genai" if name == "otlp" else name
    rng, good = random.Random(name), WHOLE[name]
    records = [good, *(bent(rng, good) for _ in range(1_500)), good]
    found = read_all([write_lines(tmp_path / "log.jsonl", records)], form, TIMED)
    assert "truncated_input" not in found.codes
    assert len(found.sessions) + len(found.quarantined) <= len(records)
    assert found.sessions[0] == found.sessions[-1]
    assert 100 < len(found.quarantined) < 1_400
    if "otel" not in form:
        assert len(found.sessions) + len(found.quarantined) == len(records)
    assert_fields_are_named(found.quarantined)


EXPORTED: dict[str, dict[str, Any]] = {
    "claude-export": {
        "uuid": "c",
        "created_at": AT,
        "account": {"uuid": "u"},
        "current_leaf_message_uuid": "m2",
        "chat_messages": [
            {
                "uuid": "m1",
                "sender": "human",
                "created_at": AT,
                "text": "a",
                "content": [{"type": "text", "text": "a"}, {"type": "token_budget"}],
                "attachments": [{"file_name": "x", "extracted_content": "y"}],
                "files": [{"file_name": "x"}],
            },
            {
                "uuid": "m2",
                "sender": "assistant",
                "created_at": AT,
                "parent_message_uuid": "m1",
                "content": [
                    {"type": "tool_use", "id": "t", "name": "ls", "input": {"a": 1}},
                    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "y"}]},
                ],
            },
        ],
    },
    "chatgpt-export": {
        "id": "c",
        "create_time": 1767261600.5,
        "current_node": "n2",
        "mapping": {
            "n0": {"id": "n0", "parent": None, "children": ["n1"], "message": None},
            "n1": {
                "id": "n1",
                "parent": "n0",
                "children": ["n2"],
                "message": {
                    "author": {"role": "user"},
                    "create_time": 1767261600.5,
                    "content": {
                        "content_type": "multimodal_text",
                        "parts": ["a", {"content_type": "image_asset_pointer"}],
                    },
                    "metadata": {"is_user_system_message": False},
                    "weight": 1.0,
                },
            },
            "n2": {
                "id": "n2",
                "parent": "n1",
                "message": {
                    "author": {"role": "assistant"},
                    "content": {"content_type": "thoughts", "thoughts": [{"content": "hm"}]},
                    "recipient": "python",
                },
            },
        },
    },
}


@pytest.mark.parametrize("form", EXPORTED)
def test_a_bent_conversation_never_costs_another(tmp_path: Path, form: str) -> None:
    """Every item of an export is a session or a fault."""
    rng, good = random.Random(form), EXPORTED[form]
    items = [good, *(bent(rng, good) for _ in range(1_500)), good]
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(items))
    found = read_all([path], form, TIMED)
    whole = [entry for entry in found.quarantined if not entry.is_part]
    assert len(found.sessions) + len(whole) == len(items)
    assert found.sessions[0] == found.sessions[-1]
    assert 10 < len(whole) < 1_400
    assert len(found.quarantined) > len(whole) + 100
    assert_fields_are_named(found.quarantined)


def test_bent_lines_of_a_session_never_cost_the_file(tmp_path: Path) -> None:
    """Lines bent anywhere, links included: each line with a fault is one entry, and the rest is read."""
    rng = random.Random(1)
    line = {"sessionId": "s", "timestamp": AT, "version": "2.1.0", "isSidechain": False, "cwd": "/w"}
    turns: list[dict[str, Any]] = []
    for n in range(600):
        body: Any = {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}
        if n % 2:
            body = {"id": f"msg{n}", "content": [{"type": "thinking", "thinking": "hm"}, _CALL]}
        kind = "assistant" if n % 2 else "user"
        link = {"uuid": f"u{n}", "parentUuid": f"u{n - 1}" if n else None}
        turns.append({**line, **link, "type": kind, "message": body})
    bad = [bent(rng, turn) if rng.random() < 0.5 else turn for turn in turns]
    found = read_all([write_lines(tmp_path / "s.jsonl", bad)], "claude-code")
    intact = {f"u{n}" for n, turn in enumerate(turns) if bad[n] is turn}
    assert intact <= {m.message_id for session in found.sessions for m in session.messages}
    assert 50 < len(found.quarantined) < 300
