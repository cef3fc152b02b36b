"""Odd times, parts and event forms in logs of known formats: the rest of a conversation is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.inspect import inspect


def _node(name: str, role: str, parent: str, **fields: Any) -> dict[str, Any]:
    message = {
        "id": name,
        "author": {"role": role},
        "create_time": 1_764_579_600.0,
        "content": {"content_type": "text", "parts": ["something said"]},
    }
    return {"id": name, "parent": parent, "children": [], "message": message | fields}


def _chatgpt(created: Any = 1_764_579_600.0, **of_answer: Any) -> Any:
    nodes = {
        "r": {"id": "r", "parent": None, "children": ["q"], "message": None},
        "q": _node("q", "user", "r") | {"children": ["a"]},
        "a": _node("a", "assistant", "q", **of_answer),
    }
    return [{"id": "odd", "create_time": created, "mapping": nodes, "current_node": "a"}]


def _spans(**span: Any) -> Any:
    own = {"traceId": "1" * 32, "spanId": "2" * 16, "startTimeUnixNano": "1764579600000000000", **span}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [own]}]}]}


def _texts(**attributes: str) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]


def _event(name: str, **attributes: str) -> dict[str, Any]:
    return {"name": name, "timeUnixNano": "1764579600000000000", "attributes": _texts(**attributes)}


def _log(name: str, body: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "timeUnixNano": "1764579600000000000",
        "traceId": "1" * 32,
        "spanId": "2" * 16,
        "attributes": _texts(**{"event.name": name}),
        "body": {"kvlistValue": {"values": body}},
    }


_ANSWER = {"kvlistValue": {"values": _texts(content="an answer")}}
_LOGS = [
    _log("gen_ai.user.message", _texts(content="a question")),
    _log("gen_ai.choice", [{"key": "message", "value": _ANSWER}]),
]
_OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "a question",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "an answer",
}
ODD: dict[str, tuple[str, Any]] = {
    "milliseconds of one message": ("chatgpt-export", _chatgpt(create_time=1_764_579_600_123)),
    "text as time of a conversation": ("chatgpt-export", _chatgpt("2025-12-01T09:00:00Z")),
    "null among the parts": (
        "chatgpt-export",
        _chatgpt(content={"content_type": "text", "parts": [None, "an answer"]}),
    ),
    "prompts in span events": (
        "otel-genai",
        _spans(
            attributes=_texts(**{"gen_ai.system": "x"}),
            events=[
                _event("gen_ai.content.prompt", **{"gen_ai.prompt": '[{"role":"user","content":"a"}]'}),
                _event(
                    "gen_ai.content.completion",
                    **{"gen_ai.completion": '[{"role":"assistant","content":"b"}]'},
                ),
            ],
        ),
    ),
    "numbered attributes": ("otel-genai", _spans(attributes=_texts(**_OPENINFERENCE))),
    "log events": ("otel-genai", {"resourceLogs": [{"scopeLogs": [{"logRecords": _LOGS}]}]}),
    "roles in a list of conversations": (
        "sharegpt",
        {"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_part_costs_no_conversation(tmp_path: Path, name: str) -> None:
    """Whole conversations were lost, or a file was of no known format."""
    source_format, content = ODD[name]
    path = tmp_path / "log.json"
    path.write_text(json.dumps(content))
    (found,) = inspect(str(path))["formats"]
    assert (found["format"], found["sessions"], found["messages"]) == (source_format, 1, 2)
    assert found["quarantined"] == {}
    assert found["roles"] == {"assistant": 1, "user": 1}
