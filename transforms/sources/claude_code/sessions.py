"""Linked records to sessions: components, turns, parallel tool calls, subagent threads."""

from __future__ import annotations

import collections
import datetime as dt
import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence

from schemas.records import MAIN_THREAD, Message, Session
from transforms.sources.claude_code.groups import Groups
from transforms.sources.claude_code.lines import SAID, Record, aside, said_by
from transforms.sources.claude_code.straight import components_in_order, parents_first, plain_sessions

_EARLIEST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


def sessions_of(records: Sequence[Record]) -> list[Session]:
    """The sessions in the records, by conversation id; equal for equal records in equal order.

    A subagent's messages belong to the conversation that its session id was in at that time. The records are
    used up: what they say of parents, times and blocks is not theirs any more.
    """
    plain = plain_sessions(records)
    if plain is not None:
        return plain
    straight = components_in_order(records)
    copied: dict[str, set[str]] = {}
    if straight is None:
        unique = _unique(records)
        components, several = _components(unique), None
        copied = _copied(records, unique)
    else:
        components, several = straight
    if any(record.sidechain or record.agent is not None for record in records):
        components, several = _with_sidechains(components, copied), None
    found = _sessions(components, several, straight is not None)
    return sorted(found, key=operator.attrgetter("conversation_id"))


def _components(unique: dict[str, Record]) -> list[list[Record]]:
    """The messages by component, whatever their order."""
    for record in unique.values():
        if record.before is not None and record.parent is not None and record.parent not in unique:
            record.parent = record.before  # its parent is among the damaged lines
    groups = _linked(unique.values())
    _say_once(unique)
    _close_gaps(unique)
    components: dict[str, list[Record]] = collections.defaultdict(list)
    for record in unique.values():
        if record.message:
            components[groups.of(record.uuid)].append(record)
    return list(components.values())


def _copied(records: Sequence[Record], unique: dict[str, Record]) -> dict[str, set[str]]:
    """The other session ids of messages that stand under several."""
    copied: dict[str, set[str]] = collections.defaultdict(set)
    for record in records if len(records) > len(unique) else ():
        if record.session != unique[record.uuid].session:
            copied[record.uuid].add(record.session)
    return copied


def _unique(records: Iterable[Record]) -> dict[str, Record]:
    """Records by uuid, copies of one made one with the earliest time."""
    unique: dict[str, Record] = {}
    for record in records:
        known = unique.setdefault(record.uuid, record)
        if known is record:
            continue
        if record.message and not known.message:
            unique[record.uuid] = record
        elif record.sent_at is not None and (known.sent_at is None or record.sent_at < known.sent_at):
            known.sent_at = record.sent_at
    return unique


def _say_once(unique: dict[str, Record]) -> None:
    """Lets what was typed while the model worked stand once, where it became a line of the user's as well.

    Each of several in a row is sought by its words in as many of the person's next lines in the session.
    """
    if not any(record.queued for record in unique.values()):
        return
    said: dict[str, list[Record]] = {}
    for record in unique.values():
        if record.origin == "human":
            said.setdefault(record.session, []).append(record)
    for records in said.values():
        for queued, some in itertools.groupby(enumerate(records), key=lambda one: one[1].queued):
            group = list(some)
            if not queued:
                continue
            behind = group[-1][0] + 1
            lines = itertools.takewhile(lambda one: not one.queued, records[behind : behind + len(group)])
            left = list(lines)
            for _, prompt in group:
                same = next((line for line in left if line.blocks == prompt.blocks), None)
                if same is not None:
                    left.remove(same)
                    prompt.message = False


def _linked(records: Iterable[Record]) -> Groups[str]:
    """The ids in groups; also by a parent that is in no file: two that follow it are one conversation."""
    groups: Groups[str] = Groups()
    for record in records:
        groups.add(record.uuid, record.parent)
        if record.logical is not None and record.logical != record.parent:
            groups.join(record.logical, record.uuid)
    return groups


def _close_gaps(unique: dict[str, Record]) -> None:
    """Lets every message's parent be a message: links through other records are followed."""
    silent = {uuid for uuid, record in unique.items() if not record.message}
    if not silent:
        return
    for record in unique.values():
        parent = record.parent
        if parent not in silent:
            continue
        seen = {record.uuid}
        while parent in silent and parent not in seen:
            seen.add(parent)
            parent = unique[parent].parent
        if record.message:
            record.parent = parent


