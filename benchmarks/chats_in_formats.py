"""The same synthetic chats in every JSON format."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from transforms.sample.conversations import paragraph

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
_TURNS = 8
Turns = list[tuple[str, str, str]]


def conversations(size: int, sentences: int) -> Iterator[Turns]:
    """Turns of role, text and time. An answer has `sentences` sentences, a question a quarter of that."""
    rng, made, at = random.Random(1), 0, START
    while made < size:
        turns: Turns = []
        for number in range(_TURNS):
            at += dt.timedelta(seconds=1)
            role, length = ("assistant", sentences) if number % 2 else ("user", max(1, sentences // 4))
            turns.append((role, paragraph(rng, length), at.isoformat().replace("+00:00", "Z")))
        made += sum(len(text) for _, text, _ in turns)
        yield turns


def _lined(items: Iterable[Any]) -> Iterator[str]:
    return (json.dumps(item) + "\n" for item in items)


def _array(items: Iterable[Any]) -> Iterator[str]:
    yield "["
    for number, item in enumerate(items):
        yield (",\n" if number else "") + json.dumps(item)
    yield "]"


def _canonical(found: Iterator[Turns]) -> Iterator[str]:
    return _lined(
        {
            "conversation_id": f"c{n}",
            "user_id": f"u{n % 97}",
            "tier": "pro",
            "surface": "chat",
            "created_at": turns[0][2],
            "messages": [
                {"message_id": f"{n}-{m}", "role": role, "sent_at": at, "content": text}
                for m, (role, text, at) in enumerate(turns)
            ],
        }
        for n, turns in enumerate(found)
    )


def _claude_code(found: Iterator[Turns]) -> Iterator[str]:
    shared = {
        "isSidechain": False,
        "userType": "external",
        "cwd": "/work",
        "version": "2.1.0",
        "gitBranch": "main",
    }
    return _lined(
        {
            **shared,
            "parentUuid": f"{n}-{m - 1}" if m else None,
            "uuid": f"{n}-{m}",
            "sessionId": f"s{n}",
            "type": role,
            "timestamp": at,
            "message": {"role": role, "content": text}
            if role == "user"
            else {
                "id": f"msg_{n}_{m}",
                "type": "message",
                "role": role,
                "content": [{"type": "text", "text": text}],
            },
        }
        for n, turns in enumerate(found)
        for m, (role, text, at) in enumerate(turns)
    )


def _claude_export(found: Iterator[Turns]) -> Iterator[str]:
    return _array(
        {
            "uuid": f"c{n}",
            "name": "",
            "created_at": turns[0][2],
            "updated_at": turns[-1][2],
            "account": {"uuid": f"u{n % 97}"},
            "chat_messages": [
                {
                    "uuid": f"{n}-{m}",
                    "sender": "human" if role == "user" else role,
                    "text": "",
                    "content": [{"type": "text", "text": text, "citations": []}],
                    "created_at": at,
                    "attachments": [],
                    "files": [],
                }
                for m, (role, text, at) in enumerate(turns)
            ],
        }
        for n, turns in enumerate(found)
    )


def _chatgpt_export(found: Iterator[Turns]) -> Iterator[str]:
    return _array(
        {
            "id": f"c{n}",
            "create_time": 1767600000.5,
            "current_node": f"{n}-{len(turns) - 1}",
            "mapping": {
                f"{n}-{m}": {
                    "id": f"{n}-{m}",
                    "parent": f"{n}-{m - 1}" if m else None,
                    "children": [f"{n}-{m + 1}"] if m < len(turns) - 1 else [],
                    "message": {
                        "author": {"role": role},
                        "create_time": 1767600000.5 + m,
                        "content": {"content_type": "text", "parts": [text]},
                        "weight": 1.0,
                        "metadata": {},
                        "recipient": "all",
                    },
                }
                for m, (role, text, _) in enumerate(turns)
            },
        }
        for n, turns in enumerate(found)
    )


def _sharegpt(found: Iterator[Turns]) -> Iterator[str]:
    return _array(
        {
            "id": f"c{n}",
            "conversations": [
                {"from": "human" if role == "user" else "gpt", "value": text} for role, text, _ in turns
            ],
        }
        for n, turns in enumerate(found)
    )


def _openai(found: Iterator[Turns]) -> Iterator[str]:
    return _lined(
        {"messages": [{"role": role, "content": text} for role, text, _ in turns]} for turns in found
    )


def _anthropic(found: Iterator[Turns]) -> Iterator[str]:
    return _lined(
        {
            "timestamp": turns[0][2],
            "request": {
                "model": "m",
                "messages": [{"role": role, "content": text} for role, text, _ in turns[:-1]],
                "metadata": {"user_id": f"u{n % 97}"},
            },
            "response": {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": turns[-1][1]}],
            },
        }
        for n, turns in enumerate(found)
    )


def _otel(found: Iterator[Turns]) -> Iterator[str]:
    def parts(role: str, text: str) -> dict[str, Any]:
        return {"role": role, "parts": [{"type": "text", "content": text}]}

    return _lined(
        {
            "span_id": f"{n}",
            "start_time": turns[0][2],
            "end_time": turns[-1][2],
            "attributes": {
                "gen_ai.conversation.id": f"c{n}",
                "gen_ai.input.messages": json.dumps([parts(role, text) for role, text, _ in turns[:-1]]),
                "gen_ai.output.messages": json.dumps([parts("assistant", turns[-1][1])]),
            },
        }
        for n, turns in enumerate(found)
    )


WRITERS: dict[str, tuple[Callable[[Iterator[Turns]], Iterator[str]], str]] = {
    "canonical": (_canonical, ".jsonl"),
    "claude-code": (_claude_code, ".jsonl"),
    "claude-export": (_claude_export, ".json"),
    "chatgpt-export": (_chatgpt_export, ".json"),
    "sharegpt": (_sharegpt, ".json"),
    "openai-messages": (_openai, ".jsonl"),
    "anthropic-messages": (_anthropic, ".jsonl"),
    "otel-genai": (_otel, ".jsonl"),
}
