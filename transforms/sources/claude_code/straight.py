"""Records in the order of talk: one pass over those that stand in it, as most do, and an order for others."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from schemas.records import MAIN_THREAD, Message, Session
from transforms.sources.claude_code.lines import Record


def plain_sessions(records: Sequence[Record]) -> list[Session] | None:
    """The sessions, by conversation id, of records of which each message is a turn of its own.

    None, and nothing is changed, where one is a tool's result, a subagent's or a further line of a turn,
    where a session may have begun twice, or `components_in_order` has none.
    """
    part_of: dict[str | None, list[Message]] = {}
    parts: list[list[Message]] = []
    absent: set[str | None] = {None}
    behind: dict[str | None, str | None] = {}
    turns: set[str] = set()
    for record in records:
        uuid, parent, turn, role = record.uuid, record.parent, record.turn, record.role
        if (
            uuid in part_of
            or uuid == parent
            or role == "tool"
            or record.sidechain
            or record.agent is not None
        ):
            return None
        if (
            record.queued
            or record.before is not None
            or (record.logical is not None and record.logical != parent)
        ):
            return None
        part = part_of.get(parent)
        if part is None:
            part = []
            if parent is not None:
                part_of[parent] = part
                absent.add(parent)
        part_of[uuid] = part
        follows = behind.get(parent, parent) if behind else parent
        sent_at = record.sent_at
        if not record.message or sent_at is None:
            behind[uuid] = follows
            continue
        if not part:
            parts.append(part)
        elif follows in absent:
            return None
        if turn:
            if turn in turns:
                return None
            turns.add(turn)
        part.append(Message(uuid, role, sent_at, record.blocks, follows, record.origin, MAIN_THREAD))
    if not part_of.keys().isdisjoint(turns):
        return None
    sessions = [
        Session(part[0].message_id, min([message.sent_at for message in part]), part) for part in parts
    ]
    return sorted(sessions, key=operator.attrgetter("conversation_id"))


def components_in_order(records: Sequence[Record]) -> tuple[list[list[Record]], set[int]] | None:
    """The messages by component, and by `id` the components of which several messages may follow no other.

    None where a record stands twice or before what it follows, or joins what had begun apart. Else every
    message follows a message from now on, or what is in no file, or nothing.
    """
    part_of: dict[str, list[Record]] = {}
    parts: list[list[Record]] = []
    absent: set[str | None] = {None}
    behind: dict[str | None, str | None] = {}
    moved: list[tuple[Record, str | None]] = []
    several: set[int] = set()
    for record in records:
        uuid, parent, logical = record.uuid, record.parent, record.logical
        if uuid in part_of or uuid == parent or (logical is not None and logical != parent):
            return None
        if record.queued or record.before is not None:
            return None
        part = None if parent is None else part_of.get(parent)
        if part is None:
            part = []
            if parent is not None:
                part_of[parent] = part  # two that follow what is in no file are one conversation
                absent.add(parent)
        part_of[uuid] = part
        follows = behind.get(parent, parent)
        if not record.message:
            behind[uuid] = follows
            continue
        if not part:
            parts.append(part)
        elif follows in absent:
            several.add(id(part))
        part.append(record)
        if follows is not parent:
            moved.append((record, follows))
    for record, follows in moved:
        record.parent = follows
    return parts, several


def parents_first(records: list[Record]) -> list[Record]:
    """The records in their order, but none before what it follows; files need not be in the order of talk."""
    place: dict[str | None, int] = {record.uuid: number for number, record in enumerate(records)}
    early = [record for number, record in enumerate(records) if place.get(record.parent, -1) >= number]
    if not early and len(place) == len(records):
        return records
    waiting = {record.uuid: record for record in records}
    ordered: list[Record] = []
    for record in records:
        line: list[Record] = []
        at: str | None = record.uuid
        while at is not None and (found := waiting.pop(at, None)) is not None:
            line.append(found)
            at = found.parent
        in_a_circle = any(found.uuid == at for found in line)
        ordered += line if in_a_circle else reversed(line)
    return ordered
