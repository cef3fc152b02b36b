"""Small logs of each family of formats, with damaged files among them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from tests.support.claude_code_logs import answer, line
from tests.support.claude_exports import chat_message, conversation, packed
from tests.support.parquet_rows import parquet
from tests.support.records_of_formats import GOOD, MORE
from tests.support.source_files import message, record, write_lines

AT = "2026-02-20T10:00:00Z"


class Logs(NamedTuple):
    """The logs of a format below a folder: a pattern of their paths, and the format."""

    pattern: str
    format: str


def sessions(count: int, user: str = "u", words: str = "hello there ") -> list[dict[str, Any]]:
    """Canonical sessions of a question and an answer; some lines are long."""
    made = []
    for number in range(count):
        told = words * (1 + number % 7 * 20)
        said = [message("m1", sent_at=AT, content=f"{told}{number}", origin="human")]
        said.append(message("m2", sent_at=AT, role="assistant", content=told, parent_id="m1"))
        made.append(record(conversation_id=f"{user}-{number}", user_id=user, created_at=AT, messages=said))
    return made


def in_blocks(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sessions with each text as a block."""
    return [{**one, "messages": [*map(_in_blocks, one["messages"])]} for one in found]


def _in_blocks(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "content": [{"type": "text", "text": said["content"]}]}


def lines(found: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in found)


def _plain(folder: Path) -> Logs:
    write_lines(folder / "a/one.jsonl", [*sessions(900), "no session"])
    write_lines(folder / "b.jsonl", sessions(3, "v"))
    (folder / "empty.jsonl").write_bytes(b"")
    (folder / "text.jsonl").write_bytes(b"\x00\x01\x02\xff" * 99)
    return Logs("**/*.jsonl", "canonical")


def _compressed(folder: Path) -> Logs:
    whole = gzip.compress(lines(sessions(400, words="gzip ")), mtime=0)
    (folder / "a.jsonl.gz").write_bytes(whole)
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(lines(sessions(90, "w")), mtime=0)[:-60])
    (folder / "b.jsonl.zst").write_bytes(zstandard.compress(lines(sessions(50, "x"))))
    return Logs("*", "canonical")


def _parquet(folder: Path) -> Logs:
    blocks = in_blocks(sessions(300))
    parquet(folder / "part-0.parquet", blocks, row_group_size=70)
    parquet(folder / "part-1.parquet", blocks[:9])
    (folder / "cut.parquet").write_bytes((folder / "part-0.parquet").read_bytes()[:-9])
    return Logs("*.parquet", "canonical")


def _claude_code(folder: Path) -> Logs:
    """Two projects; sessions are linked over files, one of which lies in a folder of subagents."""
    first = [line("a", None, "how", timestamp=AT), answer("b", "a", "t1", timestamp=AT)]
    second = [line("c", "b", "and", timestamp=AT, sessionId="s2"), answer("d", "c", "t2", timestamp=AT)]
    write_lines(folder / "-home-x/one.jsonl", first)
    write_lines(folder / "-home-x/two.jsonl", [*second, {"type": "user"}])
    agent = [line("e", None, "go", timestamp=AT, isSidechain=True, agentId="7", sessionId="s2")]
    write_lines(folder / "-home-x/two/subagents/agent-7.jsonl", agent)
    write_lines(folder / "-home-y/one.jsonl", [line("z", None, "alone", timestamp=AT, sessionId="s3")])
    (folder / "-home-y/notes.txt").write_text("no log")
    return Logs("", "claude-code")


def _exports(folder: Path) -> Logs:
    def talk(number: int) -> dict[str, Any]:
        said = chat_message("m1", text=f"question {number}" * 40, created_at=AT)
        reply = chat_message("m2", "assistant", "certainly", created_at=AT)
        return conversation(said, reply, uuid=f"c{number}", created_at=AT)

    talks = {"conversations.json": [*map(talk, range(60))], "x/conversations.json": [talk(99)]}
    packed(folder / "data-2026.zip", {**talks, "users.json": []})
    (folder / "conversations.json").write_text(json.dumps([talk(n) for n in range(60, 90)]))
    (folder / "cut.zip").write_bytes((folder / "data-2026.zip").read_bytes()[:-30])
    return Logs("", "claude-export")


def _otel(folder: Path) -> Logs:
    write_lines(folder / "spans.jsonl", [GOOD["otel-genai"], *MORE["otel-genai"]] * 30)
    (folder / "one.json").write_text(json.dumps(MORE["otel-genai"][1], indent=1))
    return Logs("*.json*", "otel-genai")


def _sharegpt(folder: Path) -> Logs:
    talks = [{**GOOD["sharegpt"], "id": f"c{n}"} for n in range(200)]
    (folder / "array.json").write_text(json.dumps(talks, indent=1))
    write_lines(folder / "lines.jsonl", talks[:40])
    return Logs("*.json*", "sharegpt")


def _anthropic(folder: Path) -> Logs:
    write_lines(folder / "calls.jsonl", [GOOD["anthropic-messages"], *MORE["anthropic-messages"]] * 20)
    body = json.dumps(GOOD["anthropic-messages"])
    (folder / "tape.yaml").write_text(f"interactions:\n- {body}\n")
    return Logs("*", "anthropic-messages")


FAMILIES: dict[str, Callable[[Path], Logs]] = {
    "plain": _plain,
    "compressed": _compressed,
    "parquet": _parquet,
    "claude-code": _claude_code,
    "exports": _exports,
    "otel": _otel,
    "sharegpt": _sharegpt,
    "anthropic": _anthropic,
}


def logs_of(family: str, folder: Path) -> Logs:
    """Writes the logs of a family below a new folder."""
    for inner in ("a", "-home-x/two/subagents", "-home-y"):
        if family in ("plain", "claude-code"):
            (folder / inner).mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    return FAMILIES[family](folder)