def _with_sidechains(components: list[list[Record]], copied: dict[str, set[str]]) -> list[list[Record]]:
    """Components with those that are only a subagent's put into the conversation they served.

    `copied`: the other session ids of messages that stand under several.
    """
    asides = [all(map(aside, part)) for part in components]
    if not any(asides):
        return components
    mains = [part for part, served in zip(components, asides, strict=True) if not served]
    by_session: dict[str, list[list[Record]]] = collections.defaultdict(list)
    for part in mains:
        others = (session for record in part for session in copied.get(record.uuid, ()))
        for session in {*(record.session for record in part), *others}:
            by_session[session].append(part)
    alone = []
    for part, served in zip(components, asides, strict=True):
        if not served:
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


def _sessions(
    components: Sequence[list[Record]], several: set[int] | None, in_order: bool
) -> Iterator[Session]:
    """A session of each component; what holds of all their records is asked once and not of each.

    `several`: the components of which several may be the first, all if it is None.
    """
    roots = [_root(part) if several is None or id(part) in several else part[0].uuid for part in components]
    every = [*itertools.chain.from_iterable(components)]
    turns = [record.turn for record in every if record.turn]
    merged = len(set(turns)) < len(turns) or not {record.uuid for record in every}.isdisjoint(turns)
    if not in_order or merged or "tool" in [record.role for record in every]:
        components = [_kept(component, in_order) for component in components]
        every = [*itertools.chain.from_iterable(components)]
    messages = _messages(every)
    end = 0
    for root, component in zip(roots, components, strict=True):
        start, end = end, end + len(component)
        own = messages[start:end]
        yield Session(root, min([message.sent_at for message in own], default=_EARLIEST), own)


def _root(component: list[Record]) -> str:
    """The id of what comes first of what follows nothing, in the main thread if anything is in it."""
    uuids = {record.uuid for record in component}
    main = [record for record in component if not aside(record)] or component
    roots = [record for record in main if record.parent not in uuids] or main
    return min(roots, key=_begun).uuid if len(roots) > 1 else roots[0].uuid


def _begun(record: Record) -> tuple[dt.datetime, str]:
    return record.sent_at or _EARLIEST, record.uuid


def _kept(component: list[Record], in_order: bool) -> list[Record]:
    """Turns as messages: lines of one API message joined, parallel tool results put in a row."""
    kept = _turns(component)
    if "tool" in [record.role for record in kept]:
        _chain_results(kept)
        count = len(kept)
        kept = _said_apart(kept)
        in_order = in_order and len(kept) == count
    return kept if in_order else parents_first(kept)


def _messages(records: Sequence[Record]) -> list[Message]:
    return [
        *map(
            Message,
            [record.uuid for record in records],
            [record.role for record in records],
            [record.sent_at or _EARLIEST for record in records],
            [record.blocks for record in records],
            [record.parent for record in records],
            [record.origin for record in records],
            [
                (record.agent or "sidechain") if record.sidechain or record.agent is not None else MAIN_THREAD
                for record in records
            ],
        )
    ]


def _turns(component: list[Record]) -> list[Record]:
    """The first line of each API message, with the blocks of those that go on with it."""
    if len({record.turn or record.uuid for record in component}) == len(component):
        return component
    alias: dict[str, str] = {}
    turns: dict[tuple[str, str | None], Record] = {}
    kept: list[Record] = []
    for record in component:
        key = (record.turn or record.uuid, record.agent)
        first = turns.setdefault(key, record)
        if first is record:
            kept.append(record)
        else:
            known = [block.id or block for block in first.blocks]
            first.blocks = first.blocks + [b for b in record.blocks if (b.id or b) not in known]
            alias[record.uuid] = first.uuid
    for record in kept:
        if record.parent in alias:
            record.parent = alias[record.parent]
    return kept


def _said_apart(kept: list[Record]) -> list[Record]:
    """The records, what a user said beside results of tools as one of its own that follows them."""
    apart: list[Record] = []
    after: dict[str | None, str] = {}
    for record in kept:
        apart.append(record)
        if record.role == "tool" and (texts := [block for block in record.blocks if block.type == "text"]):
            record.blocks = [block for block in record.blocks if block.type != "text"]
            after[record.uuid] = f"{record.uuid}{SAID}"
            apart.append(said_by(record, after[record.uuid], texts))
    for record in apart if after else ():
        if record.uuid != after.get(record.parent):
            record.parent = after.get(record.parent, record.parent)
    return apart


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


def _first(part: list[Record]) -> dt.datetime:
    return min(record.sent_at or _EARLIEST for record in part)
