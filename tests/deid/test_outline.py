"""Messages become training messages: the structure is unchanged, and every text is masked."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from schemas.records import Block, Message
from transforms.deid.outline import outline, training_messages

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def message(role: Any, content: Any) -> Message:
    return Message(message_id="m", role=role, sent_at=AT, content=content)


def rows(messages: list[Message], mask: Any = lambda text: text) -> list[dict[str, str | None]]:
    outlined = outline([messages])
    return training_messages(outlined.rows[0], [mask(segment.text) for segment in outlined.segments])


CALL = Block(
    "tool_use",
    id="toolu_raw",
    name="bash",
    input={
        "cmd": "cat x",
        "deep": [{"a@example.com": "k", "b@example.com": "v"}],
        "card": 4242424242424242,
        "n": 7,
        "ok": True,
    },
)


def test_a_tool_call_becomes_json_and_its_result_refers_to_it() -> None:
    """Trainers expect calls in the OpenAI format. Ids of the source must not be written."""
    result = Block("tool_result", tool_use_id="toolu_raw", content=[Block("text", text="out")])
    first, answered = rows(
        [message("assistant", [Block("text", text="I run it."), CALL]), message("user", [result])]
    )
    calls = json.loads(first["tool_calls"] or "")
    assert calls[0]["id"] == "call_1"
    assert calls[0]["function"]["name"] == "bash"
    assert calls[0]["function"]["arguments"] == CALL.input
    assert (answered["role"], answered["content"]) == ("tool", "out")
    assert (answered["tool_call_id"], answered["name"]) == ("call_1", "bash")
    assert "toolu_raw" not in json.dumps([first, answered])


def test_every_string_key_and_long_number_of_a_tool_input_is_a_segment_to_mask() -> None:
    """Keys and numbers can contain personal data, too."""
    texts = [segment.text for segment in outline([[message("assistant", [CALL])]]).segments]
    assert {"cat x", "a@example.com", "b@example.com", "k", "v", "4242424242424242", "cmd"} <= set(texts)
    assert "7" not in texts


def test_masked_keys_and_numbers_leave_valid_json_and_lose_nothing() -> None:
    """Two keys with equal surrogates must stay two keys; a masked number becomes a string."""
    made = rows(
        [message("assistant", [CALL])], lambda text: "<X>" if "@" in text or text.startswith("42") else text
    )
    arguments = json.loads(made[0]["tool_calls"] or "")[0]["function"]["arguments"]
    assert arguments["deep"] == [{"<X>": "k", "<X>#2": "v"}]
    assert (arguments["card"], arguments["n"], arguments["ok"]) == ("<X>", 7, True)


def test_unknown_blocks_are_named_and_images_dropped_and_counted() -> None:
    """Only the type of an unknown block is written, never its payload."""
    blocks = [
        Block("text", text="see"),
        Block("image"),
        Block("server_tool_use"),
        Block("Bad Type: bob@example.com"),
    ]
    outlined = outline([[message("user", blocks)]])
    assert outlined.segments[0].text == "see\n\n[server_tool_use]\n\n[other]"
    assert outlined.dropped == 1


def test_a_message_with_only_calls_has_no_content() -> None:
    """Chat templates expect null instead of an empty text."""
    made = rows([message("assistant", [Block("thinking", thinking="hm"), CALL])])[0]
    assert made["content"] is None
    assert made["thinking"] == "hm"


def test_threads_are_separate_rows_and_are_masked_together() -> None:
    """Subagent threads share the surrogates of the session, so they are masked with it."""
    outlined = outline([[message("user", "a")], [message("user", "b"), message("assistant", "c")]])
    assert [len(row) for row in outlined.rows] == [1, 2]
    assert [segment.text for segment in outlined.segments] == ["a", "b", "c"]
