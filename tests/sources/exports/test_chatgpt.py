"""ChatGPT exports: trees of nodes, hidden messages, missing times, tools, and whatever comes next year."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Block, Message, Session
from tests.support.claude_exports import export, packed, texts
from tests.support.samples import sample
from tests.support.source_files import Everything, read_all

AT = 1_730_000_000.0


def node(
    name: str, parent: str | None, role: str = "user", text: str | None = "hi", **message: Any
) -> dict[str, Any]:
    """A node of the tree; `text` None: it has no message."""
    defaults = {
        "id": f"m-{name}",
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": AT + 1,
        "content": {"content_type": "text", "parts": [text]},
        "metadata": {},
        "recipient": "all",
        "weight": 1.0,
    }
    return {
        "id": name,
        "parent": parent,
        "children": [],
        "message": defaults | message if text is not None else None,
    }


def conversation(*nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    listed = list(nodes) or [node("a", None), node("b", "a", "assistant", "ok")]
    for each in listed:
        each["children"] = [other["id"] for other in listed if other["parent"] == each["id"]]
    return {
        "title": "CANARY title",
        "create_time": AT,
        "update_time": AT,
        "conversation_id": "c1",
        "current_node": listed[-1]["id"],
        "mapping": {each["id"]: each for each in listed},
    } | fields


def read(tmp_path: Path, *items: Any) -> Everything:
    return read_all([export(tmp_path / "conversations.json", list(items))], "chatgpt-export")


def one(tmp_path: Path, *nodes: dict[str, Any], **fields: Any) -> Session:
    found = read(tmp_path, conversation(*nodes, **fields))
    assert found.codes == []
    (session,) = found.sessions
    return session


def blocks(message: Message) -> list[Block]:
    assert isinstance(message.content, list)
    return message.content


@pytest.mark.samples
@pytest.mark.parametrize(
    ("name", "sessions", "codes"),
    [
        ("chat_history_pkg/chatgpt_2026_sample.json", 3, []),
        ("logactyl/chatgpt-synthetic-export.zip", 3, []),
        ("logactyl/conversations-000.json", 2, []),
        ("logactyl/conversations-001.json", 1, []),
        ("logactyl/user.json", 0, []),
        ("logactyl/message_feedback.json", 0, []),
        ("logactyl/sora.json", 0, []),
        ("logactyl/user_settings.json", 0, []),
        ("chat_history_pkg/gemini_2026_sample.json", 0, ["missing_field"] * 2),
    ],
)
def test_every_public_sample_is_accounted_for(name: str, sessions: int, codes: list[str]) -> None:
    """Each conversation of a file is a session or a quarantined record, and other files are neither."""
    found = read_all([sample(f"chatgpt/{name}")], "chatgpt-export")
    assert (len(found.sessions), found.codes) == (sessions, codes)


@pytest.mark.samples
def test_parts_of_one_public_export_are_all_read() -> None:
    """The archive holds the conversations of its parts."""
    whole = read_all([sample("chatgpt/logactyl/chatgpt-synthetic-export.zip")], "chatgpt-export")
    parts = read_all(
        [sample(f"chatgpt/logactyl/conversations-00{n}.json") for n in range(2)], "chatgpt-export"
    )
    assert sorted(s.conversation_id for s in whole.sessions) == sorted(
        s.conversation_id for s in parts.sessions
    )
    assert {s.conversation_id: texts(s) for s in whole.sessions} == {
        s.conversation_id: texts(s) for s in parts.sessions
    }


def test_a_dialogue_is_read_with_order_parents_origins_and_times(tmp_path: Path) -> None:
    """Texts, order, parents, origins and times of a dialogue with an edited question."""
    session = one(
        tmp_path,
        node("root", None, text=None),
        node("q1", "root", text="first try"),
        node("a1", "q1", "assistant", "old answer"),
        node("q2", "root", text=" second\u00a0try \n"),
        node("a2", "q2", "assistant", "new answer", create_time=AT + 60.25),
    )
    assert [m.message_id for m in session.messages] == ["q1", "a1", "q2", "a2"]
    assert [m.parent_id for m in session.messages] == [None, "q1", None, "q2"]
    assert [m.origin for m in session.messages] == ["human", "model", "human", "model"]
    assert texts(session) == [["first try"], ["old answer"], [" second\u00a0try \n"], ["new answer"]]
    assert session.current_message_id == "a2"
    assert session.messages[-1].sent_at.timestamp() == AT + 60.25
    assert session.created_at.timestamp() == AT


def test_a_leaf_without_a_message_means_the_message_above_it(tmp_path: Path) -> None:
    """Else the active branch could not be found."""
    session = one(tmp_path, node("a", None), node("b", "a", "assistant", "ok"), node("c", "b", text=None))
    assert session.current_message_id == "b"


@pytest.mark.parametrize(
    "hidden",
    [
        {"metadata": {"is_visually_hidden_from_conversation": True}},
        {"metadata": {"is_user_system_message": True}},
        {"weight": 0},
        {"weight": 0.0},
        {"content": {"content_type": "text"}},
        {"content": {"content_type": "text", "parts": [" "]}},
        {"content": {"content_type": "user_editable_context", "user_profile": "CANARY lives in Rome"}},
    ],
)
def test_what_the_user_did_not_type_is_no_human_message(tmp_path: Path, hidden: dict[str, Any]) -> None:
    """A hidden message must not make an old conversation count as resumed."""
    session = one(tmp_path, node("a", None, **hidden), node("b", "a"), node("c", "b", "assistant", "ok"))
    assert [m.origin for m in session.messages] == ["harness", "human", "model"]
    assert "CANARY" not in json.dumps(texts(session))


def test_a_missing_time_is_taken_from_the_parent_message(tmp_path: Path) -> None:
    """System messages have no time. The last defaults are the conversation's time or the first message's."""
    session = one(
        tmp_path,
        node("s", None, "system", "", create_time=None),
        node("q", "s", create_time=AT + 5),
        node("a", "q", "assistant", "ok", create_time=None),
    )
    assert [m.sent_at.timestamp() for m in session.messages] == [AT, AT + 5, AT + 5]
    session = one(tmp_path, node("q", None, create_time=AT + 5), create_time=None)
    assert session.created_at.timestamp() == AT + 5
    assert read(tmp_path, conversation(node("q", None, create_time=None), create_time=None)).codes == [
        "missing_field"
    ]


def test_tool_calls_are_paired_with_their_results(tmp_path: Path) -> None:
    """Code for another recipient is a call, and the tool's output is its result."""
    session = one(
        tmp_path,
        node("q", None),
        node(
            "call",
            "q",
            "assistant",
            content={"content_type": "code", "language": "python", "text": "1+1"},
            recipient="python",
        ),
        node("out", "call", "tool", content={"content_type": "execution_output", "text": "2"}),
        node("quote", "out", "tool", content={"content_type": "tether_quote", "text": "found", "url": "u"}),
        node("a", "quote", "assistant", "two"),
    )
    call, out, quote = (blocks(m) for m in session.messages[1:4])
    assert call == [Block("tool_use", id="call", name="python", input="1+1")]
    assert out == [Block("tool_result", tool_use_id="call", content="2")]
    assert quote == [Block("tool_result", tool_use_id=None, content="found")]
    assert [m.origin for m in session.messages] == ["human", "model", "tool", "tool", "model"]


