"""Lines of Claude Code logs: origins, fields that are read, and codes of bad lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.tables import HUMAN
from tests.support.claude_code_logs import ADDED, answer, line, read, result, shape
from tests.support.source_files import read_all


@pytest.mark.parametrize(
    ("content", "fields", "origin"),
    [
        ("fix the bug", {}, "human"),
        ("<command-name>/clear</command-name>", {}, "harness"),
        ("<local-command-stdout>x</local-command-stdout>", {}, "harness"),
        ("<bash-input>ls</bash-input>", {}, "harness"),
        ("<system-reminder>x</system-reminder>", {}, "harness"),
        ("<ide_opened_file>x</ide_opened_file>", {}, "harness"),
        ("<task-notification>x</task-notification>", {}, "harness"),
        ("[Request interrupted by user]", {}, "harness"),
        ("Caveat: The messages below", {}, "harness"),
        ("caveat: my own words", {}, "human"),
        ("see <command-name>", {}, "human"),
        (" ", {}, "harness"),
        ([], {}, "harness"),
        ("meta", {"isMeta": True}, "harness"),
        ("short version", {"isCompactSummary": True}, "summary"),
        ("prompt", {"isSidechain": True}, "model"),
        ([{"type": "text", "text": "<system-reminder>x"}, {"type": "text", "text": "fix"}], {}, "human"),
        ("<system-reminder>x</system-reminder>\n<ide_selection>y</ide_selection> fix", {}, "human"),
        ("<ide_selection>x</ide_selection>\n<system-reminder>y</system-reminder> \n", {}, "harness"),
        ("<task-notification>x</task-notification>\nFull transcript: /x", {}, "harness"),
        ("<session-start-hook>x</session-start-hook>", {}, "harness"),
        ("Caveat: my own words", {}, "human"),
        ("task done", {"origin": {"kind": "task-notification"}}, "harness"),
        ("typed", {"origin": {"kind": "human"}}, "human"),
        ("typed", {"origin": {}}, "human"),
        ("beside a turn", {"turnCompanion": True}, "harness"),
        (
            "This session is being continued from a previous conversation that ran out of context. The",
            {},
            "summary",
        ),
        (result("c"), {}, "tool"),
    ],
)
def test_only_what_a_person_typed_has_the_origin_human(
    tmp_path: Path, content: Any, fields: dict[str, Any], origin: str
) -> None:
    """One user line in twenty is typed by a person; the others must not count as activity of the user."""
    found = read(tmp_path, {"a.jsonl": [line("u1", None, content, **fields)]})
    (message,) = found.sessions[0].messages
    assert message.origin == origin
    assert (found.facts["message_flags"].to_pylist() == [[HUMAN]]) is (origin == "human")


def test_prompts_in_the_file_of_a_subagent_have_the_origin_model(tmp_path: Path) -> None:
    """Also if the line has no sidechain flag."""
    found = read(tmp_path, {"s1/subagents/agent-7f.jsonl": [line("p1", None, "Look for x")]})
    assert found.sessions[0].messages[0].origin == "model"


def test_an_api_error_is_not_an_answer(tmp_path: Path) -> None:
    """It has the form of an answer, but it is the text of an outage."""
    found = read(tmp_path, {"a.jsonl": [line("u1"), answer("a1", "u1", "t1", isApiErrorMessage=True)]})
    assert found.sessions[0].messages[1].origin == "harness"
    assert found.facts["message_flags"].to_pylist() == [[HUMAN, 0]]


def test_only_whitelisted_fields_are_read(tmp_path: Path) -> None:
    """The same text occurs in many fields of a line; fields that are not read cannot leak."""
    leaks = {
        "toolUseResult": {"stdout": "canary"},
        "cwd": "/canary",
        "gitBranch": "canary",
        "slug": "canary",
        "wireToolInputs": ["canary"],
    }
    image = [{"type": "image", "source": {"data": "canary"}}, {"type": "redacted_thinking", "data": "canary"}]
    others = [
        {"type": "summary", "summary": "canary", "leafUuid": "u1"},
        {"type": "attachment", "uuid": "x", "parentUuid": "u1", "attachment": {"context": "canary"}},
        {"type": "queue-operation", "content": "canary"},
    ]
    found = read(tmp_path, {"a.jsonl": [line("u1", None, image, **leaks), *others]})
    assert b"canary" not in msgspec.json.encode(found.sessions)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b'{"type": "user", "uuid": ', "malformed_json"),
        (bytes(300), "malformed_json"),
        (b'{"type": "user", "n": NaN}', "malformed_json"),
        (b"[]", "not_an_object"),
        (json.dumps(line("x", None, "\ud83d")).encode(), "invalid_unicode"),
        (b"{}", "missing_field"),
        (line("x") | {"uuid": None}, "missing_field"),
        (line("x") | {"message": None}, "missing_field"),
        (line("x") | {"timestamp": None}, "missing_field"),
        (line("x") | {"message": []}, "bad_field"),
        (line("x") | {"parentUuid": 5}, "bad_field"),
        (line("x", None, {"type": "text"}), "bad_field"),
        (line("x", None, ["hi"]), "bad_field"),
        (line("x") | {"timestamp": "2025-10-01T10:00:00"}, "naive_timestamp"),
        (line("x") | {"timestamp": "yesterday"}, "bad_timestamp"),
        (line("x") | {"timestamp": 1759312800}, "bad_timestamp"),
    ],
)
def test_a_bad_line_has_its_code_and_the_others_are_read(tmp_path: Path, bad: Any, code: str) -> None:
    """Many logs break off in the middle of a line; the rest of such a session is valid."""
    found = read(tmp_path, {"a.jsonl": [line("u1"), bad, answer("a1", "u1", "t1")]})
    assert shape(found.sessions[0]) == [("u1", None), ("a1", "u1")]
    assert [(entry.code, entry.locator) for entry in found.quarantined] == [(code, "line 2")]


def test_files_without_a_message_hold_no_session_and_are_no_fault(tmp_path: Path) -> None:
    """One recorded file in six is empty; as faults they would stop the run."""
    found = read(
        tmp_path,
        {
            "empty.jsonl": [],
            "title.jsonl": [{"type": "summary", "summary": "x", "leafUuid": "y"}],
            "s1/subagents/agent-1.meta.json": [{"agentType": "x"}],
            "s1/subagents/workflows/w/journal.jsonl": [{"type": "started"}],
        },
    )
    assert (found.sessions, found.quarantined) == ([], [])


def test_a_file_that_cannot_be_read_costs_itself_only(tmp_path: Path) -> None:
    """A binary file or a cut archive beside the logs must not exclude a conversation."""
    whole = gzip.compress(json.dumps(answer("a1", "u1", "t1")).encode() + b"\n")
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-4])
    (tmp_path / "image.jsonl").write_bytes(b"\x89PNG" + bytes(range(256)) * 40)
    (tmp_path / "a.jsonl").write_text(json.dumps(line("u1")) + "\n")
    found = read_all(sorted(tmp_path.iterdir()), "claude-code", ADDED)
    assert found.codes == ["malformed_json", "truncated_input"]
    assert [shape(session) for session in found.sessions] == [[("u1", None), ("a1", "u1")]]
