"""Messages in events of spans, in log records, and in the attributes of OpenInference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Block, Session
from tests.sources.calls.test_otel import CANARY, NANOS, any_value, span, text
from tests.support.source_files import Everything, read_all, write_lines
from transforms.sources.peek import peek_of
from transforms.sources.recognize import formats_of

_CALL = {"id": "t", "type": "function", "function": {"name": "ls", "arguments": '{"a": 1}'}}


def read(tmp_path: Path, *items: Any) -> Everything:
    path = write_lines(tmp_path / "spans.jsonl", items)
    assert formats_of(peek_of(str(path)))[0] == "otel-genai"
    return read_all([path], "otel-genai")


def said(session: Session) -> list[tuple[str, list[Any]]]:
    """Role and contents of each message."""
    return [
        (each.role, [block.text or block.name or block.content for block in blocks_of(each.content)])
        for each in session.messages
    ]


def blocks_of(content: Any) -> list[Block]:
    return [block for block in content if isinstance(block, Block)]


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": any_value(value)} for name, value in attributes.items()]


def event(name: str, **body: Any) -> dict[str, Any]:
    return {"name": name, "body": body}


TALK = [
    event("gen_ai.system.message", content="be brief"),
    event("gen_ai.user.message", content="q"),
    event("gen_ai.assistant.message", tool_calls=[_CALL]),
    event("gen_ai.tool.message", id="t", content="files"),
    event("gen_ai.choice", index=0, finish_reason="stop", message={"role": "assistant", "content": "a"}),
]
SAID = [
    ("system", ["be brief"]),
    ("user", ["q"]),
    ("assistant", ["ls"]),
    ("tool", ["files"]),
    ("assistant", ["a"]),
]


def as_attributes(one: dict[str, Any]) -> dict[str, Any]:
    """The event as spans have it: its fields are attributes, as JSON text if they are no text."""
    fields = {k: v if isinstance(v, str) else json.dumps(v) for k, v in one["body"].items()}
    return {"name": one["name"], "attributes": fields}


def as_content(one: dict[str, Any]) -> dict[str, Any]:
    return {"name": one["name"], "attributes": {"gen_ai.event.content": json.dumps(one["body"])}}


def as_log(one: dict[str, Any], **more: Any) -> dict[str, Any]:
    ids = {"traceId": "0a", "spanId": "0b", "timeUnixNano": NANOS["startTimeUnixNano"]}
    return {**ids, "attributes": pairs({"event.name": one["name"]}), "body": any_value(one["body"])} | more


def logs(*records: dict[str, Any]) -> dict[str, Any]:
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [*records]}]}]}


@pytest.mark.parametrize("form", [as_attributes, as_content, dict], ids=["attributes", "content", "body"])
def test_events_of_a_span_are_its_messages(tmp_path: Path, form: Any) -> None:
    """Instrumentations up to version 1.36 of the conventions write an event per message."""
    found = read(tmp_path, span({"gen_ai.system": "x"}, events=[form(one) for one in TALK]))
    assert not found.quarantined
    assert said(found.sessions[0]) == SAID


@pytest.mark.parametrize("given", [{"content": "new"}, {"message": "new"}])
def test_a_choice_may_have_its_text_in_an_attribute(tmp_path: Path, given: dict[str, str]) -> None:
    """Some agent frameworks write the answer so."""
    events = [{"name": "gen_ai.choice", "attributes": given}]
    assert said(read(tmp_path, span({}, events=events)).sessions[0]) == [("assistant", ["new"])]


def test_log_records_of_one_span_are_one_call(tmp_path: Path) -> None:
    """Events are log records in OTLP; the records of two spans may alternate."""
    other = [as_log(one, spanId="0c") for one in TALK[1:2]]
    records = [as_log(one) for one in TALK]
    found = read(tmp_path, logs(*records[:2], *other, *records[2:], as_log(event("other", content=CANARY))))
    assert [said(session) for session in found.sessions] == [SAID, [("user", ["q"])]]
    assert CANARY not in repr(found.sessions)


def test_log_records_without_a_span_are_calls_of_their_own(tmp_path: Path) -> None:
    """Without ids of trace and span nothing links two records; they must not become one call."""
    found = read(tmp_path, logs(*[as_log(one, traceId="", spanId="") for one in TALK[1:2] * 2]))
    assert [said(session) for session in found.sessions] == [[("user", ["q"])]] * 2


@pytest.mark.parametrize("as_json", [True, False])
def test_an_event_of_operation_details_is_a_call(tmp_path: Path, as_json: bool) -> None:
    """The form since version 1.37: the attributes of a span on one log record, structured."""
    messages = {
        "gen_ai.system_instructions": [{"type": "text", "content": "be brief"}],
        "gen_ai.input.messages": [text("user", "q")],
        "gen_ai.output.messages": [text("assistant", "a") | {"finish_reason": "stop"}],
    }
    given = {name: json.dumps(value) if as_json else value for name, value in messages.items()}
    attributes = pairs({"event.name": "gen_ai.client.inference.operation.details", **given})
    times = {"observedTimeUnixNano": NANOS["startTimeUnixNano"], "timeUnixNano": "0"}
    found = read(tmp_path, logs({**times, "attributes": attributes}))
    assert said(found.sessions[0]) == [("system", ["be brief"]), ("user", ["q"]), ("assistant", ["a"])]


def test_prompts_and_completions_of_the_first_conventions_are_read(tmp_path: Path) -> None:
    """Events `gen_ai.content.prompt` and `gen_ai.content.completion`, or attributes, with lists or text."""
    asked = {"gen_ai.prompt": json.dumps([{"role": "user", "content": "q"}])}
    answered = {"gen_ai.completion": "a"}
    events = [
        {"name": "gen_ai.content.prompt", "attributes": asked},
        {"name": "gen_ai.content.completion", "attributes": answered},
    ]
    found = read(tmp_path, span({}, events=events), span({**asked, **answered}))
    assert [said(session) for session in found.sessions] == [[("user", ["q"]), ("assistant", ["a"])]] * 2


_IN, _TOOL = "llm.input_messages", "llm.input_messages.1.message.tool_calls.0.tool_call"
FLAT = {
    "openinference.span.kind": "LLM",
    "session.id": "s-1",
    "user.id": "u1",
    "input.value": CANARY,
    f"{_IN}.0.message.role": "user",
    f"{_IN}.0.message.contents.0.message_content.type": "text",
    f"{_IN}.0.message.contents.0.message_content.text": "q",
    f"{_IN}.0.message.contents.1.message_content.type": "image",
    f"{_IN}.1.message.role": "assistant",
    f"{_TOOL}.id": "t",
    f"{_TOOL}.function.name": "ls",
    f"{_TOOL}.function.arguments": '{"a": 1}',
    f"{_IN}.2.message.role": "tool",
    f"{_IN}.2.message.tool_call_id": "t",
    f"{_IN}.2.message.content": "files",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "a",
}
_PARTS = [{"message_content": {"type": "text", "text": "q"}}, {"message_content": {"type": "image"}}]
_CALLS = [{"tool_call": {"id": "t", "function": {"name": "ls", "arguments": '{"a": 1}'}}}]
NESTED = {
    "session.id": "s-1",
    "user.id": "u1",
    "llm": {
        "input_messages": [
            {"message": {"role": "user", "contents": _PARTS}},
            {"message": {"role": "assistant", "tool_calls": _CALLS}},
            {"message": {"role": "tool", "tool_call_id": "t", "content": "files"}},
        ],
        "output_messages": [{"message": {"role": "assistant", "content": "a"}}],
    },
}


@pytest.mark.parametrize("attributes", [FLAT, NESTED], ids=["flat", "nested"])
def test_openinference_is_read(tmp_path: Path, attributes: dict[str, Any]) -> None:
    """Phoenix and Arize write these; `session.id` is the conversation."""
    (session,) = read(tmp_path, span(attributes)).sessions
    assert (session.conversation_id, session.user_id) == ("s-1", "u1")
    assert said(session) == [
        ("user", ["q", None]),
        ("assistant", ["ls"]),
        ("tool", ["files"]),
        ("assistant", ["a"]),
    ]
    assert blocks_of(session.messages[2].content)[0].tool_use_id == "t"
    assert CANARY not in repr(session)


def test_a_session_of_a_browser_is_no_conversation(tmp_path: Path) -> None:
    """Outside OpenInference `session.id` is that of a browser or device, which has many conversations."""
    messages = {"gen_ai.input.messages": json.dumps([text("user", "q")]), "session.id": "browser"}
    assert read(tmp_path, span(messages)).sessions[0].conversation_id != "browser"


_PART = {"role": "user", "parts": [{}]}
BAD = {
    "llm.input_messages[].role": span({f"{_IN}.0.message.role": "wizard"}),
    "llm.input_messages[].content": span({f"{_IN}.0.message.content": 5}),
    "gen_ai.user.message.content[]": span({}, events=[event("gen_ai.user.message", content=[5])]),
    "gen_ai.choice.tool_calls[].function": span(
        {}, events=[event("gen_ai.choice", message={"tool_calls": [{"function": 5}]})]
    ),
    "gen_ai.prompt[]": span({"gen_ai.prompt": "[5]"}),
    "gen_ai.input.messages[].parts[].type": span({"gen_ai.input.messages": [_PART]}),
}


@pytest.mark.parametrize(("field", "bad"), BAD.items(), ids=BAD)
def test_a_bad_span_is_named_by_its_field(tmp_path: Path, field: str, bad: dict[str, Any]) -> None:
    """It is one entry, and the spans around it are read."""
    good = span({"gen_ai.input.messages": [text("user", "x")]})
    found = read(tmp_path, good, bad, good)
    assert len(found.sessions) == 2
    assert [(entry.code, entry.field) for entry in found.quarantined] == [("bad_field", field)]


def test_spans_without_a_message_are_no_empty_success(tmp_path: Path) -> None:
    """A file of which nothing is read is one entry, however it is divided; with one message it is none.

    A file of web requests is none either: a folder may have thousands of them.
    """
    silent = [span({"gen_ai.system": "x", "llm.model_name": CANARY}) for _ in range(20)]
    path = write_lines(tmp_path / "spans.jsonl", silent)
    for size in (100, 1 << 20):
        (entry,) = read_all([path], "otel-genai", unit_bytes=size).quarantined
        assert (entry.code, entry.locator, entry.field) == ("no_messages", "file", "gen_ai.input.messages")
    good = span({"gen_ai.input.messages": [text("user", "x")]})
    web = span({"http.method": "GET", "url.full": CANARY})
    for items in ([*silent, good], [good, *silent], [{"resourceSpans": []}], [web, web]):
        write_lines(path, items)
        assert read_all([path], "otel-genai", unit_bytes=100).codes == []


def log_record(name: str, at: int, content: str, span_id: str = "b" * 16) -> dict[str, Any]:
    body = {"message": {"content": content}} if name == "gen_ai.choice" else {"content": content}
    ids = {"traceId": "a" * 32, "spanId": span_id}
    return {"timeUnixNano": f"{at}000000000", "eventName": name, "body": body} | ids


@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: logs(each)], ids=["single", "exports"])
def test_log_records_of_a_span_are_one_call_in_all_exports_of_a_file(tmp_path: Path, wrap: Any) -> None:
    """A collector writes what it has each second: a prompt and its answer are in different lines.

    Without that, each message was a conversation of its own, however small the units.
    """
    records = [
        log_record("gen_ai.user.message", 1_700_000_000, "q"),
        log_record("gen_ai.user.message", 1_700_000_001, "other", "c" * 16),
        log_record("gen_ai.choice", 1_700_000_002, "a"),
        log_record("gen_ai.choice", 1_700_000_003, "other answer", "c" * 16),
    ]
    path = write_lines(tmp_path / "logs.jsonl", [wrap(each) for each in records])
    found = read_all([path], "otel-genai", unit_bytes=100)
    assert found.codes == []
    assert [said(session) for session in found.sessions] == [
        [("user", ["q"]), ("assistant", ["a"])],
        [("user", ["other"]), ("assistant", ["other answer"])],
    ]