def test_content_of_every_kind_keeps_its_words_and_no_more(tmp_path: Path) -> None:
    """Thinking apart from speaking, transcriptions as text, images as images, the unknown by its text."""
    parts = [
        "look",
        {"content_type": "image_asset_pointer", "asset_pointer": "CANARY"},
        {"content_type": "audio_transcription", "text": "spoken"},
        {"content_type": "audio_asset_pointer", "asset_pointer": "CANARY"},
    ]
    session = one(
        tmp_path,
        node("q", None, content={"content_type": "multimodal_text", "parts": parts}),
        node(
            "t",
            "q",
            "assistant",
            content={
                "content_type": "thoughts",
                "thoughts": [{"summary": "s", "content": "long"}, {"summary": "short", "content": ""}],
            },
        ),
        node("r", "t", "assistant", content={"content_type": "reasoning_recap", "content": "Thought for 5s"}),
        node(
            "n",
            "r",
            "assistant",
            content={"content_type": "of_next_year", "parts": ["new words"], "secret": "CANARY"},
        ),
        node("e", "n", "system", content={"content_type": "system_error", "text": "failed", "name": "x"}),
    )
    found = [blocks(message) for message in session.messages]
    assert found[0] == [
        Block("text", text="look"),
        Block("image"),
        Block("text", text="spoken"),
        Block("audio_asset_pointer"),
    ]
    assert found[1] == [Block("thinking", thinking="long"), Block("thinking", thinking="short")]
    assert found[2] == [Block("reasoning_recap")]
    assert found[3] == [Block("text", text="new words")]
    assert found[4] == [Block("text", text="failed")]
    assert "CANARY" not in repr(session)


