"""Made records in the shapes of public schemas: a support desk, Intercom, Langfuse, LangSmith, a gateway."""

from __future__ import annotations

from typing import Any

from tests.support.own_schemas import OwnSchema

_AT = 1_764_000_000


def _desk(n: int) -> dict[str, Any]:
    said = [
        ("CUSTOMER", "How do I change my address?"),
        ("BOT", "Open Settings."),
        ("CUSTOMER", "Thank you."),
    ]
    customer = {"account_no": 9_000 + n, "subscription": "Premium"}
    return {
        "ticket": {"ref": f"T-{n}", "channel": "web", "customer": customer},
        "turns": [
            {"speaker": speaker, "utterance": {"plain": text}, "ts": _AT * 1_000 + n * 60_000 + place * 4_123}
            for place, (speaker, text) in enumerate(said)
        ],
    }


def _part(number: int, author: str, body: str | None) -> dict[str, Any]:
    return {
        "type": "conversation_part",
        "id": str(number),
        "part_type": "comment" if body else "assignment",
        "body": body,
        "created_at": _AT + number,
        "author": {"type": author, "id": "55" if author == "user" else "9", "email": "zoe@example.com"},
    }


def _intercom(n: int) -> dict[str, Any]:
    replies = [
        _part(10, "bot", "Which file is it, please?"),
        _part(20, "user", "The big one."),
        _part(30, "admin", None),
        _part(40, "admin", "It is repaired now."),
    ]
    return {
        "type": "conversation",
        "id": str(700 + n),
        "created_at": _AT + n,
        "updated_at": _AT + 500,
        "source": {
            "type": "conversation",
            "id": f"s{n}",
            "subject": "",
            "body": "Hello, my export fails.",
            "author": {"type": "user", "id": f"55{n}", "name": "Zoe Quill", "email": "zoe@example.com"},
        },
        "custom_attributes": {"plan": "Pro"},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": replies},
    }


def _langfuse(n: int) -> dict[str, Any]:
    turns = [
        ("system", "Be short."),
        ("user", "What is a shard, please?"),
        ("assistant", "One file."),
        ("user", f"And manifest {n}?"),
    ]
    return {
        "id": f"tr-{n}",
        "timestamp": f"2025-11-24T10:00:0{n}.123Z",
        "sessionId": f"sess-{n}",
        "userId": f"user-{n}",
        "environment": "production",
        "metadata": {"plan": "plus"},
        "input": {"messages": [{"role": role, "content": text} for role, text in turns]},
        "output": {"role": "assistant", "content": "The list of files."},
        "latency": 1.2,
    }


def _langsmith(n: int) -> dict[str, Any]:
    def said(kind: str, text: str) -> dict[str, Any]:
        of_class = ["langchain", "schema", "messages", "HumanMessage" if kind == "human" else "AIMessage"]
        return {"lc": 1, "type": "constructor", "id": of_class, "kwargs": {"content": text, "type": kind}}

    answer = "It is a list of all files."
    return {
        "id": f"run-{n}",
        "run_type": "llm",
        "start_time": f"2025-11-24T10:00:0{n}.123456",
        "end_time": f"2025-11-24T10:00:1{n}.123456",
        "session_id": "the-project",
        "extra": {"metadata": {"thread_id": f"th-{n}", "user_id": f"u-{n}", "tier": "team"}},
        "inputs": {"messages": [[said("human", "What is a manifest, please?")]]},
        "outputs": {"generations": [[{"text": answer, "message": said("ai", answer)}]]},
    }


def _gateway(n: int) -> dict[str, Any]:
    asked = [{"role": "system", "content": "You help."}, {"role": "user", "content": f"Question {n}?"}]
    answer = {"role": "assistant", "content": f"Answer {n}."}
    return {
        "request_id": f"req_{n}",
        "received_at": _AT + n + 0.25,
        "end_user": f"eu-{n}",
        "plan": "pro",
        "request": {"model": "m-1", "messages": asked},
        "response": {
            "id": f"chatcmpl-{n}",
            "object": "chat.completion",
            "created": _AT + n + 1,
            "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
        },
    }


FOREIGN = {
    "support desk": OwnSchema([_desk(n) for n in range(4)], ("pro", "chat"), 4, "uau"),
    "intercom": OwnSchema(
        [{"type": "conversation.list", "conversations": [_intercom(n) for n in range(3)]}],
        ("chat", "visitor", "admin"),
        3,
        "uaua",
    ),
    "langfuse": OwnSchema([_langfuse(n) for n in range(4)], ("chat", "pro"), 4, "suaua"),
    "langsmith": OwnSchema([_langsmith(n) for n in range(4)], ("chat", "UTC"), 4, "ua"),
    "gateway": OwnSchema([_gateway(n) for n in range(4)], ("chat",), 4, "sua"),
}
