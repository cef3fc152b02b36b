"""The logs of a first hour: six kinds, each with what the command line of `init` must add."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.claude_code_logs import answer, line
from tests.support.claude_exports import chat_message, export
from tests.support.claude_exports import conversation as claude_conversation
from tests.support.parquet_rows import parquet
from tests.support.source_files import message, record, write_lines

AT = "2026-02-20T10:00:00Z"
_EPOCH = 1_771_581_600


class FirstLogs(NamedTuple):
    """`path`: of the logs. `flags`: what they lack. `user`: the user id of one session."""

    path: str
    flags: tuple[str, ...]
    user: str


def consent_rows(user: str) -> str:
    """A snapshot of 2026-03-01: the user agreed before the conversations began."""
    return f"user_id,state,decided_at,snapshot_at\n{user},granted,2026-01-01T00:00:00Z,2026-03-01T00:00:00Z\n"


def _canonical(folder: Path) -> FirstLogs:
    reply = message("m2", role="assistant", parent_id="m1", sent_at=AT, content="Certainly.")
    write_lines(folder / "day.jsonl", [record(created_at=AT, messages=[message("m1", sent_at=AT), reply])])
    return FirstLogs("logs", (), "u1")


def _parquet(folder: Path) -> FirstLogs:
    said = [message("m1", sent_at=AT), message("m2", role="assistant", sent_at=AT, content="Certainly.")]
    blocks = [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in said]
    parquet(folder / "day.parquet", [record(created_at=AT, tier=None, messages=blocks)])
    return FirstLogs("logs/*.parquet", ("--tier", "pro"), "u1")


def _claude_code(folder: Path) -> FirstLogs:
    (folder / "-home-x").mkdir()
    lines = [line("a", None, "how", timestamp=AT), answer("b", "a", "t1", timestamp=AT)]
    write_lines(folder / "-home-x/one.jsonl", lines)
    return FirstLogs("logs", ("--user-id", "me", "--tier", "pro"), "me")


def _claude_export(folder: Path) -> FirstLogs:
    said = chat_message("m1", created_at=AT), chat_message("m2", "assistant", "ok", created_at=AT)
    export(folder / "conversations.json", [claude_conversation(*said, created_at=AT)])
    return FirstLogs("logs", ("--tier", "pro"), "account-1")


def _chatgpt_export(folder: Path) -> FirstLogs:
    def node(name: str, parent: str | None, role: str) -> dict[str, Any]:
        said = {
            "id": name,
            "author": {"role": role},
            "create_time": _EPOCH + 1,
            "content": {"content_type": "text", "parts": ["hello"]},
            "recipient": "all",
        }
        return {"id": name, "parent": parent, "children": ["b"] if name == "a" else [], "message": said}

    nodes = [node("a", None, "user"), node("b", "a", "assistant")]
    talk = {
        "conversation_id": "c1",
        "create_time": _EPOCH,
        "update_time": _EPOCH,
        "current_node": "b",
        "mapping": {each["id"]: each for each in nodes},
    }
    export(folder / "conversations.json", [talk])
    return FirstLogs("logs", ("--user-id", "me", "--tier", "pro"), "me")


def _own(folder: Path) -> FirstLogs:
    turns = [
        {"who": "customer", "text": "How do I cook rice?", "at": "2026-02-20 11:00:00"},
        {"who": "helpbot", "text": "Boil it for ten minutes.", "at": "2026-02-20 11:00:05"},
    ]
    talk = {"chatId": "a-17", "customer": {"id": 4711}, "plan": "plus", "log": turns}
    (folder / "support.json").write_text(json.dumps([talk, {**talk, "chatId": "a-18"}]))
    flags = ("--surface", "chat", "--fill", "tier.plus=pro", "--fill", "time_zone=Europe/Berlin")
    return FirstLogs("logs/support.json", (*flags, "--fill", "role.helpbot=assistant"), "4711")


KINDS: dict[str, Callable[[Path], FirstLogs]] = {
    "canonical": _canonical,
    "parquet": _parquet,
    "claude-code": _claude_code,
    "claude-export": _claude_export,
    "chatgpt-export": _chatgpt_export,
    "mapped": _own,
}


def first_logs(kind: str, folder: Path) -> FirstLogs:
    """Writes the logs of a kind to `folder/logs`, and a snapshot to `folder/agreed.csv`."""
    (folder / "logs").mkdir(parents=True)
    made = KINDS[kind](folder / "logs")
    (folder / "agreed.csv").write_text(consent_rows(made.user))
    return made
