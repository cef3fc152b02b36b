"""Made records of twelve own schemas, and what a user answers to the proposals for them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class OwnSchema(NamedTuple):
    """`records`: of one file. `answers`: what a user puts in place of each placeholder, in order.

    `sessions`, `roles`: what is read, roles of the first session in order.
    """

    records: list[dict[str, Any]]
    answers: tuple[str, ...]
    sessions: int
    roles: str


def _german(n: int) -> dict[str, Any]:
    return {
        "gespraechsId": f"g{n}",
        "kunde": {"kundennummer": 1000 + n, "name": "Zoe Quill"},
        "tarif": "Premium",
        "begonnen": f"2025-11-0{n + 1} 09:00:00",
        "verlauf": [
            {"sprecher": "Kunde", "nachricht": "Wie kann ich meinen Vertrag kündigen?", "zeit": f"2025-11-0{n + 1} 09:00:01"},
            {"sprecher": "Berater", "nachricht": "Das geht unter Einstellungen.", "zeit": f"2025-11-0{n + 1} 09:00:09"},
        ],
    }  # fmt: skip


def _camel(n: int) -> dict[str, Any]:
    at = 1_762_000_000_000 + n
    return {
        "sessionId": f"s{n}",
        "userId": f"u{n % 2}",
        "plan": "plus",
        "startedAt": at,
        "turns": [
            {"speaker": "human", "utterance": "Please explain recursion to a child.", "timestampMs": at},
            {"speaker": "bot", "utterance": "Imagine two mirrors that face each other.", "timestampMs": at + 900},
        ],
    }  # fmt: skip


def _nested(n: int) -> dict[str, Any]:
    return {
        "id": f"x{n}",
        "meta": {"user": {"id": f"u{n}", "email": "zoe@example.com"}, "account": {"tier": "free"}},
        "payload": {"chat": {"events": [
            {"author": {"role": "user"}, "body": {"text": "How far is the moon on average?"}, "at": "2025-11-01T10:00:00Z"},
            {"author": {"role": "assistant"}, "body": {"text": "About 384,400 kilometres."}, "at": "2025-11-01T10:00:05Z"},
        ]}},
    }  # fmt: skip


def _speakers(n: int) -> dict[str, Any]:
    return {
        "transcript_id": n,
        "caller_id": f"c{n}",
        "lines": [
            {
                "who": "Maria",
                "said": "I would like to change my booking.",
                "time": "2025-11-01T10:00:00+01:00",
            },
            {"who": "Tom", "said": "Of course, which date suits you?", "time": "2025-11-01T10:00:05+01:00"},
        ],
    }


def _row(n: int) -> dict[str, Any]:
    return {
        "session_id": f"s{n // 4}",
        "user_id": f"u{n // 4}",
        "message_id": f"m{n}",
        "sender": "assistant" if n % 2 else "user",
        "text": f"Some question or answer of usual length, number {n}.",
        "created_at": 1_762_000_000 + n,
    }


def _pair(n: int) -> dict[str, Any]:
    return {
        "request_id": f"r{n}",
        "user": f"u{n}",
        "prompt": f"Write a haiku about the sea, number {n}.",
        "response": f"Waves fold into dusk, number {n}.",
        "ts": 1_762_000_000.5 + n,
        "model": "m-1",
    }


def _envelope(n: int) -> dict[str, Any]:
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    return {
        "id": f"call-{n}",
        "timestamp": "2025-11-01T10:00:00.123456",
        "metadata": {"user_id": f"u{n}", "plan": "pro", "app": "web"},
        "request": {"model": "m", "messages": [
            {"role": "system", "content": "You are helpful and brief."},
            {"role": "user", "content": "What is the tallest mountain on the planet?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "t1", "content": "8849 m"},
            {"role": "assistant", "content": "Mount Everest, with 8,849 metres."},
        ]},
    }  # fmt: skip


def _json_text(n: int) -> dict[str, Any]:
    history = [
        {"from": "customer", "content": "Where is my parcel today, please?"},
        {"from": "agent", "content": "It will arrive tomorrow morning."},
    ]
    return {
        "conversation": f"c{n}",
        "customer": f"u{n}",
        "history": json.dumps(history),
        "createdAt": "2025-11-01T10:00:00Z",
    }


def _is_bot(n: int) -> dict[str, Any]:
    return {
        "chatId": f"c{n}",
        "accountId": f"u{n}",
        "log": [
            {"isBot": False, "msg": "Can you recommend a good book on history?", "t": 1_762_000_000},
            {"isBot": True, "msg": "Try a short history of nearly everything.", "t": 1_762_000_004},
        ],
    }


def _questions(n: int) -> dict[str, Any]:
    return {
        "thread_id": f"c{n}",
        "owner": f"u{n}",
        "date": "2025-11-01T10:00:00Z",
        "history": [
            {"q": "What is two plus two, please?", "a": "It is four."},
            {"q": "And three plus three, please?", "a": "It is six."},
        ],
    }


def _export(n: int) -> dict[str, Any]:
    def blocks(text: str) -> list[dict[str, str]]:
        return [{"type": "text", "text": text}]

    return {
        "sid": f"s{n}",
        "uid": f"u{n}",
        "tier": "team",
        "messages": [
            {"role": "user", "content": blocks("Translate good morning into Spanish."), "created": 1_762_000_000},
            {"role": "assistant", "content": blocks("Buenos dias is the translation."), "created": 1_762_000_003},
        ],
    }  # fmt: skip


def _dialog(n: int) -> dict[str, Any]:
    return {
        "dialog_id": f"d{n}",
        "dialog": ["Hello, how are you doing today?", "I am fine, thanks!", "What did you do?", "I read."],
    }


_ZONE, _TIER, _SURFACE, _TIME, _USER = "Europe/Berlin", "pro", "chat", "2025-11-01T00:00:00Z", "u1"
SCHEMAS = {
    "german": OwnSchema([_german(n) for n in range(5)], (_SURFACE, _TIER, _ZONE, _ZONE), 5, "ua"),
    "camel case": OwnSchema([_camel(n) for n in range(5)], (_SURFACE, _TIER), 5, "ua"),
    "nested": OwnSchema([_nested(n) for n in range(4)], (_SURFACE,), 4, "ua"),
    "speakers": OwnSchema([_speakers(n) for n in range(4)], (_TIER, _SURFACE, "Maria", "Tom"), 4, "ua"),
    "rows": OwnSchema([_row(n) for n in range(24)], (_TIER, _SURFACE), 6, "uaua"),
    "pairs": OwnSchema([_pair(n) for n in range(6)], (_TIER, _SURFACE), 6, "ua"),
    "envelope": OwnSchema([_envelope(n) for n in range(4)], (_SURFACE, _ZONE), 4, "suata"),
    "json in text": OwnSchema([_json_text(n) for n in range(4)], (_TIER, _SURFACE), 4, "ua"),
    "is a bot": OwnSchema([_is_bot(n) for n in range(4)], (_TIER, _SURFACE), 4, "ua"),
    "questions": OwnSchema([_questions(n) for n in range(4)], (_TIER, _SURFACE), 4, "uaua"),
    "export": OwnSchema(
        [{"exportedAt": "2025-12-01T00:00:00Z", "sessions": [_export(n) for n in range(3)]}],
        (_SURFACE,),
        3,
        "ua",
    ),
    "dialog": OwnSchema([_dialog(n) for n in range(4)], (_USER, _TIER, _SURFACE, _TIME), 4, "uaua"),
}
#: Values of the records that may be data of persons; no proposal may show them.
PRIVATE = (
    "Zoe",
    "Quill",
    "zoe@example.com",
    "Maria",
    "Tom",
    "1000",
    "u1",
    "Vertrag",
    "haiku",
    "mirrors",
    "m-1",
)