@pytest.mark.parametrize("name", ["is_do_not_remember", "is_temporary_chat", "history_and_training_disabled"])
def test_a_conversation_without_memory_is_incognito(tmp_path: Path, name: str) -> None:
    """A user who chose this must not be trained on."""
    assert one(tmp_path, **{name: True}).incognito is True
    assert one(tmp_path, **{name: False}).incognito is None


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (5, "not_an_object"),
        ({"mapping": {}}, "missing_field"),
        (conversation(conversation_id=7), "missing_field"),
        (conversation(mapping=None), "missing_field"),
        (conversation(mapping=[]), "bad_field"),
        (conversation(create_time=1e300), "bad_timestamp"),
        (conversation(create_time=True), "bad_timestamp"),
        (conversation(create_time="yesterday"), "bad_timestamp"),
        (conversation(create_time="2025-10-01T09:00:00"), "naive_timestamp"),
        (conversation(create_time=-1e12), "bad_timestamp"),
    ],
)
def test_an_invalid_item_does_not_affect_others(tmp_path: Path, item: Any, code: str) -> None:
    """It is quarantined with its own fault, and the items around it are read."""
    found = read(
        tmp_path, conversation(conversation_id="before"), item, conversation(conversation_id="after")
    )
    assert [session.conversation_id for session in found.sessions] == ["before", "after"]
    assert found.codes == [code]
    assert found.quarantined[0].locator == "item 1"


def test_reading_ends_for_circles_and_lost_parents(tmp_path: Path) -> None:
    """An invalid tree is read to its end; the rules decide about it."""
    a, b = node("a", "b"), node("b", "a", "assistant", "ok")
    session = one(tmp_path, a, b, node("c", "gone"))
    assert sorted(m.message_id for m in session.messages) == ["a", "b", "c"]
    assert {m.message_id: m.parent_id for m in session.messages} == {"a": "b", "b": "a", "c": None}
    empty = [node(f"e{n}", f"e{(n + 1) % 5}", text=None) for n in range(5)]
    assert one(tmp_path, *empty, node("q", "e2")).messages[0].parent_id is None


def test_ten_thousand_nodes_in_a_row_are_read(tmp_path: Path) -> None:
    """No recursion and no square of the length: parents are found through nodes without messages, too."""
    nodes = [node("n0", None)]
    nodes += [node(f"n{n}", f"n{n - 1}", text="x" if n % 500 == 0 else None) for n in range(1, 10_000)]
    tree = conversation()
    tree["mapping"] = {each["id"]: each for each in nodes}
    found = read(tmp_path, tree)
    (session,) = found.sessions
    assert [m.parent_id for m in session.messages] == [None, *(f"n{n}" for n in range(0, 9_500, 500))]


def test_an_archive_names_its_parts_by_number(tmp_path: Path) -> None:
    """The name of an archive member may contain personal data."""
    path = packed(
        tmp_path / "x.zip",
        {
            "conversations-000.json": [conversation()],
            "conversations-001.json": [5],
            "user.json": {"email": "x"},
        },
    )
    found = read_all([path], "chatgpt-export")
    assert (len(found.sessions), [entry.locator for entry in found.quarantined]) == (1, ["member 2 item 1"])


@pytest.mark.parametrize("name", ["user.json", "user_settings.json", "message_feedback.json", "sora.json"])
def test_other_files_of_an_export_are_skipped(tmp_path: Path, name: str) -> None:
    """They contain names and settings; none may become a quarantine entry."""
    found = read_all([export(tmp_path / name, [{"id": "u", "email": "x"}])], "chatgpt-export")
    assert (found.sessions, found.quarantined) == ([], [])


def test_an_archive_and_its_unpacked_parts_hold_the_same_sessions(tmp_path: Path) -> None:
    """Large exports come in numbered parts, packed or not."""
    items = [conversation(conversation_id=f"c{n}") for n in range(3)]
    parts = {"conversations-000.json": items[:2], "conversations-001.json": items[2:], "user.json": {}}
    whole = read_all([packed(tmp_path / "x.zip", parts)], "chatgpt-export")
    paths = [export(tmp_path / name, found) for name, found in parts.items()]
    assert len(whole.sessions) == 3
    assert read_all(paths, "chatgpt-export").sessions == whole.sessions


def test_conversations_of_another_service_are_entries(tmp_path: Path) -> None:
    """An export in the wrong format must show in the quarantine."""
    found = read(tmp_path, {"uuid": "c", "chat_messages": []}, {"title": "x", "turns": []})
    assert (found.sessions, found.codes) == ([], ["missing_field", "missing_field"])
