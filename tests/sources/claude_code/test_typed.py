"""What a person typed is human, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.inspect import inspect
from schemas.records import Session
from tests.support.claude_code_logs import answer, call, line, read, result, shape

PLAN = "Implement the following plan:\n\n# Plan\n\n1. Rename it."
COMMAND = (
    "<command-message>review</command-message>\n<command-name>/review</command-name>\n"
    "<command-args>{}</command-args>"
)
REFUSED = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. x)."
SAID = f"{REFUSED} To tell you how to proceed, the user said:\n"
QUESTION = {"question": "Which?", "options": [{"label": "Red"}, {"label": "Blue"}]}


def texts(session: Session) -> list[tuple[str, str | None, str]]:
    """Id, origin and text of the messages of role user."""
    return [
        (m.message_id, m.origin, "".join(b.text or "" for b in m.content or () if not isinstance(b, str)))
        for m in session.messages
        if m.role == "user"
    ]


@pytest.mark.parametrize(
    ("content", "fields", "origin", "text"),
    [
        (PLAN, {}, "harness", PLAN),
        ("# Plan", {"planContent": "# Plan"}, "harness", "# Plan"),
        ("Please implement the following plan: rename it", {}, "human", None),
        ("Operation stopped by hook: busy", {}, "harness", None),
        ("Operation stopped by hook", {}, "harness", None),
        ("UserPromptSubmit operation blocked by hook:\nno", {}, "harness", None),
        ("Operation stopped by mistake", {}, "human", None),
        ("Why was it stopped by hooks?", {}, "human", None),
        ("[SYSTEM NOTIFICATION - NOT USER INPUT] x", {}, "harness", None),
        ("[SYSTEM] is a word", {}, "human", None),
        (COMMAND.format("the last commit"), {}, "human", "/review the last commit"),
        (COMMAND.format(" "), {}, "harness", None),
        (COMMAND.format("the last commit"), {"sourceToolUseID": "t"}, "harness", None),
        (COMMAND.format("the last commit"), {"isMeta": True}, "harness", None),
        ("see <command-name>/x</command-name> <command-args>y</command-args>", {}, "human", None),
        ([{"type": "hologram", "text": "words"}], {}, "harness", ""),
        ("hi", {"origin": {"kind": "someone-new"}}, "harness", None),
    ],
)
def test_only_typed_texts_are_human(
    tmp_path: Path, content: Any, fields: dict[str, Any], origin: str, text: str | None
) -> None:
    """A plan or a note that counts as a person's words resumes a session that nobody resumed."""
    (session,) = read(tmp_path, {"a.jsonl": [line("u1", None, content, **fields)]}).sessions
    assert texts(session) == [("u1", origin, content if text is None else text)]


def test_feedback_on_a_plan_is_human(tmp_path: Path) -> None:
    """The tool puts the plan and the person's words into one text."""
    lines = [line("u1", None, f"{PLAN}\n\nUser feedback on this plan: but slowly"), answer("a1", "u1", "t1")]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert texts(session) == [("u1", "harness", PLAN), ("u1/said", "human", "but slowly")]
    assert shape(session) == [("u1", None), ("u1/said", "u1"), ("a1", "u1/said")]


def test_a_command_that_the_model_runs_is_not_human(tmp_path: Path) -> None:
    """It follows the result of the model's call; a person's command does not."""
    lines = [
        line("u1"),
        answer("a1", "u1", "t1", call("c1")),
        line("r1", "a1", result("c1")),
        line("u2", "r1", COMMAND.format("all")),
        answer("a2", "u2", "t2"),
        line("u3", "a2", COMMAND.format("all")),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert [origin for _, origin, _ in texts(session)] == ["human", "harness", "human"]


def refused(text: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"type": "tool_result", "tool_use_id": "c1", "content": text, "is_error": True} | fields]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (refused(f"{SAID}run the unit tests"), "run the unit tests"),
        (refused(f"{SAID}no\n\nNote: The user's next message may contain a correction."), "no"),
        (refused([{"type": "text", "text": f"{SAID}no"}]), "no"),  # type: ignore[arg-type]
        (refused(f"{SAID}The user wants to clarify these questions.\n  x"), None),
        (refused(f"{SAID} "), None),
        (refused(f"{REFUSED} STOP what you are doing."), None),
        (refused(f"{SAID}no", is_error=False), None),
        (refused(f"cat log: {SAID}no"), None),
    ],
)
def test_the_reason_of_a_rejection_is_human(tmp_path: Path, content: Any, said: str | None) -> None:
    """The result stays as recorded, so that the call has its result."""
    lines = [
        line("u1"),
        answer("a1", "u1", "t1", call("c1")),
        line("r1", "a1", content),
        line("u2", "r1", "so"),
    ]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    expected = [("r1/said", "human", said)] if said else []
    assert texts(session) == [("u1", "human", "hi"), *expected, ("u2", "human", "so")]
    assert [m.role for m in session.messages][:3] == ["user", "assistant", "tool"]
    counted = inspect(str(tmp_path), "claude-code")["formats"][0]["accounts"]["records"]
    assert counted == {"used": 4}


@pytest.mark.parametrize("is_structured", [True, False])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Red", None),
        ("Red, Blue", None),
        ("Other", None),
        ("green, like grass", "green, like grass"),
        ("Red, but dark", "but dark"),
        ("Reddish", "Reddish"),
    ],
)
def test_a_typed_answer_is_human_and_an_offered_label_is_not(
    tmp_path: Path, given: str, said: str | None, is_structured: bool
) -> None:
    """The model wrote the labels; only other words are the person's."""
    used = [{"type": "tool_use", "id": "c1", "name": "AskUserQuestion", "input": {"questions": [QUESTION]}}]
    text = f'User has answered your questions: "Which?"="{given}". You can now continue.'
    block = [{"type": "tool_result", "tool_use_id": "c1", "content": text}]
    held = {"questions": [QUESTION], "answers": {"Which?": given}} if is_structured else "x"
    lines = [line("u1"), answer("a1", "u1", "t1", used), line("r1", "a1", block, toolUseResult=held)]
    (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
    assert texts(session)[1:] == ([("r1/said", "human", said)] if said else [])


def test_notes_on_an_answer_are_human(tmp_path: Path) -> None:
    """A person may choose a label and add words."""
    used = [{"type": "tool_use", "id": "c1", "name": "AskUserQuestion", "input": {"questions": [QUESTION]}}]
    text = 'Your questions have been answered: "Which?"="Red" user notes: not too dark. You can now continue.'
    block = [{"type": "tool_result", "tool_use_id": "c1", "content": text}]
    held = {"answers": {"Which?": "Red"}, "annotations": {"Which?": {"notes": "not too dark"}}}
    for extra in ({"toolUseResult": held}, {}):
        lines = [line("u1"), answer("a1", "u1", "t1", used), line("r1", "a1", block, **extra)]
        (session,) = read(tmp_path, {"a.jsonl": lines}).sessions
        assert texts(session)[1:] == [("r1/said", "human", "not too dark")]
