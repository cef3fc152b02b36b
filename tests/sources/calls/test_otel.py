"""OpenTelemetry spans of generative AI calls: OTLP, single spans, and older attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Block
from tests.support.source_files import Everything, read_all, utc, write_lines

CANARY = "canary-77aa"
AT, END = "2026-01-01T10:00:00Z", "2026-01-01T10:00:09Z"
NANOS = {"startTimeUnixNano": "1767261600000000000", "endTimeUnixNano": "1767261609000000000"}


def text(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": each} for each in texts]}


def attributes_of(given: list[Any], taken: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "gen_ai.conversation.id": "c1",
        "gen_ai.input.messages": json.dumps(given),
        "gen_ai.output.messages": json.dumps(taken),
        "user.id": "u1",
        "http.url": CANARY,
        "server.address": CANARY,
    } | more


def span(attributes: Any, **more: Any) -> dict[str, Any]:
    return {"trace_id": CANARY, "span_id": "s", "name": CANARY, "start_time": AT, "end_time": END} | {
        "attributes": attributes,
        **more,
    }


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    return {"kvlistValue": {"values": [{"key": k, "value": any_value(v)} for k, v in value.items()]}}


def otlp(*attributes: dict[str, Any]) -> dict[str, Any]:
    pairs = [[{"key": k, "value": any_value(v)} for k, v in each.items()] for each in attributes]
    spans = [
        {"traceId": CANARY, "spanId": "s", "name": CANARY, **NANOS, "attributes": each} for each in pairs
    ]
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": CANARY}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}


def read(path: Path, *items: Any) -> Everything:
    return read_all([write_lines(path / "spans.jsonl", items)], "otel-genai")


TURNS = attributes_of(
    [
        text("user", "look"),
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "id": "t1", "name": "ls", "arguments": {"path": "."}},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "a.py"}]},
        {
            "role": "user",
            "parts": [
                {"type": "uri", "modality": "image", "uri": CANARY},
                {"type": "blob", "content": CANARY},
            ],
        },
    ],
    [{**text("assistant", "done"), "finish_reason": "stop"}],
    **{"gen_ai.system_instructions": json.dumps([{"type": "text", "content": "be kind"}])},
)


@pytest.mark.parametrize("item", [span(TURNS), otlp(TURNS)], ids=["flat", "otlp"])
def test_only_the_messages_of_a_span_are_read(tmp_path: Path, item: dict[str, Any]) -> None:
    """Texts, calls, results and thoughts are read; hosts, addresses, images and span names are not."""
    found = read(tmp_path, item)
    (session,) = found.sessions
    assert found.codes == []
    assert (session.conversation_id, session.user_id) == ("c1", "u1")
    assert [m.role for m in session.messages] == ["system", "user", "assistant", "tool", "user", "assistant"]
    assert [m.content for m in session.messages] == [
        [Block("text", text="be kind")],
        [Block("text", text="look")],
        [Block("thinking", thinking="hm"), Block("tool_use", id="t1", name="ls", input={"path": "."})],
        [Block("tool_result", tool_use_id="t1", content="a.py")],
        [Block("image"), Block("document")],
        [Block("text", text="done")],
    ]
    assert [m.sent_at for m in session.messages] == [utc(AT)] * 5 + [utc(END)]
    assert CANARY not in repr(session)


def test_spans_that_repeat_the_history_are_one_conversation(tmp_path: Path) -> None:
    """Each span repeats the history; a message id is a digest of the turns up to the message."""
    first = attributes_of([text("user", "a")], [text("assistant", "b")])
    second = attributes_of(
        [text("user", "a"), text("assistant", "b"), text("user", "c")], [text("assistant", "d")]
    )
    found = read(tmp_path, otlp(first, second), span(second))
    ids = [[m.message_id for m in session.messages] for session in found.sessions]
    assert [len(each) for each in ids] == [2, 4, 4]
    assert ids[1][:2] == ids[0]
    assert ids[2] == ids[1]
    for attributes in (first, second):
        del attributes["gen_ai.conversation.id"]
    found = read(tmp_path, span(first), span(second))
    assert len({session.conversation_id for session in found.sessions}) == 1


def test_values_may_be_structures_or_belong_to_an_event(tmp_path: Path) -> None:
    """Some exporters write attributes as structures, some put contents on an event of the span."""
    plain = attributes_of([text("user", "a")], [text("assistant", "b")])
    deep = plain | {
        "gen_ai.input.messages": [text("user", "a")],
        "gen_ai.output.messages": [text("assistant", "b")],
    }
    empty = {name: value for name, value in plain.items() if "messages" not in name}
    event = {"attributes": {name: value for name, value in plain.items() if "messages" in name}}
    found = read(tmp_path, span(plain), otlp(deep), span(deep), span(empty, events=[event]))
    assert found.codes == []
    assert len({repr(s.messages) for s in found.sessions}) == 1
    assert len(found.sessions) == 4


def test_numbered_attributes_of_older_instrumentations_are_read(tmp_path: Path) -> None:
    """`gen_ai.prompt.N` and `gen_ai.completion.N`, in the order of their numbers."""
    attributes = {
        "gen_ai.prompt.10.role": "user",
        "gen_ai.prompt.10.content": "last",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "be kind",
        "gen_ai.prompt.2.role": "tool",
        "gen_ai.prompt.2.content": "a.py",
        "gen_ai.prompt.2.tool_call_id": "t1",
        "gen_ai.prompt.1.role": "assistant",
        "gen_ai.prompt.1.tool_calls.0.id": "t1",
        "gen_ai.prompt.1.tool_calls.0.name": "ls",
        "gen_ai.prompt.1.tool_calls.0.arguments": '{"path": "."}',
        "gen_ai.completion.0.content": "done",
        "gen_ai.usage.prompt_tokens": 5,
    }
    (session,) = read(tmp_path, span(attributes)).sessions
    assert [(m.role, m.content) for m in session.messages] == [
        ("system", [Block("text", text="be kind")]),
        ("assistant", [Block("tool_use", id="t1", name="ls", input={"path": "."})]),
        ("tool", [Block("tool_result", tool_use_id="t1", content="a.py")]),
        ("user", [Block("text", text="last")]),
        ("assistant", [Block("text", text="done")]),
    ]


def test_several_choices_are_alternatives(tmp_path: Path) -> None:
    """They answer the same message, so they are its children."""
    (session,) = read(
        tmp_path, span(attributes_of([text("user", "a")], [text("assistant", "b"), text("assistant", "c")]))
    ).sessions
    asked, *choices = session.messages
    assert [choice.parent_id for choice in choices] == [asked.message_id] * 2
    assert choices[0].message_id != choices[1].message_id


def test_spans_without_messages_are_dropped(tmp_path: Path) -> None:
    """Most spans of a trace are of databases and requests: no sessions, and no faults."""
    spoken = span(attributes_of([text("user", "x")], []))
    silent = [span({"http.method": "GET"}), otlp({"db.system": "x"}), {"resourceSpans": []}, span(None)]
    found = read(tmp_path, *silent, spoken)
    assert (len(found.sessions), found.codes) == (1, [])


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param(
            span(attributes_of([{"role": "wizard", "parts": []}], [])), "bad_field", id="a role nobody has"
        ),
        pytest.param(span(attributes_of([5], [])), "bad_field", id="a number for a message"),
        pytest.param(
            span(attributes_of([text("user", "x")], [], **{"user.id": 5})),
            "bad_field",
            id="a number for a user",
        ),
        pytest.param(span({"gen_ai.input.messages": "{broken"}), "malformed_json", id="broken inside"),
        pytest.param(span({"gen_ai.input.messages": {"a": 1}}), "bad_field", id="an object for a list"),
        pytest.param(
            span(attributes_of([text("user", "x")], []), start_time="2026-01-01T10:00:00"),
            "naive_timestamp",
            id="naive",
        ),
        pytest.param(
            span(attributes_of([text("user", "x")], []), start_time=None), "missing_field", id="no time"
        ),
        pytest.param(
            span(attributes_of([{"role": "user", "parts": [{"type": "text", "content": 5}]}], [])),
            "bad_field",
            id="text",
        ),
        pytest.param(
            {"resourceSpans": [{"scopeSpans": [{"spans": [7]}]}]}, "not_an_object", id="a number for a span"
        ),
        pytest.param(b"{", "malformed_json", id="broken"),
        pytest.param(b'{"attributes": ' + b"[" * 5000, "malformed_json", id="nested and cut"),
    ],
)
def test_a_bad_span_does_not_affect_others(tmp_path: Path, bad: Any, code: str) -> None:
    """It has one entry with its code, and the records around it are read."""
    good = [span(attributes_of([text("user", each)], [text("assistant", "y")])) for each in "ab"]
    found = read(tmp_path, good[0], bad, good[1])
    assert found.codes == [code]
    assert len(found.sessions) == 2


def test_values_nested_too_deep_are_refused(tmp_path: Path) -> None:
    """Thousands of nested lists would end a walk by recursion."""
    value: Any = {"stringValue": "x"}
    for _ in range(300):
        value = {"arrayValue": {"values": [value]}}
    item = {"attributes": [{"key": "gen_ai.input.messages", "value": value}], "start_time": AT}
    assert read(tmp_path, item).codes == ["malformed_json"]
