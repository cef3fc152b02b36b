"""Request logs of the Anthropic Messages API: every call repeats the history of its conversation."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Block
from tests.support.source_files import Everything, read_all, utc, write_lines
from transforms.sources.calls.anthropic_stream import streamed_message

FORM = "anthropic-messages"
CANARY = "canary-9c1d"
AT = "2026-01-01T10:00:00Z"
LATER = "2026-01-01T10:05:00Z"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def model(content: Any, **fields: Any) -> dict[str, Any]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {"type": "message", "role": "assistant", "content": blocks, "id": CANARY, "usage": {}} | fields


def call(
    messages: list[Any], response: Any, at: str = AT, user_id: str | None = "u1", **more: Any
) -> dict[str, Any]:
    request = {"model": CANARY, "messages": messages, "tools": [{"name": CANARY}], **more}
    return {
        "timestamp": at,
        "request": request | ({"metadata": {"user_id": user_id}} if user_id else {}),
        "response": response,
        "headers": {"authorization": CANARY},
    }


def read(path: Path, *calls: Any) -> Everything:
    return read_all([write_lines(path / "log.jsonl", calls)], FORM)


def test_calls_of_one_conversation_have_the_same_ids(tmp_path: Path) -> None:
    """The second call repeats the first with its answer, with other block boundaries."""
    first = call(
        [user("hi")], model([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hello "}])
    )
    again = [
        user([{"type": "text", "text": "hi", "cache_control": {}}]),
        {"role": "assistant", "content": "hello"},
    ]
    second = call([*again, user("more")], model("fine"), LATER)
    found = read(tmp_path, first, second)
    one, two = found.sessions
    assert found.codes == []
    assert one.conversation_id == two.conversation_id
    assert [m.message_id for m in one.messages] == [m.message_id for m in two.messages][:2]
    assert [m.parent_id for m in two.messages] == [None, *(m.message_id for m in two.messages[:-1])]
    assert [(m.role, m.origin) for m in two.messages] == [("user", None), ("assistant", "model")] * 2
    assert one.user_id == "u1"
    assert [m.sent_at for m in one.messages] == [utc(AT)] * 2
    assert [m.sent_at for m in two.messages] == [utc(LATER)] * 4
    assert CANARY not in repr(found.sessions)


def test_conversations_that_only_begin_alike_stay_apart(tmp_path: Path) -> None:
    """Another user, or another answer: thousands of conversations begin with "hi"."""
    found = read(
        tmp_path,
        call([user("hi")], model("hello")),
        call([user("hi")], model("good day")),
        call([user("hi")], model("hello"), user_id="u2"),
        call([user("hi")], model("hello"), LATER),
    )
    ids = [session.conversation_id for session in found.sessions]
    assert len(set(ids)) == 3
    assert ids[3] == ids[0]


def test_histories_that_differ_are_branches(tmp_path: Path) -> None:
    """An edited message has the same parent as the original and another id."""
    start = [user("hi"), {"role": "assistant", "content": "hello"}]
    found = read(
        tmp_path, call([*start, user("a")], model("A")), call([*start, user("b")], model("B"), LATER)
    )
    one, two = found.sessions
    assert one.conversation_id == two.conversation_id
    assert one.messages[2].parent_id == two.messages[2].parent_id == one.messages[1].message_id
    assert one.messages[2].message_id != two.messages[2].message_id


def test_tool_results_and_text_beside_them_are_separate_messages(tmp_path: Path) -> None:
    """The API puts both into one user message; only the text is typed by a person."""
    asked = {"type": "tool_use", "id": "t1", "name": "ls", "input": {"path": "."}, "caller": CANARY}
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "a.py"}, {"type": "image"}],
    }
    found = read(
        tmp_path,
        call(
            [
                user("look"),
                {"role": "assistant", "content": [asked]},
                user([result, {"type": "text", "text": "and?"}]),
            ],
            model(
                [
                    {"type": "text", "text": "ok"},
                    {"type": "redacted_thinking", "data": CANARY},
                    {"type": "web_thing"},
                ]
            ),
            system=[{"type": "text", "text": "be kind"}],
        ),
    )
    (session,) = found.sessions
    assert [(m.role, m.origin) for m in session.messages] == [
        ("system", None),
        ("user", None),
        ("assistant", "model"),
        ("tool", "tool"),
        ("user", None),
        ("assistant", "model"),
    ]
    system, _, tool_use, tool, beside, last = (m.content for m in session.messages)
    assert system == [Block("text", text="be kind")]
    assert tool_use == [Block("tool_use", id="t1", name="ls", input={"path": "."})]
    assert tool[0].tool_use_id == "t1"  # type: ignore[index, union-attr]
    assert tool[0].content == [{"type": "text", "text": "a.py"}, {"type": "image"}]  # type: ignore[index, union-attr]
    assert beside == [Block("text", text="and?")]
    assert last == [Block("text", text="ok"), Block("web_thing")]
    assert CANARY not in repr(session)


def events(*found: dict[str, Any]) -> str:
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in found)


STREAM = (
    {"type": "message_start", "message": {"role": "assistant", "content": [], "type": "message"}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": CANARY}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "I look "}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "now 😀"}},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "t", "name": "ls", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "input_json_delta", "partial_json": '{"a": '},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    {"type": "message_stop"},
)


@pytest.mark.parametrize(
    "wrap", [lambda text: text, lambda text: {"body": text}, lambda text: {"body": {"string": text}}]
)
def test_a_streamed_answer_is_put_together(tmp_path: Path, wrap: Any) -> None:
    """Alone, as `body`, or as cassettes have it; requests may be JSON text."""
    logged = call([user("go")], wrap(events(*STREAM)))
    logged["request"] = wrap(json.dumps(logged["request"]))
    (session,) = read(tmp_path, logged).sessions
    assert session.messages[1].content == [
        Block("thinking", thinking="hm"),
        Block("text", text="I look now 😀"),
        Block("tool_use", id="t", name="ls", input={"a": 1}),
    ]


def test_a_cut_stream_gives_what_was_received() -> None:
    """At any event: the texts up to the cut, and no call with incomplete input."""
    for end in range(1, len(STREAM)):
        found = streamed_message(events(*STREAM[:end]))
        assert found is not None
        kinds = [block["type"] for block in found["content"]]
        assert kinds == ["thinking", "text", "tool_use"][: len(kinds)]
        assert end != 11 or kinds == ["thinking", "text"]
    assert streamed_message("data: {broken\n\nnonsense") is None


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("user_ab12_account_0c0ffee0-1_session_9", "0c0ffee0-1"),
        ("user_ab12_account__session_9", "ab12"),
        ('{"device_id": "d", "account_uuid": "a", "session_id": "s"}', "a"),
        ('{"device_id": "d", "account_uuid": "", "session_id": "s"}', "d"),
        ("{odd", "{odd"),
        ("plain", "plain"),
    ],
)
def test_the_user_is_the_account_and_not_the_session(tmp_path: Path, named: str, expected: str) -> None:
    """With a user id per session, consent of the user would not be found."""
    (session,) = read(tmp_path, call([user("hi")], model("x"), user_id=named)).sessions
    assert session.user_id == expected


@pytest.mark.parametrize(
    "at", ["2026-01-01T10:00:00Z", 1767261600, 1767261600000, 1767261600.0, "1767261600"]
)
def test_times_are_text_or_numbers_since_1970(tmp_path: Path, at: Any) -> None:
    """Gateways log seconds or milliseconds."""
    (session,) = read(tmp_path, call([user("hi")], model("x"), at)).sessions
    assert session.created_at == dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC)


@pytest.mark.parametrize("response", [None, {"type": "error", "error": {"message": CANARY}}, model([])])
def test_a_call_that_failed_has_no_answer(tmp_path: Path, response: Any) -> None:
    """Its prompt is read without an answer."""
    (session,) = read(tmp_path, call([user("hi")], response)).sessions
    assert [message.role for message in session.messages] == ["user"]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param({}, "missing_field", id="no request"),
        pytest.param({"request": 5}, "bad_field", id="a number for a request"),
        pytest.param({"request": {}}, "missing_field", id="no messages"),
        pytest.param({"request": {"messages": "x"}}, "bad_field", id="text for messages"),
        pytest.param(call([user("x")], model("y"), at="2026-01-01T10:00:00"), "naive_timestamp", id="naive"),
        pytest.param(call([user("x")], model("y"), at="soon"), "bad_timestamp", id="no time"),
        pytest.param(call([user("x")], model("y"), at=5), "bad_timestamp", id="a strange number"),
        pytest.param(
            call([user("x")], model("y")) | {"timestamp": None}, "missing_field", id="no time at all"
        ),
        pytest.param(call([{"role": "wizard", "content": "x"}], None), "bad_field", id="a role nobody has"),
        pytest.param(call([5], None), "bad_field", id="a number for a message"),
        pytest.param(call([user([5])], None), "bad_field", id="a number for a block"),
        pytest.param(call([user(5)], None), "bad_field", id="a number for content"),
        pytest.param(call([], None), "missing_field", id="nothing said"),
        pytest.param(call([user("x")], 5), "bad_field", id="a number for a response"),
        pytest.param(call([user("x")], None, user_id=7), "bad_field", id="a number for a user"),  # type: ignore[arg-type]
        pytest.param(
            {"request": {"messages": [user("x")], "metadata": "bob"}}, "bad_field", id="text for metadata"
        ),
        pytest.param(
            b'{"request": {"messages": [{"role": "user", "content": "\\ud83d"}]}}',
            "invalid_unicode",
            id="half",
        ),
        pytest.param(b"{", "malformed_json", id="broken"),
        pytest.param(b"[]", "not_an_object", id="a list"),
        pytest.param(b"\xff", "invalid_unicode", id="bytes"),
    ],
)
def test_a_bad_record_costs_itself_alone(tmp_path: Path, bad: Any, code: str) -> None:
    """It has one entry with its code, and the records around it are read."""
    good = [call([user(text)], model("y")) for text in "ab"]
    found = read(tmp_path, good[0], bad, good[1])
    assert found.codes == [code]
    assert len(found.sessions) == 2


def test_lines_arrays_and_single_objects_hold_the_same(tmp_path: Path) -> None:
    """Logs are written in all of these forms."""
    calls = [call([user(text)], model("y")) for text in "abc"]
    lined = read(tmp_path, *calls).sessions
    (tmp_path / "array.json").write_text(json.dumps(calls, indent=1))
    assert read_all([tmp_path / "array.json"], FORM).sessions == lined
    (tmp_path / "one.json").write_text(json.dumps(calls[0], indent=1))
    assert read_all([tmp_path / "one.json"], FORM).sessions == lined[:1]
