"""Conversations of Claude.ai exports: a session has the texts of the speakers and no other field."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.records import Block, Defaults, Session
from schemas.tables import ANSWER, HUMAN
from tests.support.claude_exports import ROOT, chat_message, conversation, export, texts
from tests.support.source_files import CONTEXT, HASHER, read_all, utc


def sessions(tmp_path: Path, *items: Any) -> list[Session]:
    found = read_all([export(tmp_path / "conversations.json", list(items))], "claude-export")
    assert found.codes == []
    return found.sessions


def test_a_conversation_is_a_session_of_its_account(tmp_path: Path) -> None:
    """The account is the subject; its consent counts."""
    found = read_all([export(tmp_path / "x.json", [conversation()])], "claude-export")
    (session,) = found.sessions
    assert (session.conversation_id, session.user_id) == ("c1", "account-1")
    assert session.created_at == utc("2025-10-01T09:00:00+00:00")
    assert [(message.role, message.origin) for message in session.messages] == [
        ("user", "human"),
        ("assistant", "model"),
    ]
    assert found.facts["message_flags"].to_pylist() == [[HUMAN, ANSWER]]


def test_defaults_fill_an_absent_account_only(tmp_path: Path) -> None:
    """Early exports have no account. If a conversation names one, it is the subject."""
    context = dataclasses.replace(CONTEXT, defaults=(Defaults("me", None, "pro", "chat"),))
    path = export(tmp_path / "x.json", [conversation(), conversation(uuid="c2", account=None)])
    users = [session.user_id for session in read_all([path], "claude-export", context).sessions]
    assert users == ["account-1", "me"]


def test_tool_results_inside_an_answer_follow_it_as_messages(tmp_path: Path) -> None:
    """In other formats a result is a message of its own, and trainers expect that."""
    blocks = [
        {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": 1}, "message": "canary"},
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "found"}]},
        {"type": "text", "text": "so"},
    ]
    (session,) = sessions(
        tmp_path,
        conversation(
            chat_message("m1", parent_message_uuid=ROOT),
            chat_message("m2", "assistant", content=blocks, parent_message_uuid="m1"),
            chat_message("m3", parent_message_uuid="m2"),
            current_leaf_message_uuid="m2",
        ),
    )
    assert [(m.message_id, m.parent_id, m.role) for m in session.messages] == [
        ("m1", None, "user"),
        ("m2", "m1", "assistant"),
        ("m2/result-1", "m2", "tool"),
        ("m3", "m2/result-1", "user"),
    ]
    assert session.current_message_id == "m2/result-1"
    (answer,) = session.messages[2].content or []
    assert isinstance(answer, Block)
    assert (answer.tool_use_id, answer.content) == ("t1", "found")


def test_results_without_ids_pair_with_calls_by_order(tmp_path: Path) -> None:
    """Exports before late 2025 have no ids. A result without a call would be useless."""
    calls = [{"type": "tool_use", "name": name, "input": {}} for name in "ab"]
    results = [
        {"type": "tool_result", "name": name, "content": [{"type": "text", "text": name}]} for name in "ab"
    ]
    (session,) = sessions(
        tmp_path,
        conversation(
            chat_message("m1"),
            chat_message("m2", "assistant", content=[calls[0], results[0], calls[1], results[1]]),
            current_leaf_message_uuid="m2",
        ),
    )
    made = [block.id for block in session.messages[1].content or [] if isinstance(block, Block)]
    answered = [m.content[0].tool_use_id for m in session.messages[2:] if isinstance(m.content, list)]
    assert made == answered
    assert len(set(made)) == 2
    assert session.current_message_id == "m2/result-2"


def test_siblings_are_branches_and_a_list_without_links_is_one(tmp_path: Path) -> None:
    """Edits and regenerations are exported since 2026. Older exports are lists."""
    linked, listed = sessions(
        tmp_path,
        conversation(
            chat_message("a", parent_message_uuid=ROOT),
            chat_message("b", parent_message_uuid="a"),
            chat_message("c", parent_message_uuid="a"),
        ),
        conversation(chat_message("a"), chat_message("b"), uuid="c2"),
    )
    assert [message.parent_id for message in linked.messages] == [None, "a", "a"]
    assert [message.parent_id for message in listed.messages] == [None, None]


def test_content_wins_over_text_which_may_hold_thinking(tmp_path: Path) -> None:
    """The old text field repeats the blocks, including thinking, as if it were normal text."""
    thinking = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "ok"}]
    (session,) = sessions(
        tmp_path,
        conversation(
            chat_message("m1", "assistant", "hm ok", content=thinking),
            chat_message("m2", "assistant", "old", content=[]),
            chat_message("m3", "assistant", "older", content=None),
            chat_message("m4", "assistant", "", content="text"),
            chat_message("m5", "human", "typed", content=[{"type": "text"}, {"type": "text", "text": " "}]),
            chat_message("m6", "assistant", "hm", content=[{"type": "thinking", "thinking": "hm"}]),
        ),
    )
    assert texts(session) == [["hm", "ok"], ["old"], ["older"], ["text"], ["typed"], ["hm"]]
    assert session.messages[4].origin == "human"


def test_pasted_text_is_the_users_and_injected_prompts_are_not(tmp_path: Path) -> None:
    """Attachments contain the most personal text: they are masked like other text, never skipped."""
    injected = [{"type": "injected_prompt_block", "prompt": "canary"}, {"type": "token_budget"}]
    pasted = [{"file_name": "canary.txt", "extracted_content": "my letter"}]
    found = read_all(
        [
            export(
                tmp_path / "x.json",
                [conversation(chat_message("m1", text="", content=injected, attachments=pasted))],
            )
        ],
        "claude-export",
    )
    assert texts(found.sessions[0]) == [["my letter"]]
    assert found.facts["message_flags"].to_pylist() == [[HUMAN]]


def test_only_the_named_fields_are_read(tmp_path: Path) -> None:
    """Title, summary, file names and display copies repeat the texts."""
    tool = {"type": "tool_use", "name": "n", "input": {}, "display_content": "canary", "message": "canary"}
    result = {"type": "tool_result", "content": [{"type": "image_gallery", "x": "canary"}], "meta": "canary"}
    found = sessions(
        tmp_path, conversation(chat_message("m1"), chat_message("m2", "assistant", content=[tool, result]))
    )
    assert b"canary" not in msgspec.json.encode(found)


BAD: list[tuple[str, Any, str, str | None]] = [
    ("a number", 5, "not_an_object", None),
    ("no uuid", conversation() | {"uuid": None}, "missing_field", None),
    ("no created_at", conversation() | {"created_at": None}, "missing_field", "c1"),
    ("naive", conversation(created_at="2025-10-01T09:00:00"), "naive_timestamp", "c1"),
    ("no time", conversation(created_at="soon"), "bad_timestamp", "c1"),
    ("account no object", conversation() | {"account": "bob"}, "bad_field", "c1"),
    ("user a number", conversation() | {"account": {"uuid": 7}}, "bad_field", "c1"),
    ("messages no list", conversation() | {"chat_messages": {}}, "bad_field", "c1"),
    ("half a character", conversation(chat_message("m1", text="\ud83d")), "invalid_unicode", None),
]


@pytest.mark.parametrize(("bad", "code", "known"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_item_has_its_code_and_the_others_are_read(
    tmp_path: Path, bad: Any, code: str, known: str | None
) -> None:
    """A time that cannot be read must not become a time that suits."""
    items = [conversation(uuid="a"), bad, conversation(uuid="b")]
    found = read_all([export(tmp_path / "x.json", items)], "claude-export")
    assert [session.conversation_id for session in found.sessions] == ["a", "b"]
    (entry,) = found.quarantined
    assert (entry.code, entry.locator) == (code, "item 1")
    assert entry.conversation_key == (known and HASHER.conversation(known))
    assert b"canary" not in msgspec.json.encode(entry)
