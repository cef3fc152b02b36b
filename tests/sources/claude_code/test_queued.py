"""Prompts that a person types while Claude Code works: recorded as attachments, read as human messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.inspect import inspect
from schemas.tables import HUMAN
from tests.support.claude_code_logs import answer, call, line, read, result, shape

TYPED = "and check the tests too"


def queued(uuid: str, parent: str | None, prompt: Any = TYPED, /, **fields: Any) -> dict[str, Any]:
    """The line of a queued prompt; `held` are further fields of the attachment."""
    held = {"type": "queued_command", "prompt": prompt, "commandMode": "prompt"} | fields.pop("held", {})
    made = line(uuid, parent, "", attachment=held, rendered=[{"content": f"wrapped {prompt}"}], **fields)
    return {name: value for name, value in made.items() if name != "message"} | {"type": "attachment"}


def talk(*middle: Any) -> list[Any]:
    """A turn with a tool call, lines that come while the tool runs, and the next answer."""
    last = middle[-1]["uuid"] if middle else "r1"
    return [
        line("u1"),
        answer("a1", "u1", "t1", call("c1"), at=1),
        line("r1", "a1", result("c1"), at=3),
        *middle,
        answer("a2", last, "t2", "done", at=4),
    ]


def test_a_queued_prompt_is_a_human_message_at_its_time_and_place(tmp_path: Path) -> None:
    """Otherwise an answer follows nothing that asks for it, and words of a person are lost."""
    found = read(tmp_path, {"a.jsonl": talk(queued("q1", "r1", at=2))})
    (session,) = found.sessions
    assert shape(session) == [("u1", None), ("a1", "u1"), ("r1", "a1"), ("q1", "r1"), ("a2", "q1")]
    message = session.messages[3]
    assert (message.role, message.origin, message.sent_at.minute) == ("user", "human", 2)
    assert [block.text for block in message.content or () if not isinstance(block, str)] == [TYPED]
    assert found.facts["message_flags"][0].as_py()[3] == HUMAN


@pytest.mark.parametrize(
    "prompt",
    [
        [{"type": "text", "text": TYPED}, {"type": "image", "source": {"data": "AAAA"}}],
        f"<system-reminder>x</system-reminder>{TYPED}",
    ],
)
def test_images_and_reminders_do_not_change_the_origin_of_a_queued_prompt(
    tmp_path: Path, prompt: Any
) -> None:
    """A prompt with an image is a list; a reminder before the words does not change their origin."""
    (session,) = read(tmp_path, {"a.jsonl": talk(queued("q1", "r1", prompt))}).sessions
    assert [m.origin for m in session.messages] == ["human", "model", "tool", "human", "model"]


@pytest.mark.parametrize(
    "middle",
    [
        queued("q1", "r1", held={"commandMode": "task-notification"}),
        queued("q1", "r1", held={"commandMode": "bash"}),
        queued("q1", "r1", held={"origin": {"kind": "task-notification"}}),
        queued("q1", "r1", held={"isMeta": True}),
        queued("q1", "r1", held={"type": "edited_text_file"}),
        queued("q1", "r1", "<task-notification>done</task-notification>"),
        queued("q1", "r1", "  "),
        queued("q1", "r1", None),
        queued("q1", "r1", isSidechain=True),
        queued("q1", "r1", isMeta=True),
        queued("q1", "r1") | {"attachment": "queued_command"},
    ],
)
def test_notes_of_the_tool_are_dropped_and_still_link(tmp_path: Path, middle: Any) -> None:
    """Notes of background tasks use the same attachment type, and are far more frequent."""
    found = read(tmp_path, {"a.jsonl": talk(middle)})
    assert [shape(s) for s in found.sessions] == [[("u1", None), ("a1", "u1"), ("r1", "a1"), ("a2", "r1")]]
    assert not found.quarantined
    accounts = inspect(str(tmp_path), "claude-code")["formats"][0]["accounts"]["records"]
    assert accounts == {"used": 4, "dropped: attachment": 1}


def test_a_queued_prompt_that_is_sent_again_is_one_message(tmp_path: Path) -> None:
    """After a turn, prompts that are still queued are sent as user lines."""
    again = [*talk(queued("q1", "r1")), line("u2", "a2", TYPED, at=5), answer("a3", "u2", "t3", at=6)]
    (session,) = read(tmp_path, {"a.jsonl": again}).sessions
    chain = [("u1", None), ("a1", "u1"), ("r1", "a1"), ("a2", "r1"), ("u2", "a2"), ("a3", "u2")]
    assert shape(session) == chain
    counted = inspect(str(tmp_path), "claude-code")["formats"][0]["accounts"]
    assert counted == {"records": {"used": 6, "merged": 1}, "blocks": {"used": 6, "merged": 1}}


def test_two_queued_prompts_that_are_sent_again_are_one_message_each(tmp_path: Path) -> None:
    """A run of queued prompts is compared with as many of the next human lines."""
    lines = [
        *talk(queued("q1", "r1"), queued("q2", "q1", "and two")),
        line("u2", "a2", TYPED, at=5),
        answer("a3", "u2", "t3", at=6),
        line("u3", "a3", "and two", at=7),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert [m.message_id for m in session.messages if m.origin == "human"] == ["u1", "u2", "u3"]


def test_equal_prompts_with_another_prompt_between_are_two_messages(tmp_path: Path) -> None:
    """A person may type the same words many times, such as "go on"."""
    lines = [
        *talk(queued("q1", "r1")),
        line("u2", "a2", "thanks", at=5),
        answer("a3", "u2", "t3", at=6),
        line("u3", "a3", TYPED, at=7),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert [m.message_id for m in session.messages if m.origin == "human"] == ["u1", "q1", "u2", "u3"]


def test_two_queued_prompts_of_one_turn_are_two_messages(tmp_path: Path) -> None:
    """Also if their text is equal: each has its own id."""
    (session,) = read(tmp_path, {"a.jsonl": talk(queued("q1", "r1"), queued("q2", "q1"))}).sessions
    assert shape(session)[3:] == [("q1", "r1"), ("q2", "q1"), ("a2", "q2")]


def test_a_copied_queued_prompt_is_the_same_message(tmp_path: Path) -> None:
    """Copied history has new session ids and times, and keeps the uuids."""
    copied = [
        item | {"sessionId": "s2", "timestamp": "2025-11-01T10:00:00.000Z"}
        for item in talk(queued("q1", "r1"))
    ]
    found = read(tmp_path, {"a.jsonl": talk(queued("q1", "r1")), "b.jsonl": copied})
    (session,) = found.sessions
    assert len(session.messages) == 5
    assert session.messages[3].sent_at.month == 10


def test_a_queued_prompt_without_a_time_is_quarantined_and_still_links(tmp_path: Path) -> None:
    """Without a time, consent at that time cannot be checked."""
    found = read(tmp_path, {"a.jsonl": talk(queued("q1", "r1", timestamp=None))})
    assert found.codes == ["missing_field"]
    assert shape(found.sessions[0])[-1] == ("a2", "r1")


def test_a_queued_prompt_without_an_id_is_dropped(tmp_path: Path) -> None:
    """Neither links nor copies of it can be recognised."""
    nameless = {name: value for name, value in queued("q1", "r1").items() if name != "uuid"}
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in [*talk(), nameless]))
    accounts = inspect(str(path), "claude-code")["formats"][0]["accounts"]["records"]
    assert accounts == {"used": 4, "dropped: attachment": 1}
