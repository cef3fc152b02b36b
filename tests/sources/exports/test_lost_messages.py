"""A message of an export that cannot be read is lost alone, and named by its field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Session
from tests.sources.exports.test_chatgpt import conversation, node
from tests.support import claude_exports
from tests.support.claude_exports import chat_message, export, texts
from tests.support.source_files import Everything, read_all, utc

CANARY = "canary-17"


def parts(*found: Any, **content: Any) -> dict[str, Any]:
    return {"content_type": "text", "parts": [*found], **content}


def chatgpt(tmp_path: Path, bad: dict[str, Any], name: str = "b") -> Everything:
    """A conversation a, b, c, d of which b is bad, between two good ones."""
    nodes = [node("a", None, text="A"), bad, node("c", name, text="C"), node("d", "c", "assistant", "D")]
    for one, after in zip(nodes, ["b", "c", "d"], strict=False):
        if isinstance(one, dict):
            one["children"] = [after]
    middle = conversation(conversation_id="middle", current_node="d")
    middle["mapping"] = dict(zip("abcd", nodes, strict=True))
    items = [conversation(conversation_id="before"), middle, conversation(conversation_id="after")]
    return read_all([export(tmp_path / "conversations.json", items)], "chatgpt-export")


def texts_of(session: Session) -> dict[str, str]:
    ids = [message.message_id for message in session.messages]
    return dict(zip(ids, ["".join(text or "" for text in each) for each in texts(session)], strict=True))


BAD: dict[str, tuple[Any, str, str, str]] = {
    "node a number": (1, "bad_field", "mapping[]", "number"),
    "message text": ({"parent": "a", "message": CANARY}, "bad_field", "mapping[].message", "text"),
    "parent a number": (node("b", "a") | {"parent": 3}, "bad_field", "mapping[].parent", "number"),
    "no author": (node("b", "a", author=None), "missing_field", "mapping[].message.author", "null"),
    "no role": (node("b", "a", author={}), "missing_field", "mapping[].message.author.role", "missing"),
    "unknown role": (node("b", "a", CANARY), "bad_field", "mapping[].message.author.role", "text"),
    "content a number": (node("b", "a", content=5), "bad_field", "mapping[].message.content", "number"),
    "no content type": (
        node("b", "a", content={"text": CANARY}),
        "bad_field",
        "mapping[].message.content.content_type",
        "missing",
    ),
    "parts an object": (
        node("b", "a", content={"content_type": "text", "parts": {"x": CANARY}}),
        "bad_field",
        "mapping[].message.content.parts",
        "object",
    ),
    "part a number": (
        node("b", "a", content=parts("x", 7)),
        "bad_field",
        "mapping[].message.content.parts[]",
        "number",
    ),
    "time a word": (
        node("b", "a", create_time="yesterday"),
        "bad_timestamp",
        "mapping[].message.create_time",
        "text",
    ),
    "time without zone": (
        node("b", "a", create_time="2025-10-01T09:00:00"),
        "naive_timestamp",
        "mapping[].message.create_time",
        "text",
    ),
    "time before 1970": (
        node("b", "a", create_time=-1.0),
        "bad_timestamp",
        "mapping[].message.create_time",
        "number",
    ),
}


@pytest.mark.parametrize(("bad", "code", "field", "kind"), BAD.values(), ids=BAD)
def test_a_message_of_chatgpt_is_lost_alone(
    tmp_path: Path, bad: Any, code: str, field: str, kind: str
) -> None:
    """The other messages, their order and the conversations around stay; the entry has no value of it."""
    found = chatgpt(tmp_path, bad)
    (before, middle, after), (entry,) = found.sessions, found.quarantined
    assert [before.conversation_id, after.conversation_id] == ["before", "after"]
    assert {name: text for name, text in texts_of(middle).items() if text} == {"a": "A", "c": "C", "d": "D"}
    above = {message.message_id: message.parent_id for message in middle.messages}
    assert above["c"] == ("b" if "b" in above else "a")
    assert above.get("b", "a") == "a"
    assert (entry.code, entry.field, entry.kind) == (code, field, kind)
    assert (entry.locator, entry.is_part, entry.conversation_key) == ("item 1 message 1", True, None)
    assert CANARY not in repr(entry)


READABLE: dict[str, tuple[dict[str, Any], str]] = {
    "null part": ({"content": parts(None, "ok")}, "ok"),
    "only a null part": ({"content": parts(None)}, ""),
    "parts as text": ({"content": {"content_type": "text", "parts": "ok"}}, "ok"),
    "content as text": ({"content": "ok"}, "ok"),
    "content as parts": ({"content": ["o", "k"]}, "ok"),
    "no content type": ({"content": {"parts": ["ok"]}}, "ok"),
}


@pytest.mark.parametrize(("fields", "text"), READABLE.values(), ids=READABLE)
def test_what_can_be_read_without_doubt_is_read(tmp_path: Path, fields: dict[str, Any], text: str) -> None:
    """Tools that rewrite exports leave such content; its text is plain."""
    found = chatgpt(tmp_path, node("b", "a", **fields))
    assert not found.quarantined
    assert texts_of(found.sessions[1])["b"] == text


@pytest.mark.parametrize(
    "given",
    [
        *(1_759_309_200 * unit for unit in (1, 1.0, 10**3, 10**6, 10**9)),
        *("1759309200", "1759309200000", "2025-10-01T09:00:00Z", "2025-10-01T11:00:00+02:00"),
    ],
)
def test_times_are_read_in_every_form(tmp_path: Path, given: Any) -> None:
    """Of a message and of a conversation: a number of seconds or smaller units, or text with an offset."""
    found = chatgpt(tmp_path, node("b", "a", create_time=given))
    assert found.sessions[1].messages[1].sent_at == utc("2025-10-01T09:00:00Z")
    path = export(tmp_path / "conversations.json", [conversation(create_time=given)])
    assert read_all([path], "chatgpt-export").sessions[0].created_at == utc("2025-10-01T09:00:00Z")


def test_a_prompt_without_content_is_still_the_prompt(tmp_path: Path) -> None:
    """The answer to a refused prompt is refused: the prompt keeps its role, time and origin."""
    found = chatgpt(tmp_path, node("b", "a", content=parts(7), create_time=1_759_309_200))
    lost = found.sessions[1].messages[1]
    assert (lost.role, lost.origin, lost.content) == ("user", "human", [])
    assert lost.sent_at == utc("2025-10-01T09:00:00Z")


def entry(message_id: str, sender: str = "human", **fields: Any) -> dict[str, Any]:
    return chat_message(message_id, sender, text=message_id.upper(), **fields)


CLAUDE: dict[str, tuple[Any, str, str, str]] = {
    "no object": (CANARY, "bad_field", "chat_messages[]", "text"),
    "no uuid": (entry("b") | {"uuid": None}, "missing_field", "chat_messages[].uuid", "null"),
    "unknown sender": (entry("b", CANARY), "bad_field", "chat_messages[].sender", "text"),
    "time a word": (entry("b", created_at="soon"), "bad_timestamp", "chat_messages[].created_at", "text"),
    "time without zone": (
        entry("b", created_at="2025-10-01T09:00:00"),
        "naive_timestamp",
        "chat_messages[].created_at",
        "text",
    ),
    "no time": (entry("b", created_at=None), "missing_field", "chat_messages[].created_at", "null"),
    "block no object": (entry("b", content=[CANARY]), "bad_field", "chat_messages[].content[]", "text"),
    "block without type": (
        entry("b", content=[{}]),
        "bad_field",
        "chat_messages[].content[].type",
        "missing",
    ),
    "text a list": (
        entry("b", content=[{"type": "text", "text": [CANARY]}]),
        "bad_field",
        "chat_messages[].content[].text",
        "list",
    ),
}


@pytest.mark.parametrize(("bad", "code", "field", "kind"), CLAUDE.values(), ids=CLAUDE)
@pytest.mark.parametrize("linked", [True, False])
def test_a_message_of_claude_is_lost_alone(
    tmp_path: Path, bad: Any, code: str, field: str, kind: str, linked: bool
) -> None:
    """The same for Claude.ai; a reply to a message that is left out replies to the one above it."""
    chat = [entry("a"), bad, entry("c"), entry("d", "assistant")]
    for one, above in zip(chat, [None, "a", "b", "c"], strict=True):
        if linked and isinstance(one, dict):
            one["parent_message_uuid"] = above
    items = [
        claude_exports.conversation(uuid="before"),
        claude_exports.conversation(*chat, uuid="middle"),
        claude_exports.conversation(uuid="after"),
    ]
    found = read_all([export(tmp_path / "conversations.json", items)], "claude-export")
    assert [session.conversation_id for session in found.sessions] == ["before", "middle", "after"]
    said = {name: text for name, text in texts_of(found.sessions[1]).items() if text}
    assert said == {"a": "A", "c": "C", "d": "D"}
    (lost,) = found.quarantined
    assert (lost.code, lost.field, lost.kind) == (code, field, kind)
    assert (lost.locator, lost.is_part) == ("item 1 message 1", True)
    assert CANARY not in repr(lost)
    if linked and isinstance(bad, dict) and bad["uuid"]:
        above = {message.message_id: message.parent_id for message in found.sessions[1].messages}
        assert above["c"] == ("b" if "b" in above else "a")


def test_the_sums_are_those_of_the_conversations(tmp_path: Path) -> None:
    """A lost message is an entry beside its session, and no session is counted twice."""
    bad = [{"conversation_id": "x", "create_time": 1.0, "mapping": {"a": 5, "b": 6}}, 7]
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(bad))
    found = read_all([path], "chatgpt-export")
    assert len(found.sessions) == 1
    assert [entry.is_part for entry in found.quarantined] == [True, True, False]
