"""One session for the reference: the messages of all its records, and the active branch of a thread."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from schemas.tables import ANSWER, HUMAN

Row = dict[str, Any]


@dataclasses.dataclass
class Message:
    """A message of the union. `place` is its list position; `record` and `index` locate its text."""

    id: int
    parent: int
    sent_at: dt.datetime
    human: bool
    answer: bool
    thread: int
    record: int
    index: int
    place: int = 0


def activity_key(record: Row) -> tuple[Any, ...]:
    """The sort key of a session's records, newest activity last."""
    sent = record["message_sent_at"]
    activity = max(sent) if sent else record["created_at"]
    return activity, len(sent), record["text_bytes"], record["content"], record["unit"], record["row"]


def union_of(records: list[Row]) -> list[Message]:
    """The session's messages in list order; `records` must be sorted by activity, newest last."""
    union: dict[int, Message] = {}
    for number, record in enumerate(records):
        for index, message_id in enumerate(record["message_id"]):
            sent_at, flags = record["message_sent_at"][index], record["message_flags"][index]
            if message_id in union:
                sent_at = min(sent_at, union[message_id].sent_at)
            union[message_id] = Message(
                message_id,
                record["message_parent"][index],
                sent_at,
                bool(flags & HUMAN),
                bool(flags & ANSWER),
                record["message_thread"][index],
                number,
                index,
            )
    begin = [min(record["message_sent_at"], default=record["created_at"]) for record in records]
    reading = sorted(range(len(records)), key=lambda number: (begin[number], number))
    order = dict.fromkeys(i for number in reading for i in records[number]["message_id"])
    ordered = [union[message_id] for message_id in order]
    for place, message in enumerate(ordered):
        message.place = place
    return ordered


def active_branch(messages: list[Message], current: int | None) -> list[Message] | None:
    """The active branch of one thread's messages, root first; None if a cycle makes it undefined."""
    if not any(m.parent for m in messages):
        return messages
    by_id = {m.id: m for m in messages}
    parents = {m.parent for m in messages}
    leaves = [m for m in messages if m.id not in parents]
    tip = by_id.get(current or 0) or max(leaves, key=lambda m: (m.sent_at, m.place), default=None)
    branch: list[Message] = []
    passed: set[int] = set()
    while tip is not None:
        if tip.id in passed:
            return None
        passed.add(tip.id)
        branch.append(tip)
        tip = by_id.get(tip.parent)
    return branch[::-1] or None
