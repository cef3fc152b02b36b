"""Claude Code logs that are damaged, copied or beside other files: all other lines are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude_code_logs import ADDED, answer, call, line, read, result, shape
from tests.support.source_files import read_all

TALK = [
    line("u1"),
    answer("a1", "u1", "t1", at=1),
    line("u2", "a1", "second", at=2),
    answer("a2", "u2", "t2", at=3),
    line("u3", "a2", "third", at=4),
]
WHOLE = [("u1", None), ("a1", "u1"), ("u2", "a1"), ("a2", "u2"), ("u3", "a2")]
WITHOUT_U2 = [("u1", None), ("a1", "u1"), ("a2", "a1"), ("u3", "a2")]
PADDING = b"\0" * 500


def raw(item: dict[str, Any]) -> bytes:
    return json.dumps(item).encode()


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (raw(TALK[2])[:60], "malformed_json"),
        (b'{"type":"user"}', "missing_field"),
        (raw(TALK[2] | {"timestamp": None}), "missing_field"),
        (raw(TALK[2] | {"message": 5}), "bad_field"),
        (raw(TALK[2]).replace(b"second", b"\xff"), "invalid_unicode"),
    ],
)
def test_a_bad_line_does_not_cut_its_conversation_in_two(tmp_path: Path, bad: bytes, code: str) -> None:
    """Otherwise the second half would be a new session that begins after the damage."""
    found = read(tmp_path, {"a.jsonl": [*TALK[:2], bad, *TALK[3:]]})
    assert [shape(session) for session in found.sessions] == [WITHOUT_U2]
    assert found.codes == [code]


@pytest.mark.parametrize("parent", [5, True, ["a1"], {"uuid": "a1"}])
def test_a_line_with_an_unreadable_parent_follows_the_line_before_it(tmp_path: Path, parent: Any) -> None:
    """Otherwise the lines after it would follow it and become a conversation of their own."""
    for bad in (TALK[2] | {"parentUuid": parent}, TALK[2] | {"parentUuid": parent, "message": 5}):
        found = read(tmp_path, {"a.jsonl": [*TALK[:2], bad, *TALK[3:]]})
        assert [shape(session) for session in found.sessions] == [WITHOUT_U2]
        assert found.codes == ["bad_field"]


def test_a_line_that_is_cut_and_joined_to_the_next_costs_only_these_two(tmp_path: Path) -> None:
    """A line that was being written at a power cut has no line end."""
    found = read(tmp_path, {"a.jsonl": [*TALK[:2], raw(TALK[2])[:60] + raw(TALK[3]), TALK[4]]})
    assert [shape(session) for session in found.sessions] == [[*WHOLE[:2], ("u3", "a1")]]


def test_a_bad_line_joins_no_other_conversation_of_its_file(tmp_path: Path) -> None:
    """One file may hold several sessions; a line after the damage belongs to its own session."""
    other = [line("v1", sessionId="s2", at=5), answer("b1", "v1", "t9", sessionId="s2", at=6)]
    lines = [*TALK[:2], *other, b"{", *TALK[3:]]
    found = read(tmp_path, {"a.jsonl": lines})
    assert [shape(session) for session in found.sessions] == [WITHOUT_U2, [("v1", None), ("b1", "v1")]]


def test_a_parent_in_another_file_wins_over_the_line_before_the_damage(tmp_path: Path) -> None:
    """Another file may hold an undamaged copy of the line."""
    found = read(tmp_path, {"a.jsonl": [*TALK[:2], b"{", *TALK[3:]], "b.jsonl": [TALK[2]]})
    assert [sorted(shape(session)) for session in found.sessions] == [sorted(WHOLE)]


def test_a_whole_copy_of_a_faulty_line_is_used(tmp_path: Path) -> None:
    """The links of a faulty line are kept; they must not replace the content of the copy."""
    found = read(tmp_path, {"a.jsonl": [TALK[0] | {"timestamp": None}, *TALK]})
    assert [shape(session) for session in found.sessions] == [WHOLE]
    assert found.codes == ["missing_field"]


@pytest.mark.parametrize("place", range(6))
def test_nul_bytes_of_a_power_cut_cost_nothing(tmp_path: Path, place: int) -> None:
    """As a line of their own they are one fault; before or after a line they are ignored."""
    alone: list[Any] = list(TALK)
    alone.insert(place, PADDING)
    found = read(tmp_path, {"a.jsonl": alone})
    assert ([shape(session) for session in found.sessions], found.codes) == ([WHOLE], ["malformed_json"])
    glued: list[Any] = [raw(item) for item in TALK]
    at = min(place, 4)
    glued[at] = PADDING + glued[at] if place < 5 else glued[at] + PADDING
    found = read(tmp_path / "glued", {"a.jsonl": glued})
    assert ([shape(session) for session in found.sessions], found.codes) == ([WHOLE], [])


def test_nul_bytes_before_a_line_longer_than_the_head_do_not_make_a_file_binary(tmp_path: Path) -> None:
    """A line with an image has a megabyte; padding before it must not quarantine the whole file."""
    long = TALK[0] | {"message": {"role": "user", "content": "x" * 200_000}}
    for number, first in enumerate((PADDING, b"\xff not UTF-8")):
        found = read(tmp_path / str(number), {"a.jsonl": [first, long, *TALK[1:]]})
        assert [shape(session) for session in found.sessions] == [WHOLE]
        assert len(found.codes) == 1


def test_messages_come_after_their_parents_whatever_the_names_of_their_files(tmp_path: Path) -> None:
    """A fork that holds only new lines may be read before its original."""
    new = [line("u9", "a2", "new", sessionId="s2", at=9)]
    found = read(tmp_path, {"a.jsonl": new, "b.jsonl": TALK})
    (session,) = found.sessions
    assert shape(session) == [*WHOLE[:4], ("u9", "a2"), WHOLE[4]]


def test_text_beside_a_tool_result_is_a_message_of_its_own(tmp_path: Path) -> None:
    """A person may type while a tool runs; the words must not become part of the tool result."""
    blocks = [*result("c1"), {"type": "text", "text": "no, that one"}]
    lines = [
        line("u1"),
        answer("a1", "u1", "t1", call("c1")),
        line("r1", "a1", blocks),
        answer("a2", "r1", "t2"),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert shape(session) == [("u1", None), ("a1", "u1"), ("r1", "a1"), ("r1/said", "r1"), ("a2", "r1/said")]
    assert [message.origin for message in session.messages] == ["human", "model", "tool", "human", "model"]
    blocks[1]["text"] = "[Request interrupted by user for tool use]"
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert [message.origin for message in session.messages][2:4] == ["tool", "harness"]


def test_a_failed_call_has_its_error_flag(tmp_path: Path) -> None:
    """Without the flag, an error reads like a result."""
    block = {**result("c1")[0], "is_error": True}
    (session,) = read(tmp_path, {"a.jsonl": [line("r1", None, [block, *result("c2")])]}).sessions
    content = session.messages[0].content or ()
    assert [block.is_error for block in content if not isinstance(block, str)] == [True, None]


def test_files_that_are_no_session_logs_are_not_read(tmp_path: Path) -> None:
    """Journals, histories and tool outputs hold texts that are no sessions."""
    canary = line("z", None, "canary")
    names = (
        "history.jsonl",
        "s1/subagents/workflows/wf_1/journal.jsonl",
        "s1/tool-results/toolu_1.jsonl",
        "s1/subagents/agent-7f.meta.json",
    )
    found = read(tmp_path, {"s1.jsonl": TALK, **{name: [canary] for name in names}})
    assert [shape(session) for session in found.sessions] == [WHOLE]
    assert found.quarantined == []


def test_a_log_that_grows_keeps_its_conversation_whatever_is_appended(tmp_path: Path) -> None:
    """A decision is stored under the id, so the id must be the same whenever the file is read."""
    boundary = {"type": "system", "subtype": "compact_boundary", "uuid": "x", "parentUuid": None}
    lines: list[Any] = [
        {"type": "attachment", "uuid": "h", "parentUuid": None, "sessionId": "s1"},
        line("u1", "h"),
        answer("a1", "u1", "t1", call("c1"), at=1),
        {"type": "progress", "uuid": "p", "parentUuid": "a1", "sessionId": "s1"},
        line("r1", "p", result("c1"), at=2),
        b"{broken",
        answer("a2", "gone", "t2", at=3),
        boundary | {"logicalParentUuid": "a2", "sessionId": "s1"},
        line("u3", "x", "sum", isCompactSummary=True, at=4),
        line("u4", "h", "the first prompt anew", at=5),
        answer("a4", "u4", "t4", at=6),
    ]
    for size in range(2, len(lines) + 1):
        found = read(tmp_path, {"a.jsonl": lines[:size]})
        assert {session.conversation_id for session in found.sessions} == {"u1"}


def test_a_fork_in_another_project_folder_is_the_same_conversation(tmp_path: Path) -> None:
    """Each folder is a unit of its own; both derive the same conversation id."""
    fork = [item | {"sessionId": "s2"} for item in TALK[:3]] + [
        answer("b2", "u2", "t8", sessionId="s2", at=9)
    ]
    for name, items in (("one/a.jsonl", TALK), ("two/b.jsonl", fork)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"".join(raw(item) + b"\n" for item in items))
    found = read_all([tmp_path / "one/a.jsonl", tmp_path / "two/b.jsonl"], "claude-code", ADDED)
    assert len(found.units) == 2
    assert {session.conversation_id for session in found.sessions} == {"u1"}


def test_a_line_with_one_invalid_id_links_two_files_by_its_other_ids(tmp_path: Path) -> None:
    """A session that is resumed in another file follows a line that is damaged in the first file."""
    files = {
        "a.jsonl": [line("u1"), {**answer("a1", "u1", "t1", at=1), "sessionId": 7}],
        "b.jsonl": [line("u2", "a1", "go on", sessionId="s2", at=2)],
    }
    found = read(tmp_path, files)
    assert len(found.sessions) == 1
