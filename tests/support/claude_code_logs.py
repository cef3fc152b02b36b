"""Claude Code session files for tests, line by line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from schemas.records import Defaults, Session
from tests.support.source_files import CONTEXT, Everything, read_all

ADDED = dataclasses.replace(CONTEXT, defaults=(Defaults("me", None, "pro", "code"),))


def line(uuid: str, parent: str | None = None, content: Any = "hi", /, **fields: Any) -> dict[str, Any]:
    """A line of a session file. `at` is its minute, `role` its type, `turn` its API message id."""
    role = fields.pop("role", "user")
    turn = fields.pop("turn", None)
    body = {"role": role, "content": content} | ({"id": turn} if turn else {})
    return {
        "type": role,
        "uuid": uuid,
        "parentUuid": parent,
        "sessionId": "s1",
        "timestamp": f"2025-10-01T10:{fields.pop('at', 0):02}:00.000Z",
        "message": body,
        "cwd": "/home/canary",
    } | fields


def answer(uuid: str, parent: str | None, turn: str, content: Any = "ok", **fields: Any) -> dict[str, Any]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return line(uuid, parent, blocks, role="assistant", turn=turn, **fields)


def call(tool_id: str) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": tool_id, "name": "Read", "input": {}}]


def result(tool_id: str) -> list[dict[str, Any]]:
    return [{"type": "tool_result", "tool_use_id": tool_id, "content": "out"}]


def read(folder: Path, files: dict[str, list[Any]]) -> Everything:
    """Everything read from a project folder with these files."""
    for name, items in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
        path.write_bytes(b"".join(each + b"\n" for each in raw))
    return read_all([folder / name for name in files], "claude-code", ADDED)


def shape(session: Session) -> list[tuple[str, str | None]]:
    return [(message.message_id, message.parent_id) for message in session.messages]
