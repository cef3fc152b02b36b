"""Logged chat completions of OpenAI, and notes that a coding tool adds to its requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.records import Message
from tests.support.source_files import Everything, read_all, write_lines

AT = "2026-01-01T10:00:00Z"


def read(path: Path, request: dict[str, Any], response: Any) -> Everything:
    call = {"timestamp": AT, "request": request, "response": response}
    return read_all([write_lines(path / "log.jsonl", [call])], "anthropic-messages")


def said(message: Message) -> tuple[str, str | None, list[str]]:
    blocks = message.content if isinstance(message.content, list) else []
    return message.role, message.origin, [block.text or block.name or str(block.content) for block in blocks]


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"body": body}], ids=["bare", "body"])
def test_a_completion_of_openai_is_an_answer(tmp_path: Path, wrap: Any) -> None:
    """The same proxies log both APIs. Without its answer a conversation looked as if the call had failed."""
    called = [{"id": "t", "type": "function", "function": {"name": "ls", "arguments": "{}"}}]
    messages = [
        {"role": "developer", "content": "be short"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "tool_calls": called},
        {"role": "tool", "tool_call_id": "t", "content": "files"},
    ]
    choices = [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}]
    found = read(
        tmp_path, wrap({"messages": messages}), wrap({"object": "chat.completion", "choices": choices})
    )
    assert found.codes == []
    assert [said(message) for message in found.sessions[0].messages] == [
        ("system", None, ["be short"]),
        ("user", None, ["q"]),
        ("assistant", "model", ["ls"]),
        ("tool", "tool", ["files"]),
        ("assistant", "model", ["a"]),
    ]


def test_choices_are_alternatives_and_a_failed_call_has_none(tmp_path: Path) -> None:
    """Two answers of one prompt are branches, not a dialogue."""
    request = {"messages": [{"role": "user", "content": "q"}]}
    texts = [{"message": {"role": "assistant", "content": text}} for text in ("a", "b")]
    (session,) = read(tmp_path, request, {"choices": [*texts, None, {"message": None}]}).sessions
    prompt, *answers = session.messages
    assert [answer.parent_id for answer in answers] == [prompt.message_id] * 2
    (session,) = read(tmp_path, request, {"error": {"message": "no"}}).sessions
    assert [message.role for message in session.messages] == ["user"]
    assert read(tmp_path, request, {"choices": [{"message": {"role": "x"}}]}).codes == ["bad_field"]


REMINDER = "<system-reminder>\n# claudeMd\nBe brief.\n</system-reminder>"


@pytest.mark.parametrize(
    ("texts", "origin"),
    [
        ([REMINDER], "harness"),
        ([REMINDER, f"\n{REMINDER}\n"], "harness"),
        ([f"{REMINDER}\n\nq"], None),
        ([REMINDER, "q"], None),
        (["q", REMINDER], None),
        (["<system-reminder> without an end"], None),
        (["why <system-reminder>x</system-reminder>?"], None),
    ],
)
def test_reminders_of_a_coding_tool_alone_are_no_words_of_a_person(
    tmp_path: Path, texts: list[str], origin: str | None
) -> None:
    """They come beside each result of a tool, and an old conversation would count as resumed."""
    for content in ([{"type": "text", "text": text} for text in texts], "".join(texts)):
        request = {"messages": [{"role": "user", "content": content}]}
        response = {"role": "assistant", "type": "message", "content": [{"type": "text", "text": "a"}]}
        (session,) = read(tmp_path, request, response).sessions
        assert [message.origin for message in session.messages] == [origin, "model"]
