"""Claude Code logs: conversations by their links, turns by their API message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.records import Block
from tests.support.claude_code_logs import ADDED, answer, call, line, read, result, shape
from tests.support.samples import sample_files
from tests.support.source_files import read_all, utc


def test_a_session_has_its_messages_with_their_links_and_the_defaults(tmp_path: Path) -> None:
    """The logs have no user id and no tier: both come from the configuration."""
    (session,) = read(tmp_path, {"a.jsonl": [line("u1"), answer("a1", "u1", "t1", at=1)]}).sessions
    assert shape(session) == [("u1", None), ("a1", "u1")]
    assert [message.origin for message in session.messages] == ["human", "model"]
    assert (session.conversation_id, session.user_id, session.tier, session.surface) == (
        "u1",
        "me",
        "pro",
        "code",
    )
    assert session.created_at == utc("2025-10-01T10:00:00+00:00")
    assert {message.thread for message in session.messages} == {"main"}


def test_lines_of_one_api_message_are_one_turn(tmp_path: Path) -> None:
    """Each block is a line; as messages of their own, one answer would become ten."""
    (session,) = read(
        tmp_path,
        {
            "a.jsonl": [
                line("u1"),
                answer("a1", "u1", "t1", [{"type": "thinking", "thinking": "hm"}]),
                answer("a2", "a1", "t1", "ok"),
                answer("a3", "a2", "t1", call("c1")),
                line("r1", "a3", result("c1")),
                answer("a4", "r1", "t2", "done"),
            ]
        },
    ).sessions
    assert shape(session) == [("u1", None), ("a1", "u1"), ("r1", "a1"), ("a4", "r1")]
    blocks = session.messages[1].content
    assert [block.type for block in blocks if isinstance(block, Block)] == ["thinking", "text", "tool_use"]
    assert session.messages[2].role == "tool"


def test_parallel_calls_are_one_branch(tmp_path: Path) -> None:
    """Results of parallel calls have different parents; as rewinds, all but one would be dropped."""
    (session,) = read(
        tmp_path,
        {
            "a.jsonl": [
                line("u1"),
                answer("a1", "u1", "t1", call("c1")),
                answer("a2", "a1", "t1", call("c2")),
                line("r1", "a1", result("c1")),
                line("r2", "a2", result("c2")),
                answer("a3", "r1", "t2", "done"),
            ]
        },
    ).sessions
    assert shape(session) == [("u1", None), ("a1", "u1"), ("r1", "a1"), ("r2", "r1"), ("a3", "r2")]


def test_a_rewind_stays_two_branches(tmp_path: Path) -> None:
    """The prompt that the user took back is not on the active branch."""
    (session,) = read(
        tmp_path, {"a.jsonl": [line("u1"), answer("a1", "u1", "t1"), line("u2", "a1"), line("u3", "a1")]}
    ).sessions
    assert shape(session)[2:] == [("u2", "a1"), ("u3", "a1")]


@pytest.mark.parametrize("kind", ["progress", "attachment", "system", "a-type-of-tomorrow"])
def test_links_continue_through_lines_that_are_no_messages(tmp_path: Path, kind: str) -> None:
    """Without their links, a conversation would be cut in two."""
    between = [{"type": kind, "uuid": f"x{n}", "parentUuid": f"x{n - 1}" if n else "u1"} for n in range(3)]
    (session,) = read(tmp_path, {"a.jsonl": [line("u1"), *between, answer("a1", "x2", "t1")]}).sessions
    assert shape(session) == [("u1", None), ("a1", "u1")]


def test_two_prompts_after_one_line_that_only_links_are_one_conversation(tmp_path: Path) -> None:
    """A rewind of the first prompt: both prompts follow an attachment, or a parent in no file."""
    root = {"type": "attachment", "uuid": "x", "parentUuid": None}
    found = read(tmp_path, {"a.jsonl": [root, line("u1", "x"), line("u2", "x", at=1)]})
    assert [shape(session) for session in found.sessions] == [[("u1", None), ("u2", None)]]
    found = read(tmp_path / "b", {"b.jsonl": [line("u1", "gone"), line("u2", "gone", at=1)]})
    assert len(found.sessions) == 1


def test_a_compaction_continues_its_conversation(tmp_path: Path) -> None:
    """Its boundary has a logical parent only; the summary is not typed by a person."""
    boundary = {
        "type": "system",
        "uuid": "x",
        "parentUuid": None,
        "logicalParentUuid": "a1",
        "sessionId": "s1",
    }
    summary = line("u2", "x", "The user asked", isCompactSummary=True, at=5)
    (session,) = read(
        tmp_path, {"a.jsonl": [line("u1"), answer("a1", "u1", "t1"), boundary, summary]}
    ).sessions
    assert shape(session)[2] == ("u2", "a1")
    assert session.messages[2].origin == "summary"


def test_history_copied_on_resume_is_one_conversation_at_its_first_time(tmp_path: Path) -> None:
    """Copies have new session ids and may have new times: the first time counts."""
    original = [line("u1", at=1), answer("a1", "u1", "t1", at=2)]
    copies = [
        line("u1", at=50, sessionId="s2"),
        answer("a1", "u1", "t1", at=51, sessionId="s2"),
        line("u2", "a1", at=52, sessionId="s2"),
    ]
    for names in (("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")):
        found = read(tmp_path / names[0], dict(zip(names, (original, copies), strict=True)))
        (session,) = found.sessions
        assert [message.sent_at.minute for message in session.messages] == [1, 2, 52]
        assert session.conversation_id == "u1"


def test_a_conversation_id_does_not_depend_on_file_or_session(tmp_path: Path) -> None:
    """Deletions and decisions name the conversation id, also after a file is renamed."""
    lines = [line("u1"), answer("a1", "u1", "t1")]
    moved = [item | {"sessionId": "other"} for item in lines]
    first = read(tmp_path / "x", {"a.jsonl": lines})
    second = read(tmp_path / "y", {"sub/b.jsonl": moved})
    assert first.facts["conversation_key"].to_pylist() == second.facts["conversation_key"].to_pylist()


def test_unlinked_roots_of_one_file_are_conversations_of_their_own(tmp_path: Path) -> None:
    """/clear begins a new conversation in the same file."""
    found = read(tmp_path, {"a.jsonl": [line("u1"), line("u2", at=1), answer("a2", "u2", "t2")]})
    assert [session.conversation_id for session in found.sessions] == ["u1", "u2"]


def test_files_that_share_only_a_slug_are_conversations_of_their_own(tmp_path: Path) -> None:
    """/clear may begin a new file that shares only the slug with the old one."""
    files = {f"{name}.jsonl": [line(name, sessionId=name, slug="calm-river")] for name in ("u1", "u2")}
    found = read(tmp_path, files)
    assert [session.conversation_id for session in found.sessions] == ["u1", "u2"]
    assert len(found.units) == 2


def test_a_fork_names_its_original_and_is_one_conversation_with_it(tmp_path: Path) -> None:
    """Copies keep their uuid; `forkedFrom` is not needed, and may be missing."""
    origin = {"forkedFrom": {"sessionId": "s1", "messageUuid": "u1"}}
    fork = [
        line("u1", None, [{"type": "text", "text": "hi"}], sessionId="s2", **origin),
        line("u2", "u1", sessionId="s2", at=5),
    ]
    found = read(tmp_path, {"a.jsonl": [line("u1"), answer("a1", "u1", "t1", at=1)], "b.jsonl": fork})
    assert [shape(session) for session in found.sessions] == [[("u1", None), ("a1", "u1"), ("u2", "u1")]]


def test_files_that_share_nothing_are_units_of_their_own_and_linked_ones_one(tmp_path: Path) -> None:
    """Units are read by different workers; a missing link would cut a conversation in two."""
    found = read(
        tmp_path,
        {
            "a.jsonl": [line("u1")],
            "b.jsonl": [line("u2", "u1", sessionId="s2")],
            "c.jsonl": [line("u3", sessionId="s3")],
        },
    )
    assert sorted(tuple(Path(p).name for p in unit.paths) for unit in found.units) == [
        ("a.jsonl", "b.jsonl"),
        ("c.jsonl",),
    ]


@pytest.mark.parametrize("name", ["agent-7f.jsonl", "s1/subagents/agent-7f.jsonl"])
def test_a_subagent_is_a_thread_of_the_session_it_served(tmp_path: Path, name: str) -> None:
    """Its prompts were written by a model; as a session of its own they would count as typed by a person."""
    agent = [
        line("p1", None, "Look for x", isSidechain=True, agentId="7f", at=3),
        answer("p2", "p1", "t9", isSidechain=True, agentId="7f", at=4),
    ]
    (session,) = read(tmp_path, {"a.jsonl": [line("u1"), answer("a1", "u1", "t1")], name: agent}).sessions
    threads = {message.message_id: message.thread for message in session.messages}
    assert threads == {"u1": "main", "a1": "main", "p1": "7f", "p2": "7f"}
    assert [m.origin for m in session.messages if m.message_id == "p1"] == ["model"]


def test_a_subagent_belongs_to_the_conversation_of_its_time(tmp_path: Path) -> None:
    """After /clear, one session id belongs to two conversations."""
    sidechain = line("p1", None, "Look", isSidechain=True, at=3)
    found = read(tmp_path, {"a.jsonl": [line("u1", at=0), line("u2", at=2), sidechain, line("u3", at=9)]})
    hosts = {session.conversation_id: len(session.messages) for session in found.sessions}
    assert hosts == {"u1": 1, "u2": 2, "u3": 1}


def test_a_subagent_without_its_session_is_still_seen(tmp_path: Path) -> None:
    """Every session is in the ledger, also one without a human message."""
    found = read(tmp_path, {"agent-1.jsonl": [line("p1", None, "Look", isSidechain=True)]})
    assert len(found.sessions) == 1
    assert {message.thread for message in found.sessions[0].messages} == {"1"}


def test_links_in_a_cycle_are_kept(tmp_path: Path) -> None:
    """The reader must end, and the session must be in the ledger."""
    found = read(tmp_path, {"a.jsonl": [line("u1", "a1"), answer("a1", "u1", "t1")]})
    assert [shape(session) for session in found.sessions] == [[("u1", "a1"), ("a1", "u1")]]
    circle = [{"type": "progress", "uuid": f"x{n}", "parentUuid": f"x{1 - n}"} for n in range(2)]
    found = read(tmp_path / "b", {"b.jsonl": [*circle, line("u2", "x0")]})
    assert len(found.sessions) == 1


def user_lines(paths: list[Path]) -> list[str]:
    """The ids of the recorded user lines, each once per project folder, read without the code under test."""
    found = set()
    for path in paths:
        project = path.parents[2] if "subagents" in path.parts else path.parent
        for raw in path.read_bytes().splitlines():
            try:
                item = json.loads(raw)
            except ValueError:
                continue
            if isinstance(item, dict) and item.get("type") == "user" and {"uuid", "timestamp"} <= item.keys():
                found.add((project, item["uuid"]))
    return sorted(uuid for _, uuid in found)


@pytest.mark.samples
@pytest.mark.parametrize("folder", ["ccl_unit", "inspect_scout", "ccl_1_7_docs"])
def test_every_recorded_user_line_is_in_exactly_one_session(folder: str) -> None:
    """Over 100 public recordings: every user line is read once, whatever the tool version."""
    # The made-up trees named dag_* use the same letters as ids of different messages.
    found_files = sample_files(f"claude_code/{folder}/**/*.jsonl")
    paths = [path for path in found_files if not path.name.startswith("dag_")]
    assert len(paths) > 10
    found = read_all(paths, "claude-code", ADDED)
    of_users = [m for session in found.sessions for m in session.messages if m.role in ("user", "tool")]
    assert sorted(message.message_id for message in of_users) == user_lines(paths)
    assert found.facts.num_rows == len(found.sessions)
