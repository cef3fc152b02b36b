"""Unusual Claude Code lines: each gives a message or a fault, and the lines around it are read."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Block, Limits
from tests.support.claude_code_logs import ADDED, answer, call, line, read, result, shape
from tests.support.records_of_formats import damaged, records
from tests.support.source_files import read_all, write_lines

BEFORE = [line("u1"), answer("a1", "u1", "t1")]
AFTER = [line("u3", "a1"), answer("a3", "u3", "t3")]
SHAPE = [("u1", None), ("a1", "u1"), ("u3", "a1"), ("a3", "u3")]
DEEP: Any = functools.reduce(lambda value, _: [value], range(101))


@pytest.mark.parametrize(
    ("unusual", "messages", "codes"),
    [
        pytest.param(
            line("o", "a1", [*result("x"), {"type": "text", "text": "and"}], uuid="u1/said"),
            [("u1/said", "a1"), ("u1/said/said", "u1/said")],
            [],
            id="a uuid like that of texts beside a result",
        ),
        pytest.param(line("o", "a1", [{"type": "tool_result", "content": 5}]), [], ["bad_field"]),
        pytest.param(
            answer(
                "o", "a1", "t", [{"type": "text", "text": "a", "input": 1}, {"type": "redacted_thinking"}]
            ),
            [("o", "a1")],
            [],
            id="a field of another block type",
        ),
        pytest.param(
            answer("o", "a1", "t", [{"type": "tool_use", "input": DEEP}]), [("o", "a1")], [], id="deep input"
        ),
        pytest.param(
            {"type": "attachment", "uuid": "o", "attachment": {"type": "queued_command", "prompt": "and"}},
            [],
            ["missing_field"],
            id="a queued prompt without a time",
        ),
    ],
)
def test_an_unusual_line_costs_no_other(
    tmp_path: Path, unusual: dict[str, Any], messages: list[tuple[str, str]], codes: list[str]
) -> None:
    """The lines around it are one conversation with or without it."""
    found = read(tmp_path, {"log.jsonl": [*BEFORE, unusual, *AFTER]})
    assert found.codes == codes
    assert [shape(session) for session in found.sessions] == [[*SHAPE[:2], *messages, *SHAPE[2:]]]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"timestamp": "1960-01-01T00:00:00Z"}, "bad_timestamp"),
        ({"timestamp": "2300-01-01T00:00:00Z"}, "bad_timestamp"),
    ],
)
def test_a_session_with_an_impossible_time_is_quarantined_whole(
    tmp_path: Path, value: dict[str, Any], code: str
) -> None:
    """Without the message, its answer would be decided by the times of others."""
    found = read(tmp_path, {"log.jsonl": [*BEFORE, line("o", "a1", **value), *AFTER, line("v1")]})
    assert found.codes == [code]
    assert [shape(session) for session in found.sessions] == [[("v1", None)]]


def test_input_nested_too_deep_quarantines_its_session(tmp_path: Path) -> None:
    """Later stages walk tool inputs by recursion."""
    deeper = [{"type": "tool_use", "id": "c", "name": "x", "input": [DEEP]}]
    found = read(tmp_path, {"log.jsonl": [*BEFORE, answer("o", "a1", "t", deeper), line("v1")]})
    assert found.codes == ["malformed_json"]
    assert [session.conversation_id for session in found.sessions] == ["v1"]


def test_every_altered_line_is_a_message_or_a_fault(tmp_path: Path) -> None:
    """Hundreds of lines with one field changed; none raises, and none takes another conversation with it."""
    for number, altered in enumerate(records("claude-code")):
        path = write_lines(tmp_path / f"{number}.jsonl", [line("x1"), altered, answer("y1", "x1", "ty")])
        found = read_all([path], "claude-code", ADDED)
        kept = [pair for session in found.sessions for pair in shape(session)]
        assert {("x1", None), ("y1", "x1")} <= {*kept}
        assert len(found.quarantined) <= 1


def test_every_damaged_line_is_a_message_or_a_fault(tmp_path: Path) -> None:
    """Cut, doubled and overwritten bytes cost their line; the lines around them are read."""
    for number, bad in enumerate(damaged("claude-code")):
        path = write_lines(tmp_path / f"{number}.jsonl", [line("x1"), bad, answer("y1", "x1", "ty")])
        found = read_all([path], "claude-code", ADDED)
        kept = [pair for session in found.sessions for pair in shape(session)]
        assert {("x1", None), ("y1", "x1")} <= {*kept}
        assert len(found.quarantined) <= 1


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    """Copies through other tools have them."""
    path = tmp_path / "a.jsonl"
    lines = [json.dumps(item).encode() for item in [*BEFORE, *AFTER]]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    found = read_all([path], "claude-code", ADDED)
    assert ([shape(session) for session in found.sessions], found.codes) == ([SHAPE], [])


def test_a_line_of_a_megabyte_is_read(tmp_path: Path) -> None:
    """An image or a tool's output is one line, longer than what is read from the file at once."""
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 1_200_000}}
    found = read(tmp_path, {"a.jsonl": [*BEFORE, line("u2", "a1", [image]), answer("a2", "u2", "t2")]})
    assert [shape(session) for session in found.sessions] == [[*SHAPE[:2], ("u2", "a1"), ("a2", "u2")]]
    assert found.sessions[0].messages[2].content == [Block("image")]


