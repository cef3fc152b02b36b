"""Linked records to sessions: one session for each connected component, subagents included."""

from __future__ import annotations

import collections
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.records import MAIN_THREAD, Message, Session
from transforms.sources.claude_code.groups import Groups
from transforms.sources.claude_code.lines import LinkedRecord
from transforms.sources.claude_code.turns import messages_in_order

#: Ancestors that are searched for a cycle; a longer chain is not followed.
_MOST_STEPS = 2_000
_EARLIEST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
Component = list[LinkedRecord]


class Conversation(NamedTuple):
    """A session, and the session ids of all its lines, copies included."""

    session: Session
    session_ids: frozenset[str]


def conversations_of(records: Sequence[LinkedRecord]) -> list[Conversation]:
    """The conversations in the records, by conversation id; equal for equal records in equal order.

    A subagent's messages belong to the conversation that was open under its session id at that time. Parents,
    times and blocks of the records are changed.
    """
    unique = _unique(records)
    others = _other_session_ids(records, unique)
    components = _attach_subagents(_components(unique), others)
    found = [Conversation(_session(part), _session_ids(part, others)) for part in components]
    return sorted(found, key=lambda one: one.session.conversation_id)


def _unique(records: Iterable[LinkedRecord]) -> dict[str, LinkedRecord]:
    """Records by uuid; of copies the first message, with the earliest time of all."""
    unique: dict[str, LinkedRecord] = {}
    for record in records:
        known = unique.setdefault(record.uuid, record)
        if known is record:
            continue
        if known.before is None:
            known.before = record.before
        if record.is_message and not known.is_message:
            record.before = known.before
            unique[record.uuid] = record
            continue
        if record.sent_at is not None and (known.sent_at is None or record.sent_at < known.sent_at):
            known.sent_at = record.sent_at
    return unique


def _other_session_ids(
    records: Sequence[LinkedRecord], unique: dict[str, LinkedRecord]
) -> dict[str, set[str]]:
    """By uuid, the further session ids of records that have copies."""
    others: dict[str, set[str]] = collections.defaultdict(set)
    for record in records if len(records) > len(unique) else ():
        if record.session_id != unique[record.uuid].session_id:
            others[record.uuid].add(record.session_id)
    return others


def _session_ids(component: Component, others: Mapping[str, set[str]]) -> frozenset[str]:
    """The session ids of the records, of their copies, and of the lines that they are copies of."""
    found = {record.session_id for record in component}
    found.update(record.forked_from for record in component if record.forked_from)
    for record in component if others else ():
        found |= others.get(record.uuid, set())
    return frozenset(found - {""})


def _components(unique: dict[str, LinkedRecord]) -> list[Component]:
    """The messages by connected component. Their parents become messages, or uuids in no file, or None."""
    _replace_missing_parents(unique)
    groups = _linked(unique.values())
    _drop_repeated_prompts(unique)
    _skip_links(unique)
    components: dict[str, Component] = collections.defaultdict(list)
    for record in unique.values():
        if record.is_message:
            if record.is_command and record.parent in unique and unique[record.parent].role == "tool":
                record.origin = "harness"  # run by the model: it follows the result of its call
            components[groups.of(record.uuid)].append(record)
    return list(components.values())


def _replace_missing_parents(unique: dict[str, LinkedRecord]) -> None:
    """Lets a record whose parent is in no file follow its logical parent, else the record before it.

    So does a record without a parent that continues a conversation.
    """
    if all(record.parent in unique or not _is_open(record) for record in unique.values()):
        return
    place = {uuid: number for number, uuid in enumerate(unique)}
    farthest = -1  # the last place that a record so far follows
    for number, record in enumerate(unique.values()):
        if record.parent not in unique and _is_open(record):
            before = record.before
            if record.logical_parent in unique:
                record.parent = record.logical_parent
            elif before in unique and (
                max(place[before], farthest) < number or not _follows(unique, before, record.uuid)
            ):
                record.parent = before
        farthest = max(farthest, place.get(record.parent or "", -1))


def _is_open(record: LinkedRecord) -> bool:
    """True for a record that follows another one, which may be in no file."""
    return record.parent is not None or record.continues


def _follows(unique: dict[str, LinkedRecord], uuid: str | None, ancestor: str) -> bool:
    """True if a record is, or follows, another: then that one cannot follow it."""
    steps = 0
    while uuid in unique and uuid != ancestor and steps < _MOST_STEPS:
        uuid, steps = unique[uuid].parent, steps + 1
    return uuid == ancestor or steps == _MOST_STEPS


