"""Prompts that are only in the lines of the queue."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.inspect import inspect
from tests.support.claude_code_logs import answer, call, line, read, result, shape

TYPED = "also keep the old name"
QUEUED = f"a1/queued-{hashlib.sha256(TYPED.encode()).hexdigest()[:12]}-1"


def step(operation: str, content: Any = None, *, at: int = 2, **fields: Any) -> dict[str, Any]:
    """A line of the queue."""
    made = {"type": "queue-operation", "operation": operation, "sessionId": "s1"}
    made |= {"timestamp": f"2025-10-01T10:{at:02}:00.000Z"} | fields
    return made if content is None else made | {"content": content}


def talk(*middle: Any, end: bool = True) -> list[Any]:
    """A call, lines of the queue, its result and the next answer."""
    begin = [line("u1"), answer("a1", "u1", "t1", call("c1"), at=1), *middle]
    return begin + ([line("r1", "a1", result("c1"), at=5), answer("a2", "r1", "t2", at=6)] if end else [])


PLAIN = [("u1", None), ("a1", "u1"), ("r1", "a1"), ("a2", "r1")]
WITH = [*PLAIN[:3], (QUEUED, "r1"), ("a2", QUEUED)]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([step("enqueue", TYPED), step("remove")], WITH),
        ([step("enqueue", TYPED), step("remove", TYPED, reason="absorbed_mid_turn")], WITH),
        ([step("enqueue", TYPED), step("dequeue")], WITH),
        ([step("enqueue", [{"type": "text", "text": TYPED}]), step("remove")], WITH),
        ([step("enqueue", TYPED), step("remove", reason="withdrawn")], PLAIN),
        ([step("enqueue", TYPED), step("popAll", TYPED)], PLAIN),
        ([step("enqueue", TYPED), step("popAll"), step("remove")], PLAIN),
        ([step("enqueue", TYPED)], PLAIN),
        ([step("remove", TYPED)], PLAIN),
        ([step("enqueue", "/compact"), step("remove")], PLAIN),
        ([step("enqueue", "<task-notification>x</task-notification>"), step("remove")], PLAIN),
        ([step("enqueue", TYPED, sessionId="s9"), step("remove")], PLAIN),
    ],
)
def test_a_prompt_that_left_the_queue_for_the_model_is_human(
    tmp_path: Path, steps: list[Any], expected: list[Any]
) -> None:
    """It is at the time of its typing, behind the results of the running turn."""
    found = read(tmp_path, {"a.jsonl": talk(*steps)})
    (session,) = found.sessions
    assert shape(session) == expected
    human = {m.message_id: m.sent_at.minute for m in session.messages if m.origin == "human"}
    assert human == {"u1": 0} | ({QUEUED: 2} if expected is WITH else {})
    counted = inspect(str(tmp_path), "claude-code")["formats"][0]["accounts"]["records"]
    dropped = len(steps) - (expected is WITH)
    assert counted == {"used": len(expected)} | ({"dropped: queue-operation": dropped} if dropped else {})


def test_a_note_of_the_tool_before_a_prompt_does_not_take_its_removal(tmp_path: Path) -> None:
    """A line that removes has no text in some versions; notes wait in the same queue."""
    note = step("enqueue", "<task-notification>x</task-notification>")
    (session,) = read(tmp_path, {"a.jsonl": talk(note, step("enqueue", TYPED), step("remove"))}).sessions
    assert (QUEUED, "r1") in shape(session)


@pytest.mark.parametrize(
    "later",
    [
        [line("u2", "a2", TYPED)],
        [line("u2", "a2", [{"type": "text", "text": f" {TYPED}\n"}])],
        [line("u2", "a2", f"<system-reminder>x</system-reminder>{TYPED}")],
        [line("u2", "a2", TYPED, isMeta=True)],
        [line("u2", "a2", f"<bash-input>{TYPED}</bash-input>")],
    ],
)
def test_words_in_a_line_are_one_message(tmp_path: Path, later: list[Any]) -> None:
    """The line is the message; its origin decides."""
    (session,) = read(tmp_path, {"a.jsonl": talk(step("enqueue", TYPED), step("dequeue")) + later}).sessions
    assert shape(session) == [*PLAIN, ("u2", "a2")]


def test_prompts_that_are_sent_in_one_line_are_one_message(tmp_path: Path) -> None:
    """Versions join the prompts of the queue, some without a line break."""
    steps = [step("enqueue", "one"), step("enqueue", "two"), step("dequeue"), step("dequeue")]
    for text in ("one\ntwo", "onetwo"):
        (session,) = read(tmp_path, {"a.jsonl": [*talk(*steps), line("u2", "a2", text)]}).sessions
        assert shape(session) == [*PLAIN, ("u2", "a2")]


def test_equal_words_after_another_prompt_are_a_second_message(tmp_path: Path) -> None:
    """A person may type the same words many times."""
    later = [line("u2", "a2", "thanks"), line("u3", "u2", TYPED)]
    (session,) = read(tmp_path, {"a.jsonl": talk(step("enqueue", TYPED), step("remove")) + later}).sessions
    assert [m.message_id for m in session.messages if m.origin == "human"] == [
        "u1",
        QUEUED,
        "u2",
        "u3",
    ]


def test_ids_stay_equal_while_the_log_grows_and_is_copied(tmp_path: Path) -> None:
    """Deletions, and comparisons of versions, name messages and conversations by id."""
    whole = [
        *talk(step("enqueue", TYPED), step("remove")),
        line("u2", "a2", "next", at=7),
        step("enqueue", "last", at=8),
        step("dequeue", at=8),
        line("u3", "u2", "last", at=9),
    ]
    known: set[str] = set()
    for count in range(1, len(whole) + 1):
        found = read(tmp_path / str(count), {"a.jsonl": whole[:count]}).sessions
        ids = {message.message_id for session in found for message in session.messages}
        assert known <= ids
        assert {session.conversation_id for session in found} == {"u1"}
        known = ids
    copied = [item | {"sessionId": "s2"} for item in whole]
    (session,) = read(tmp_path / "both", {"a.jsonl": whole, "b.jsonl": copied}).sessions
    assert {message.message_id for message in session.messages} == known


def test_prompts_after_one_line_in_two_copies_are_two_messages(tmp_path: Path) -> None:
    """A log that is resumed twice has the same last line before other prompts."""
    other = [step("enqueue", "another"), step("remove")]
    files = {
        "a.jsonl": talk(step("enqueue", TYPED), step("remove")),
        "b.jsonl": [item | {"sessionId": "s2"} for item in talk(*other)],
    }
    (session,) = read(tmp_path, files).sessions
    assert sum(message.origin == "human" for message in session.messages) == 3


def test_a_prompt_without_a_time_is_quarantined(tmp_path: Path) -> None:
    """Without a time, consent at that time cannot be checked."""
    found = read(tmp_path, {"a.jsonl": talk(step("enqueue", TYPED, timestamp=None), step("remove"))})
    assert found.codes == ["missing_field"]
    assert shape(found.sessions[0]) == PLAIN
