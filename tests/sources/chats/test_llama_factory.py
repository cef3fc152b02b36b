"""Lists of turns in the form of LLaMA-Factory: parts with `value`, several calls in one turn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Block
from tests.sources.chats.test_lists import one, shared

CALLS = [{"name": "look", "arguments": {"at": "x"}}, {"name": "find", "arguments": {}}]


def part(kind: str, value: str) -> dict[str, Any]:
    return {"type": kind, "value": value}


def test_parts_with_a_value_are_read(tmp_path: Path) -> None:
    """If only `text` were read, all words of such a record would be lost."""
    messages = [
        {"role": "system", "content": [part("text", "be kind")], "loss_weight": 0.0},
        {"role": "user", "content": [part("text", "q"), part("image_url", "https://x/canary.png")]},
        {"role": "assistant", "content": [part("reasoning", "hm"), part("tool_call", json.dumps(CALLS[0]))]},
        {"role": "tool", "content": [part("text", "seen")]},
        {"role": "assistant", "content": [part("text", "a")], "loss_weight": 1.0},
    ]
    session = one(tmp_path / "a.jsonl", {"messages": messages, "tools": "[]"}, "openai-messages")
    assert [message.role for message in session.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [message.content for message in session.messages] == [
        [Block("text", text="be kind")],
        [Block("text", text="q"), Block("image")],
        [Block("thinking", thinking="hm"), Block("tool_use", name="look", input={"at": "x"})],
        [Block("tool_result", content="seen")],
        [Block("text", text="a")],
    ]


def test_several_calls_in_one_turn_stay_calls(tmp_path: Path) -> None:
    """As one text they could be neither masked by key nor used for training."""
    turns = [("human", "q"), ("function_call", json.dumps(CALLS)), ("observation", "seen")]
    session = one(tmp_path / "a.jsonl", shared(*turns), "sharegpt")
    assert session.messages[1].content == [
        Block("tool_use", id="1", name="look", input={"at": "x"}),
        Block("tool_use", name="find", input={}),
    ]
    assert session.messages[2].content == [Block("tool_result", tool_use_id="1", content="seen")]


@pytest.mark.parametrize("text", ["[]", "[1]", "5", "no json", '"x"', "null"])
def test_a_call_that_is_not_json_keeps_its_text(tmp_path: Path, text: str) -> None:
    """The text is kept as the input of the call."""
    session = one(tmp_path / "a.jsonl", shared(("function_call", text)), "sharegpt")
    assert session.messages[0].content == [Block("tool_use", id="0", input=text)]
