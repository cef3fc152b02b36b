"""Messages to training messages and back through the mask: structure stays, every text is seen."""

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
    """Trainers expect OpenAI-like calls; ids of the source do not leave."""
    result = Block("tool_result", tool_use_id="toolu_raw", content=[Block("text", text="out")])
    said, answered = rows(
        [message("assistant", [Block("text", text="I run it."), CALL]), message("user", [result])]
    )
    calls = json.loads(said["tool_calls"] or "")
    assert calls[0]["id"] == "call_1"
    assert calls[0]["function"]["name"] == "bash"
    assert calls[0]["function"]["arguments"] == CALL.input
    assert (answered["role"], answered["content"]) == ("tool", "out")
    assert (answered["tool_call_id"], answered["name"]) == ("call_1", "bash")
    assert "toolu_raw" not in json.dumps([said, answered])


def test_every_string_key_and_long_number_of_an_input_is_offered_to_the_mask() -> None:
    """PII hides in keys and in bare numbers too."""
    texts = [segment.text for segment in outline([[message("assistant", [CALL])]]).segments]
    assert {"cat x", "a@example.com", "b@example.com", "k", "v", "4242424242424242", "cmd"} <= set(texts)
    assert "7" not in texts


def test_masked_keys_and_numbers_leave_valid_json_and_lose_nothing() -> None:
    """Two keys masked alike must not become one, a masked number becomes a string."""
    made = rows(
        [message("assistant", [CALL])], lambda text: "<X>" if "@" in text or text.startswith("42") else text
    )
    arguments = json.loads(made[0]["tool_calls"] or "")[0]["function"]["arguments"]
    assert arguments["deep"] == [{"<X>": "k", "<X>#2": "v"}]
    assert (arguments["card"], arguments["n"], arguments["ok"]) == ("<X>", 7, True)


def test_unknown_blocks_are_named_and_images_dropped_and_counted() -> None:
    """What is not understood is kept as a typed word, never with its payload."""
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
    """Null, not empty text: what chat templates expect."""
    made = rows([message("assistant", [Block("thinking", thinking="hm"), CALL])])[0]
    assert made["content"] is None
    assert made["thinking"] == "hm"


def test_threads_are_rows_of_their_own_with_one_set_of_texts() -> None:
    """Subagents share the session's surrogates, so they are masked with it."""
    outlined = outline([[message("user", "a")], [message("user", "b"), message("assistant", "c")]])
    assert [len(row) for row in outlined.rows] == [1, 2]
    assert [segment.text for segment in outlined.segments] == ["a", "b", "c"]
