"""The same synthetic chats with a tool call in each turn, in the JSON formats of API calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from benchmarks.chats_in_formats import Turns

_AT = "2026-01-05T00:00:01Z"
_TOOL = "read_file"
Spoken = list[tuple[str, dict[str, str], str, str]]


def _spoken(turns: Turns) -> Spoken:
    """For each two turns: the question, the input and the result of a tool, and the answer."""
    texts = [text for _, text, _ in turns]
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return [(asked, {"path": "notes.md", "text": asked}, said, said) for asked, said in pairs]


def _lined(items: Iterable[Any]) -> Iterator[str]:
    return (json.dumps(item) + "\n" for item in items)


def _openai(found: Iterator[Turns]) -> Iterator[str]:
    def messages(number: int, asked: str, given: dict[str, str], gave: str, said: str) -> list[Any]:
        function = {"name": _TOOL, "arguments": json.dumps(given)}
        call = {"id": f"call_{number}", "type": "function", "function": function}
        return [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": gave},
            {"role": "assistant", "content": said},
        ]

    return _lined(
        {"messages": [each for k, one in enumerate(_spoken(turns)) for each in messages(k, *one)]}
        for turns in found
    )


def _anthropic(found: Iterator[Turns]) -> Iterator[str]:
    def messages(number: int, asked: str, given: dict[str, str], gave: str, said: str) -> list[Any]:
        use = {"type": "tool_use", "id": f"toolu_{number}", "name": _TOOL, "input": given}
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": gave}
        return [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": [{"type": "text", "text": "I look it up."}, use]},
            {"role": "user", "content": [result]},
            {"role": "assistant", "content": [{"type": "text", "text": said}]},
        ]

    def call(number: int, turns: Turns) -> dict[str, Any]:
        *said, answer = [each for k, one in enumerate(_spoken(turns)) for each in messages(k, *one)]
        request = {"model": "m", "messages": said, "metadata": {"user_id": f"u{number % 97}"}}
        return {"timestamp": _AT, "request": request, "response": {"type": "message", **answer}}

    return _lined(call(number, turns) for number, turns in enumerate(found))


def _otel(found: Iterator[Turns]) -> Iterator[str]:
    def messages(number: int, asked: str, given: dict[str, str], gave: str, said: str) -> list[Any]:
        use = {"type": "tool_call", "id": f"call_{number}", "name": _TOOL, "arguments": given}
        result = {"type": "tool_call_response", "id": use["id"], "response": gave}
        return [
            {"role": "user", "parts": [{"type": "text", "content": asked}]},
            {"role": "assistant", "parts": [use]},
            {"role": "tool", "parts": [result]},
            {"role": "assistant", "parts": [{"type": "text", "content": said}]},
        ]

    def span(number: int, turns: Turns) -> dict[str, Any]:
        *said, answer = [each for k, one in enumerate(_spoken(turns)) for each in messages(k, *one)]
        attributes = {
            "gen_ai.conversation.id": f"c{number}",
            "gen_ai.input.messages": json.dumps(said),
            "gen_ai.output.messages": json.dumps([answer]),
        }
        return {"span_id": f"{number}", "start_time": _AT, "end_time": _AT, "attributes": attributes}

    return _lined(span(number, turns) for number, turns in enumerate(found))


WRITERS: dict[str, tuple[Callable[[Iterator[Turns]], Iterator[str]], str]] = {
    "openai-messages": (_openai, ".jsonl"),
    "anthropic-messages": (_anthropic, ".jsonl"),
    "otel-genai": (_otel, ".jsonl"),
}
