"""What a person types while Claude Code works: it stands in an attachment, and is a person's all the same."""

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
    """The line of a prompt that was put into a running turn; `held` are further fields of the attachment."""
    held = {"type": "queued_command", "prompt": prompt, "commandMode": "prompt"} | fields.pop("held", {})
    made = line(uuid, parent, "", attachment=held, rendered=[{"content": f"wrapped {prompt}"}], **fields)
    return {name: value for name, value in made.items() if name != "message"} | {"type": "attachment"}


def talk(*middle: Any) -> list[Any]:
    """A turn with a call, what comes while it runs, and the answer to that."""
    last = middle[-1]["uuid"] if middle else "r1"
    return [
        line("u1"),
        answer("a1", "u1", "t1", call("c1"), at=1),
        line("r1", "a1", result("c1"), at=3),
        *middle,
        answer("a2", last, "t2", "done", at=4),
    ]


def test_what_a_person_typed_meanwhile_is_a_message_of_theirs_at_its_time_and_place(tmp_path: Path) -> None:
    """Else an answer stands after nothing that asks for it, and a person's words are known nowhere."""
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
def test_images_and_reminders_beside_the_words_do_not_make_them_another_s(
    tmp_path: Path, prompt: Any
) -> None:
    """A prompt with a picture is a list; what the tool puts before words is not theirs, and they are."""
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
def test_what_the_tool_put_there_is_dropped_and_links_all_the_same(tmp_path: Path, middle: Any) -> None:
    """Notes of tasks in the background come by the same door, many more than words of people."""
    found = read(tmp_path, {"a.jsonl": talk(middle)})
    assert [shape(s) for s in found.sessions] == [[("u1", None), ("a1", "u1"), ("r1", "a1"), ("a2", "r1")]]
    assert not found.quarantined
    accounts = inspect(str(tmp_path), "claude-code")["formats"][0]["accounts"]["records"]
    assert accounts == {"used": 4, "dropped: attachment": 1}


def test_what_became_a_line_of_the_users_as_well_stands_once(tmp_path: Path) -> None:
    """Whatever the queue still held when the turn was over is sent as any prompt is."""
    again = [*talk(queued("q1", "r1")), line("u2", "a2", TYPED, at=5), answer("a3", "u2", "t3", at=6)]
    (session,) = read(tmp_path, {"a.jsonl": again}).sessions
    chain = [("u1", None), ("a1", "u1"), ("r1", "a1"), ("a2", "r1"), ("u2", "a2"), ("a3", "u2")]
    assert shape(session) == chain
    counted = inspect(str(tmp_path), "claude-code")["formats"][0]["accounts"]
    assert counted == {"records": {"used": 6, "merged": 1}, "blocks": {"used": 6, "merged": 1}}


def test_two_that_became_lines_as_well_stand_once_each(tmp_path: Path) -> None:
    lines = [
        *talk(queued("q1", "r1"), queued("q2", "q1", "and two")),
        line("u2", "a2", TYPED, at=5),
        answer("a3", "u2", "t3", at=6),
        line("u3", "a3", "and two", at=7),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert [m.message_id for m in session.messages if m.origin == "human"] == ["u1", "u2", "u3"]


def test_the_same_words_said_again_after_others_are_said_twice(tmp_path: Path) -> None:
    """People say "go on" many times."""
    lines = [
        *talk(queued("q1", "r1")),
        line("u2", "a2", "thanks", at=5),
        answer("a3", "u2", "t3", at=6),
        line("u3", "a3", TYPED, at=7),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert [m.message_id for m in session.messages if m.origin == "human"] == ["u1", "q1", "u2", "u3"]


def test_two_that_were_typed_in_one_turn_are_two(tmp_path: Path) -> None:
    """Also if they say the same: each has its own id."""
    (session,) = read(tmp_path, {"a.jsonl": talk(queued("q1", "r1"), queued("q2", "q1"))}).sessions
    assert shape(session)[3:] == [("q1", "r1"), ("q2", "q1"), ("a2", "q2")]


def test_a_copy_of_it_in_a_resumed_session_is_the_same_message(tmp_path: Path) -> None:
    """Copied history has new session ids and times and keeps the ids of its lines."""
    copied = [
        item | {"sessionId": "s2", "timestamp": "2025-11-01T10:00:00.000Z"}
        for item in talk(queued("q1", "r1"))
    ]
    found = read(tmp_path, {"a.jsonl": talk(queued("q1", "r1")), "b.jsonl": copied})
    (session,) = found.sessions
    assert len(session.messages) == 5
    assert session.messages[3].sent_at.month == 10


def test_one_without_a_time_is_told_and_links_all_the_same(tmp_path: Path) -> None:
    """A person's words at no time cannot be weighed against what the person had agreed to by then."""
    found = read(tmp_path, {"a.jsonl": talk(queued("q1", "r1", timestamp=None))})
    assert found.codes == ["missing_field"]
    assert shape(found.sessions[0])[-1] == ("a2", "r1")


def test_one_without_an_id_is_dropped(tmp_path: Path) -> None:
    """Nothing could be linked to it, nor a copy of it known."""
    nameless = {name: value for name, value in queued("q1", "r1").items() if name != "uuid"}
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in [*talk(), nameless]))
    accounts = inspect(str(path), "claude-code")["formats"][0]["accounts"]["records"]
    assert accounts == {"used": 4, "dropped: attachment": 1}
