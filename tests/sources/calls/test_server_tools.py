"""Tools that run on the server of the Anthropic Messages API: their results are inside the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Block, Message
from tests.support.source_files import read_all, write_lines

CANARY = "canary-31"
AT = "2026-01-05T10:00:00Z"
_PAGE = {"type": "text", "media_type": "text/plain", "data": "page"}
RESULTS: dict[str, tuple[Any, str, bool | None]] = {
    "web_search_tool_result": (
        [
            {
                "type": "web_search_result",
                "title": "T",
                "url": "https://x.example",
                "encrypted_content": CANARY,
            },
            {"type": "web_search_result", "title": "U", "page_age": CANARY},
        ],
        "T\nhttps://x.example\nU",
        None,
    ),
    "web_fetch_tool_result": (
        {
            "type": "web_fetch_result",
            "url": "https://x.example",
            "content": {"type": "document", "title": "T", "source": _PAGE},
        },
        "https://x.example\nT\npage",
        None,
    ),
    "code_execution_tool_result": (
        {"type": "code_execution_result", "stdout": "1", "stderr": "warn", "return_code": 0, "content": []},
        "1\nwarn",
        None,
    ),
    "bash_code_execution_tool_result": (
        {"type": "bash_code_execution_tool_result_error", "error_code": "unavailable"},
        "unavailable",
        True,
    ),
    "text_editor_code_execution_tool_result": (
        {"type": "text_editor_code_execution_view_result", "content": "line", "num_lines": 1},
        "line",
        None,
    ),
    "advisor_tool_result": ({"type": "advisor_result", "text": "do"}, "do", None),
    "tool_of_next_year_tool_result": ("plain", "plain", None),
}


def read(tmp_path: Path, *calls: dict[str, Any]) -> list[Message]:
    found = read_all([write_lines(tmp_path / "log.jsonl", calls)], "anthropic-messages")
    assert not found.quarantined
    return [message for session in found.sessions for message in session.messages]


def answer(*blocks: dict[str, Any]) -> dict[str, Any]:
    asked = [{"role": "user", "content": "q"}]
    said = {"type": "message", "role": "assistant", "content": [*blocks]}
    return {"timestamp": AT, "request": {"messages": asked}, "response": said}


@pytest.mark.parametrize("kind", RESULTS)
def test_a_result_closes_its_call(tmp_path: Path, kind: str) -> None:
    """It is a message of role tool between the call and the text that follows, without encrypted contents."""
    content, text, failed = RESULTS[kind]
    use = {"type": "server_tool_use", "id": "s1", "name": "tool", "input": {"query": "x"}}
    result = {"type": kind, "tool_use_id": "s1", "content": content}
    messages = read(tmp_path, answer(use, result, {"type": "text", "text": "so"}))
    assert [message.role for message in messages] == ["user", "assistant", "tool", "assistant"]
    ids = [message.message_id for message in messages]
    assert [message.parent_id for message in messages] == [None, *ids[:-1]]
    assert [message.content for message in messages[1:]] == [
        [Block("tool_use", id="s1", name="tool", input={"query": "x"})],
        [Block("tool_result", tool_use_id="s1", content=text, is_error=failed)],
        [Block("text", text="so")],
    ]


def test_a_result_of_mcp_keeps_its_blocks(tmp_path: Path) -> None:
    """Its content is text or blocks, as that of other tools."""
    texts = [{"type": "text", "text": "r"}]
    use = {"type": "mcp_tool_use", "id": "m1", "name": "tool", "server_name": CANARY, "input": {}}
    result = {"type": "mcp_tool_result", "tool_use_id": "m1", "is_error": False, "content": texts}
    messages = read(tmp_path, answer(use, result))
    assert [message.role for message in messages] == ["user", "assistant", "tool"]
    assert messages[-1].content == [Block("tool_result", tool_use_id="m1", content=texts)]


def test_an_answer_that_is_sent_again_is_the_same_messages(tmp_path: Path) -> None:
    """The next call repeats the answer with its results: the conversation stays one, and grows."""
    use = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
    first, second = (
        answer(use, result, {"type": "text", "text": "so"}),
        answer({"type": "text", "text": "more"}),
    )
    repeated = {"role": "assistant", "content": first["response"]["content"]}
    asked = [*first["request"]["messages"], repeated, {"role": "user", "content": "go on"}]
    second["request"]["messages"] = asked
    found = read_all([write_lines(tmp_path / "log.jsonl", [first, second])], "anthropic-messages")
    assert len({session.conversation_id for session in found.sessions}) == 1
    one, two = ([message.message_id for message in session.messages] for session in found.sessions)
    assert two[: len(one)] == one
    assert len(two) == len(one) + 2


_YAML = f"""version: 1
interactions:
- recorded_at: {AT}
  request:
    method: POST
    parsed_body:
      messages:
      - {{content: q, role: user}}
  response:
    parsed_body:
      role: assistant
      type: message
      content:
      - {{id: t, name: ls, type: tool_use, input: {{n: 1, all: true, x: null, s: '2', e: -1.5e3, 7: no}}}}
"""


def test_a_parsed_body_of_a_cassette_is_read(tmp_path: Path) -> None:
    """Some recorders write JSON bodies as values of the cassette, with numbers and words as JSON has them."""
    values = {"n": 1, "all": True, "x": None, "s": "2", "e": -1500.0, "7": "no"}
    call = answer({"type": "tool_use", "id": "t", "name": "ls", "input": values})
    recorded = {
        "recorded_at": AT,
        "request": {"method": "POST", "uri": CANARY, "body": "ignored", "parsed_body": call["request"]},
        "response": {"status": {"code": 200}, "parsed_body": call["response"]},
    }
    (tmp_path / "a.json").write_text(json.dumps({"interactions": [recorded], "version": 1}))
    (tmp_path / "b.yaml").write_text(_YAML)
    for name in ("a.json", "b.yaml"):
        (session,) = read_all([tmp_path / name], "anthropic-messages").sessions
        assert [message.role for message in session.messages] == ["user", "assistant"]
        assert session.messages[1].content == [Block("tool_use", id="t", name="ls", input=values)]