def test_an_oversize_line_does_not_cut_its_conversation_in_two(tmp_path: Path) -> None:
    """It is not decoded, so what follows it is linked to the line before it."""
    long = line("u2", "a1", "x" * 5_000)
    path = write_lines(tmp_path / "a.jsonl", [*BEFORE, long, answer("a2", "u2", "t2")])
    small = dataclasses.replace(ADDED, limits=Limits(max_record_bytes=4_000))
    found = read_all([path], "claude-code", small)
    assert found.codes == ["oversize_record"]
    assert [shape(session) for session in found.sessions] == [[*SHAPE[:2], ("a2", "a1")]]


def test_json_over_several_lines_and_console_output_are_faults_line_by_line(tmp_path: Path) -> None:
    """Files named .jsonl may hold other things; each line has its entry, and sessions beside it are read."""
    pretty = json.dumps(BEFORE, indent=1).splitlines()
    console = ["$ claude --print", "Error: no network"]
    for number, text in enumerate((pretty, console)):
        folder = tmp_path / str(number)
        found = read(folder, {"a.jsonl": BEFORE, "task.jsonl": [each.encode() for each in text]})
        assert [shape(session) for session in found.sessions] == [SHAPE[:2]]
        assert len(found.quarantined) == len(text)


def test_contents_of_every_recorded_form_are_read(tmp_path: Path) -> None:
    """Results may be empty, or lists with images; thoughts may be empty beside their signature."""
    forms: list[tuple[Any, list[Block]]] = [
        ("", [Block("tool_result", tool_use_id="c1", content="")]),
        (None, [Block("tool_result", tool_use_id="c1")]),
        (
            [{"type": "image", "source": {}}, {"type": "tool_reference", "tool_name": "x"}],
            [Block("tool_result", tool_use_id="c1", content=[Block("image"), Block("tool_reference")])],
        ),
    ]
    thought = [{"type": "thinking", "thinking": "", "signature": "s"}, *call("c1")]
    for number, (content, blocks) in enumerate(forms):
        given = [{"type": "tool_result", "tool_use_id": "c1", "content": content}]
        lines = [line("u1"), answer("a1", "u1", "t1", thought), line("r1", "a1", given)]
        (session,) = read(tmp_path / str(number), {"a.jsonl": lines}).sessions
        assert session.messages[1].content == [
            Block("thinking", thinking=""),
            Block("tool_use", id="c1", name="Read", input={}),
        ]
        assert session.messages[2].content == blocks
