"""Linked records to sessions: components, turns, parallel tool calls, subagent threads."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from collections.abc import Hashable, Iterable, Sequence

from schemas.records import MAIN_THREAD, Message, Session
from transforms.sources.claude_code_lines import Record, said_by

_EARLIEST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


class Groups[Item: Hashable]:
    """Disjoint sets of items, joined pair by pair."""

    def __init__(self) -> None:
        self._parent: dict[Item, Item] = {}

    def join(self, first: Item, second: Item) -> None:
        """Puts both in one set."""
        a, b = self.of(first), self.of(second)
        if a != b:
            self._parent[b] = a

    def of(self, item: Item) -> Item:
        """What stands for the item's set."""
        self._parent.setdefault(item, item)
        root = item
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[item] != root:
            self._parent[item], item = root, self._parent[item]
        return root

    def members(self) -> list[list[Item]]:
        """All sets, each in the order its items came."""
        found: dict[Item, list[Item]] = {}
        for item in self._parent:
            found.setdefault(self.of(item), []).append(item)
        return list(found.values())


def sessions_of(records: Sequence[Record]) -> list[Session]:
    """The sessions in the records, by conversation id; equal for equal records in equal order.

    A subagent's messages belong to the conversation that its session id was in at that time.
    """
    unique = _unique(records)
    for record in unique.values():
        if record.parent is not None and record.parent not in unique and record.before is not None:
            record.parent = record.before  # its parent is among the damaged lines
    groups: Groups[str] = Groups()
    for record in unique.values():
        # Also by a parent that is in no file: two that follow it are one conversation.
        for link in (record.parent, record.logical):
            groups.join(record.uuid if link is None else link, record.uuid)
    _close_gaps(unique)
    components: dict[str, list[Record]] = collections.defaultdict(list)
    for record in unique.values():
        if record.message:
            components[groups.of(record.uuid)].append(record)
    copied: dict[str, set[str]] = collections.defaultdict(set)
    for record in records:
        if record.session != unique[record.uuid].session:
            copied[record.uuid].add(record.session)
    sessions = [_session(component) for component in _with_sidechains(list(components.values()), copied)]
    return sorted(sessions, key=lambda session: session.conversation_id)


def _unique(records: Iterable[Record]) -> dict[str, Record]:
    """Records by uuid, copies of one made one with the earliest time; the records given stay as they are."""
    unique: dict[str, Record] = {}
    for record in records:
        known = unique.get(record.uuid)
        if known is None or (record.message and not known.message):
            unique[record.uuid] = dataclasses.replace(record)
        elif record.sent_at is not None and (known.sent_at is None or record.sent_at < known.sent_at):
            known.sent_at = record.sent_at
    return unique


def _close_gaps(unique: dict[str, Record]) -> None:
    """Lets every message's parent be a message: links through other records are followed."""
    for record in unique.values():
        seen = {record.uuid}
        parent = record.parent
        while parent in unique and not unique[parent].message and parent not in seen:
            seen.add(parent)
            parent = unique[parent].parent
        if record.message:
            record.parent = parent


def _with_sidechains(components: list[list[Record]], copied: dict[str, set[str]]) -> list[list[Record]]:
    """Components with those that are only a subagent's put into the conversation they served.

    `copied`: the other session ids of messages that stand under several.
    """
    mains = [part for part in components if any(not _aside(record) for record in part)]
    by_session: dict[str, list[list[Record]]] = collections.defaultdict(list)
    for part in mains:
        others = (session for record in part for session in copied.get(record.uuid, ()))
        for session in {*(record.session for record in part), *others}:
            by_session[session].append(part)
    alone = []
    for part in components:
        if any(not _aside(record) for record in part):
            continue
        hosts = by_session.get(part[0].session, [])
        if hosts:
            _host_at(hosts, _first(part)).extend(part)
        else:
            alone.append(part)
    return [*mains, *alone]


def _host_at(hosts: list[list[Record]], instant: dt.datetime) -> list[Record]:
    """The conversation that had begun last at an instant, else the first to begin."""
    ordered = sorted(hosts, key=lambda part: (_first(part), part[0].uuid))
    begun = [part for part in ordered if _first(part) <= instant]
    return begun[-1] if begun else ordered[0]


def _session(component: list[Record]) -> Session:
    uuids = {record.uuid for record in component}
    main = [record for record in component if not _aside(record)] or component
    roots = [record for record in main if record.parent not in uuids] or main
    root = min(roots, key=lambda record: (record.sent_at or _EARLIEST, record.uuid))
    messages = _messages(component)
    created_at = min((message.sent_at for message in messages), default=_EARLIEST)
    return Session(conversation_id=root.uuid, created_at=created_at, messages=messages)


def _messages(component: list[Record]) -> list[Message]:
    """Turns as messages: lines of one API message joined, parallel tool results put in a row."""
    alias: dict[str, str] = {}
    turns: dict[tuple[str, str | None], Record] = {}
    kept: list[Record] = []
    for record in component:
        key = (record.turn or record.uuid, record.agent)
        first = turns.get(key)
        if first is None:
            turns[key] = record
            kept.append(record)
        else:
            known = [block.id or block for block in first.blocks]
            first.blocks = first.blocks + [b for b in record.blocks if (b.id or b) not in known]
            alias[record.uuid] = first.uuid
    for record in kept:
        if record.parent in alias:
            record.parent = alias[record.parent]
    _chain_results(kept)
    return [_message(record) for record in _parents_first(_said_apart(kept))]


def _message(record: Record) -> Message:
    return Message(
        message_id=record.uuid,
        role=record.role,
        sent_at=record.sent_at or _EARLIEST,
        content=list(record.blocks),
        parent_id=record.parent,
        origin=record.origin,
        thread=_thread(record),
    )


def _said_apart(kept: list[Record]) -> list[Record]:
    """The records, what a user said beside results of tools as one of its own that follows them."""
    apart: list[Record] = []
    after: dict[str | None, str] = {}
    for record in kept:
        apart.append(record)
        if record.role == "tool" and (texts := [block for block in record.blocks if block.type == "text"]):
            record.blocks = [block for block in record.blocks if block.type != "text"]
            after[record.uuid] = f"{record.uuid}/said"
            apart.append(said_by(record, after[record.uuid], texts))
    for record in apart if after else ():
        if record.uuid != after.get(record.parent):
            record.parent = after.get(record.parent, record.parent)
    return apart


def _parents_first(records: list[Record]) -> list[Record]:
    """The records in their order, but none before what it follows; files need not be in the order of talk."""
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


def _chain_results(kept: list[Record]) -> None:
    """Tool results of one turn follow each other, and what follows any of them follows the last."""
    place = {record.uuid: n for n, record in enumerate(kept)}
    role = {record.uuid: record.role for record in kept}
    last: dict[str, str] = {}
    chain_of: dict[str, str] = {}
    for record in kept:
        parent = record.parent
        if record.role != "tool" or parent is None or role.get(parent) != "assistant":
            continue
        if parent in last:
            record.parent = last[parent]
        chain_of[record.uuid] = parent
        last[parent] = record.uuid
    for record in kept:
        turn = chain_of.get(record.parent or "")
        if turn is None or record.uuid in chain_of:
            continue
        if place[record.uuid] > place[last[turn]]:
            record.parent = last[turn]


def _aside(record: Record) -> bool:
    return record.sidechain or record.agent is not None


def _thread(record: Record) -> str:
    return (record.agent or "sidechain") if _aside(record) else MAIN_THREAD


def _first(part: list[Record]) -> dt.datetime:
    return min(record.sent_at or _EARLIEST for record in part)
