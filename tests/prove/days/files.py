"""The bytes of log files, by format: canonical records, Claude Code lines, exports, consent tables."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.prove.days.world import MARK, Chat
from tests.sources.exports.test_chatgpt import conversation as chatgpt_conversation
from tests.sources.exports.test_chatgpt import node
from tests.support.claude_exports import chat_message
from tests.support.claude_exports import conversation as claude_conversation
from tests.support.parquet_rows import UTC, schema, typed


def canonical(records: Sequence[dict[str, Any] | str], ending: str) -> bytes:
    """A file of canonical records; a record that is text is a damaged line, which Parquet cannot have."""
    if ending == "parquet":
        kept = [typed(record, UTC) for record in records if isinstance(record, dict)]
        names = schema(content=pa.string())
        rows = [{name: record.get(name) for name in names.names} for record in kept]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=names), sink, row_group_size=3)
        return sink.getvalue()
    data = "".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in records).encode()
    if ending == "jsonl.gz":
        return gzip.compress(data, mtime=0)
    if ending == "jsonl.zst":
        return zstandard.compress(data)
    return data


def code_lines(chat: Chat, messages: Iterable[dict[str, Any]]) -> bytes:
    """Lines of a Claude Code session file."""
    lines = []
    for message in messages:
        role = message["role"]
        text = message["content"]
        body: dict[str, Any] = {"role": role, "content": text}
        if role == "assistant":
            body = {"role": role, "content": [{"type": "text", "text": text}], "id": message["message_id"]}
        lines.append(
            {
                "type": role,
                "uuid": message["message_id"],
                "parentUuid": message["parent_id"],
                "sessionId": chat.id,
                "timestamp": message["sent_at"],
                "message": body,
                "cwd": f"/home/{MARK}",
            }
        )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def claude_bytes(chats: Sequence[Chat]) -> bytes:
    """A Claude.ai export of these sessions."""
    return json.dumps(
        [
            claude_conversation(
                *(
                    chat_message(
                        each["message_id"],
                        "human" if each["role"] == "user" else "assistant",
                        each["content"],
                        created_at=each["sent_at"],
                    )
                    for each in chat.messages
                ),
                uuid=chat.id,
                name=f"{MARK} title",
                created_at=chat.record()["created_at"],
                account={"uuid": chat.user},
            )
            for chat in chats
        ]
    ).encode()


def chatgpt_bytes(chats: Sequence[Chat]) -> bytes:
    """A ChatGPT export of these sessions."""
    made = []
    for chat in chats:
        nodes = []
        parent = None
        for each, moment in zip(chat.messages, _seconds(chat), strict=True):
            nodes.append(node(each["message_id"], parent, each["role"], each["content"], create_time=moment))
            parent = each["message_id"]
        made.append(
            chatgpt_conversation(
                *nodes,
                title=f"{MARK} title",
                conversation_id=chat.id,
                create_time=chat.created.timestamp(),
                update_time=chat.created.timestamp(),
            )
        )
    return json.dumps(made).encode()


def _seconds(chat: Chat) -> list[float]:
    return [dt.datetime.fromisoformat(each["sent_at"]).timestamp() for each in chat.messages]


def table(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> bytes:
    """A CSV file with these columns; None is an empty field."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if value is None else value for value in row] for row in rows])
    return sink.getvalue().encode()
