"""Claude.ai exports for tests."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from schemas.records import Block, Session

ROOT = "00000000-0000-4000-8000-000000000000"


def chat_message(uuid: str, sender: str = "human", text: str = "hi", **fields: Any) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "sender": sender,
        "text": text,
        "content": [{"type": "text", "text": text}],
        "created_at": "2025-10-01T10:00:00.123456Z",
        "attachments": [],
        "files": [{"file_name": "canary.png"}],
    } | fields


def conversation(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {
        "uuid": "c1",
        "name": "canary title",
        "summary": "canary summary",
        "created_at": "2025-10-01T09:00:00+00:00",
        "account": {"uuid": "account-1"},
        "chat_messages": list(messages or [chat_message("m1"), chat_message("m2", "assistant", "ok")]),
    } | fields


def export(path: Path, whole: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(whole if isinstance(whole, bytes) else json.dumps(whole).encode())
    return path


def texts(session: Session) -> list[list[str | None]]:
    return [
        [block.text or block.thinking for block in message.content or [] if isinstance(block, Block)]
        for message in session.messages
    ]


def packed(path: Path, members: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, whole in members.items():
            archive.writestr(name, json.dumps(whole))
    return path