def _linked(records: Iterable[LinkedRecord]) -> Groups[str]:
    """The uuids in connected groups. Two records with the same parent are linked even if no file has it."""
    groups: Groups[str] = Groups()
    for record in records:
        groups.add(record.uuid, record.parent)
        if record.logical_parent is not None and record.logical_parent != record.parent:
            groups.join(record.logical_parent, record.uuid)
    return groups


def _drop_repeated_prompts(unique: dict[str, LinkedRecord]) -> None:
    """Makes a queued prompt a mere link where a user line repeats it.

    After a turn, the prompts that are still queued are sent as user lines. So a run of n queued prompts is
    compared with the next n human lines of the session.
    """
    if not any(record.is_queued for record in unique.values()):
        return
    human: dict[str, list[LinkedRecord]] = {}
    for record in unique.values():
        if record.origin == "human":
            human.setdefault(record.session_id, []).append(record)
    for records in human.values():
        for is_queued, run in itertools.groupby(enumerate(records), key=lambda one: one[1].is_queued):
            prompts = list(run)
            if not is_queued:
                continue
            after = prompts[-1][0] + 1
            following = records[after : after + len(prompts)]
            lines = list(itertools.takewhile(lambda one: not one.is_queued, following))
            for _, prompt in prompts:
                same = next((line for line in lines if line.blocks == prompt.blocks), None)
                if same is not None:
                    lines.remove(same)
                    prompt.is_message = False


def _skip_links(unique: dict[str, LinkedRecord]) -> None:
    """Replaces each parent that is no message by the nearest ancestor that is one."""
    links = {uuid for uuid, record in unique.items() if not record.is_message}
    if not links:
        return
    for record in unique.values():
        parent = record.parent
        if parent not in links:
            continue
        seen = {record.uuid}
        while parent in links and parent not in seen:
            seen.add(parent)
            parent = unique[parent].parent
        if record.is_message:
            record.parent = parent


def _attach_subagents(components: list[Component], session_ids: dict[str, set[str]]) -> list[Component]:
    """The components, those of subagents alone joined to the conversation that started them.

    `session_ids`: the further session ids of records, by uuid. A subagent whose conversation is in no file
    stays a component.
    """
    of_subagents = [all(record.is_subagent for record in component) for component in components]
    if not any(of_subagents):
        return components
    conversations = [part for part, alone in zip(components, of_subagents, strict=True) if not alone]
    by_session: dict[str, list[Component]] = collections.defaultdict(list)
    for part in conversations:
        others = (session for record in part for session in session_ids.get(record.uuid, ()))
        for session in {*(record.session_id for record in part), *others}:
            by_session[session].append(part)
    unattached = []
    for part, alone in zip(components, of_subagents, strict=True):
        if not alone:
            continue
        hosts = by_session.get(part[0].session_id, [])
        if hosts:
            _host_at(hosts, _begin(part)).extend(part)
        else:
            unattached.append(part)
    return [*conversations, *unattached]


def _host_at(hosts: list[Component], instant: dt.datetime) -> Component:
    """The conversation that began last before an instant, else the first of all."""
    ordered = sorted(hosts, key=lambda part: (_begin(part), part[0].uuid))
    begun = [part for part in ordered if _begin(part) <= instant]
    return begun[-1] if begun else ordered[0]


def _session(component: Component) -> Session:
    root = _root(component)
    messages = [_message(record) for record in messages_in_order(component)]
    return Session(root, min(message.sent_at for message in messages), messages)


def _root(component: Component) -> str:
    """The uuid of the earliest record without a parent, of the main thread if the component has one."""
    uuids = {record.uuid for record in component}
    main = [record for record in component if not record.is_subagent] or component
    roots = [record for record in main if record.parent not in uuids] or main
    return min(roots, key=lambda record: (_sent_at(record), record.uuid)).uuid


def _message(record: LinkedRecord) -> Message:
    thread = (record.agent_id or "sidechain") if record.is_subagent else MAIN_THREAD
    return Message(
        record.uuid, record.role, _sent_at(record), record.blocks, record.parent, record.origin, thread
    )


def _begin(component: Component) -> dt.datetime:
    return min(map(_sent_at, component))


def _sent_at(record: LinkedRecord) -> dt.datetime:
    return record.sent_at or _EARLIEST
