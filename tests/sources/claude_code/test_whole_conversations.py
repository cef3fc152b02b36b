"""A conversation stays whole, and what is added within a turn stays on its branch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.inspect import inspect
from tests.support.claude_code_logs import answer, call, line, read, result, shape
from transforms.sources.claude_code.kinds import KINDS, LINES

TALK = [line("u1"), answer("a1", "u1", "t1", at=1)]
SHAPE = [("u1", None), ("a1", "u1")]
DOCS = Path(__file__).parents[3] / "docs/reference/claude-code.md"


def link(kind: str, uuid: str, parent: str | None, **fields: Any) -> dict[str, Any]:
    made = line(uuid, parent, at=2, **fields) | {"type": kind}
    return {name: value for name, value in made.items() if name != "message"}


def hook(name: str) -> dict[str, Any]:
    return link("progress", "x", None, data={"type": "hook_progress", "hookName": name})


BOUNDARY = {"subtype": "compact_boundary"}


@pytest.mark.parametrize(
    ("lines", "is_whole"),
    [
        ([link("system", "x", None, logicalParentUuid="gone", **BOUNDARY)], True),
        ([link("system", "x", None, **BOUNDARY)], True),
        ([link("system", "x", "gone", logicalParentUuid="a1", **BOUNDARY)], True),
        ([line("x", None, "in short", isCompactSummary=True, at=2)], True),
        ([link("progress", "x", "gone")], True),
        ([line("x", "gone", "hi", at=2)], True),
        ([line("x", "x", "hi", at=2)], True),
        ([link("progress", "x", "x")], True),
        ([hook("SessionStart:resume")], True),
        ([hook("PostToolUse:Read")], True),
        ([hook("SessionStart:clear")], False),
        ([hook("SessionStart:startup")], False),
        ([link("system", "x", None)], False),
        ([line("x", None, "hi", at=2)], False),
        ([link("progress", "x", "gone", sessionId="s2")], False),
    ],
)
def test_a_parent_that_was_never_written_does_not_cut_a_conversation(
    tmp_path: Path, lines: list[Any], is_whole: bool
) -> None:
    """Half a conversation is decided alone, and a deletion by conversation misses it."""
    end = line("u2", "x", at=3, sessionId=lines[0]["sessionId"])
    found = read(tmp_path, {"a.jsonl": [*TALK, *lines, end]})
    assert len(found.sessions) == (1 if is_whole else 2)
    if is_whole:
        assert found.sessions[0].conversation_id == "u1"
        assert [message.message_id for message in found.sessions[0].messages][-1] == "u2"


def test_a_record_never_follows_one_that_follows_it(tmp_path: Path) -> None:
    """The line before it may be its own answer, in files that are not in order."""
    (session,) = read(tmp_path, {"a.jsonl": [answer("a1", "u1", "t1", at=1), line("u1", "gone")]}).sessions
    assert shape(session) == [("u1", "gone"), ("a1", "u1")]


def test_words_beside_a_parallel_result_follow_the_last_result(tmp_path: Path) -> None:
    """Between two results they would separate a call from its result."""
    beside = [*result("c1"), {"type": "text", "text": "and faster"}]
    lines = [
        line("u1"),
        answer("a1", "u1", "t1", call("c1")),
        answer("a1b", "a1", "t1", call("c2")),
        line("r1", "a1", beside),
        line("r2", "a1b", result("c2")),
        answer("a2", "r2", "t2"),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert shape(session) == [*SHAPE, ("r1", "a1"), ("r2", "r1"), ("r1/said", "r2"), ("a2", "r1/said")]


def test_a_line_within_a_turn_follows_its_results(tmp_path: Path) -> None:
    """The answer that follows the result is an answer to it, too."""
    lines = [
        *TALK,
        line("u2", "a1", "only the stream", at=2),
        answer("a1b", "u2", "t1", call("c1"), at=3),
        line("r1", "a1b", result("c1"), at=4),
        answer("a2", "r1", "t2", at=5),
        line("u3", "a2", "thanks", at=6),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert shape(session) == [*SHAPE, ("r1", "a1"), ("u2", "r1"), ("a2", "u2"), ("u3", "a2")]


def test_a_line_that_nothing_follows_stays_on_the_branch_if_the_turn_goes_on(tmp_path: Path) -> None:
    """A rewind is different: what comes after it is another line of a person."""
    turn = [line("u1"), answer("a1", "u1", "t1", call("c1"), at=1), line("r1", "a1", result("c1"), at=2)]
    within = [*turn, line("u2", "r1", "wait", at=3), answer("a2", "r1", "t2", at=4)]
    (session,) = read(tmp_path, {"a.jsonl": within}).sessions
    assert shape(session)[2:] == [("r1", "a1"), ("u2", "r1"), ("a2", "u2")]
    rewound = [
        *turn,
        line("u2", "r1", "wait", at=3),
        line("u3", "r1", "stop", at=4),
        answer("a2", "u3", "t2"),
    ]
    (session,) = read(tmp_path, {"a.jsonl": rewound}).sessions
    assert shape(session)[2:] == [("r1", "a1"), ("u2", "r1"), ("u3", "r1"), ("a2", "u3")]


@pytest.mark.parametrize(
    ("copy", "is_conflict"),
    [
        (line("u1", None, "hi", sessionId="s2", at=9), False),
        (line("u1", None, [{"type": "text", "text": "hi"}]), False),
        (line("u1", None, "quite other words"), True),
        (answer("u1", None, "t1", "hi"), True),
        (line("r1", "a1", [{"type": "tool_result", "tool_use_id": "c1", "content": "other"}]), True),
        (
            line(
                "r1",
                "a1",
                [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": "[Old tool result content cleared]",
                    }
                ],
            ),
            False,
        ),
        (link("progress", "u1", None), False),
    ],
)
def test_one_uuid_with_other_words_is_a_conflict(tmp_path: Path, copy: Any, is_conflict: bool) -> None:
    """The first words are kept; the line with others is quarantined, and the conversation stays whole."""
    lines = [line("u1"), answer("a1", "u1", "t1", call("c1")), line("r1", "a1", result("c1"))]
    other = line("v1", None, sessionId="s3")
    found = read(tmp_path, {"a.jsonl": lines, "b.jsonl": [copy], "c.jsonl": [other]})
    assert found.codes == (["duplicate_message"] if is_conflict else [])
    names = [session.conversation_id for session in found.sessions]
    assert names == ["u1", "v1"]
    assert shape(found.sessions[0]) == [*SHAPE, ("r1", "a1")]
    assert found.sessions[0].messages[0].content[0].text == "hi"  # type: ignore[index,union-attr]
    records = inspect(str(tmp_path), "claude-code")["formats"][0]["accounts"]["records"]
    assert sum(records.values()) == 5


def test_the_documentation_lists_every_kind() -> None:
    """A kind outside the tables is reported by `inspect`, so both lists must be equal."""
    lists: dict[str, set[str]] = {}
    for row in DOCS.read_text().splitlines():
        if row.startswith("| "):
            first = row.split("|")[1].strip()
            kind = first.split(" ")[0] if first.split(" ")[0] in KINDS else "line"
            lists.setdefault(kind, set()).update(re.findall(r"`([\w-]+)`", first))
    for kind in ("system", "progress", "attachment"):
        assert lists[kind] == KINDS[kind][1]
    assert lists["line"] >= LINES


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"type": "system", "subtype": "hologram"}, "system hologram"),
        ({"type": "attachment", "attachment": {"type": "hologram"}}, "attachment hologram"),
        ({"type": "progress", "data": {"type": "hologram"}}, "progress hologram"),
        ({"type": "queue-operation", "operation": "hologram"}, "queue-operation hologram"),
        ({"type": "system", "subtype": "Not a word!"}, "system other"),
        ({"type": "system", "subtype": "away_summary"}, None),
        ({"type": "progress"}, None),
    ],
)
def test_kinds_of_tomorrow_are_reported(tmp_path: Path, fields: dict[str, Any], name: str | None) -> None:
    """A new version of the tool may hide a person's words in a kind that nothing reads."""
    read(tmp_path, {"a.jsonl": [*TALK, link("x", "x", "a1") | fields]})
    (found,) = inspect(str(tmp_path))["formats"]
    assert found["not_understood"]["records"] == ({name: 1} if name else {})
    assert found["origins"]["human"] == 1
