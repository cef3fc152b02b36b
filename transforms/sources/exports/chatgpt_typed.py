"""Conversations of a ChatGPT export to sessions, many at once, where nothing about them is odd."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from schemas.records import Message, Origin, Role, Session
from transforms.sources.decode import Fault
from transforms.sources.exports.chatgpt_blocks import CONTEXT, NOBODY, blocks_of
from transforms.sources.exports.chatgpt_tree import ROLES, in_order, nearest_above
from transforms.sources.json.typed_items import TypedItems


class _Author(msgspec.Struct):
    role: Literal["system", "user", "assistant", "tool", "function"]


class _Content(msgspec.Struct):
    content_type: str
    parts: Any = None
    text: Any = None
    result: Any = None
    content: Any = None
    thoughts: Any = None


class _Metadata(msgspec.Struct):
    is_visually_hidden_from_conversation: Any = None
    is_user_system_message: Any = None
    finished_text: Any = None


class _Said(msgspec.Struct):
    author: _Author
    create_time: float | None = None
    content: _Content | None = None
    weight: Any = None
    metadata: _Metadata | None = None
    recipient: Any = None


class _Node(msgspec.Struct):
    parent: str | None = None
    message: _Said | None = None
    children: Any = None


class _Conversation(msgspec.Struct):
    """Without a mapping it is none, but does not keep those beside it from being decoded."""

    mapping: dict[str, _Node] | None = None
    conversation_id: Any = None
    id: Any = None
    create_time: float | None = None
    current_node: Any = None
    is_do_not_remember: Any = None
    is_temporary_chat: Any = None
    history_and_training_disabled: Any = None


class _Spoken(NamedTuple):
    """The messages of a conversation in their order, with their names and those of what they follow."""

    names: list[str]
    said: list[_Said]
    above: list[str | None]
    leaf: str | None


_ITEMS = TypedItems(_Conversation)
_NOTHING = _Spoken([], [], [], None)
_TEXT = _Content("text")


def sessions_of(data: bytes) -> list[Session | None]:
    """The sessions of an array's items; None for one that has to be looked at with care.

    They are as `session_of` has them, but that a message of one text has it as its content. Raises ValueError
    or what msgspec raises where nothing can be said.
    """
    items = _ITEMS.of(data)
    spoken = [_NOTHING if item is None else _spoken(item.mapping, item.current_node) for item in items]
    try:
        times = _times([said.create_time for each in spoken for said in each.said])
        begun = _times([None if item is None else item.create_time for item in items])
    except (ValueError, OverflowError, OSError):
        return [None] * len(items)
    messages = _messages(spoken, times)
    sessions, end = list[Session | None](), 0
    for item, each, created_at in zip(items, spoken, begun, strict=True):
        start, end = end, end + len(each.said)
        sessions.append(
            None
            if item is None or item.mapping is None
            else _session(item, each, created_at, messages[start:end], times[start:end])
        )
    return sessions


def _spoken(nodes: dict[str, _Node] | None, leaf: Any) -> _Spoken:
    if nodes is None:
        return _NOTHING
    names, parents = [*nodes], [node.parent for node in nodes.values()]
    said = [node.message for node in nodes.values()]
    leaf = leaf if isinstance(leaf, str) else None
    if parents[1:] != names[:-1] or (parents and parents[0] in nodes):
        return _of_tree(nodes, leaf)
    if all(said):
        return _Spoken(names, said, [None, *names[:-1]] if names else [], leaf)  # type: ignore[arg-type]
    if leaf in nodes and nodes[leaf].message is None:
        upto = names.index(leaf)
        leaf = next((name for name in reversed(names[:upto]) if nodes[name].message is not None), None)
    names = [name for name, one in zip(names, said, strict=True) if one is not None]
    return _Spoken(names, [one for one in said if one is not None], [None, *names[:-1]][: len(names)], leaf)


def _of_tree(nodes: dict[str, _Node], leaf: str | None) -> _Spoken:
    plainly = {name: {"parent": node.parent, "children": node.children} for name, node in nodes.items()}
    spoken = {name: node.message for name, node in nodes.items() if node.message is not None}
    above = nearest_above(plainly, spoken)
    names = [name for name in in_order(plainly) if name in spoken]
    if leaf in nodes and leaf not in spoken:
        leaf = above[leaf]
    return _Spoken(names, [spoken[name] for name in names], [above[name] for name in names], leaf)


def _session(
    item: _Conversation,
    spoken: _Spoken,
    created_at: dt.datetime | None,
    messages: list[Message],
    times: Sequence[dt.datetime | None],
) -> Session | None:
    conversation_id = item.conversation_id or item.id
    created_at = created_at or min((time for time in times if time), default=None)
    if not isinstance(conversation_id, str) or created_at is None:
        return None
    if None in times:
        _fill_times(messages, times, created_at)
    if None in [message.content for message in messages]:
        try:
            _add_blocks(messages, spoken.said)
        except Fault:
            return None
    marks = (item.is_do_not_remember, item.is_temporary_chat, item.history_and_training_disabled)
    incognito = True if True in [mark is True for mark in marks] else None
    return Session(conversation_id, created_at, messages, current_message_id=spoken.leaf, incognito=incognito)


def _fill_times(
    messages: Sequence[Message], times: Sequence[dt.datetime | None], created_at: dt.datetime
) -> None:
    """Gives messages without a time that of the one they follow."""
    sent: dict[str | None, dt.datetime] = {}
    for message, at in zip(messages, times, strict=True):
        message.sent_at = at or sent.get(message.parent_id, created_at)
        sent[message.message_id] = message.sent_at


def _add_blocks(messages: Sequence[Message], said: Sequence[_Said]) -> None:
    """Gives messages that are no text alone their blocks; raises Fault."""
    calls: set[str | None] = set()
    for message, one in zip(messages, said, strict=True):
        if message.content is not None:
            continue
        content = one.content
        plainly = {
            "content": None if content is None else msgspec.structs.asdict(content),
            "recipient": one.recipient,
            "metadata": None if one.metadata is None else {"finished_text": one.metadata.finished_text},
        }
        parent = message.parent_id
        blocks = blocks_of(plainly, message.role, message.message_id, parent if parent in calls else None)
        message.content = blocks
        if "tool_use" in [block.type for block in blocks]:
            calls.add(message.message_id)


def _messages(spoken: Sequence[_Spoken], times: Sequence[dt.datetime | None]) -> list[Message]:
    """The messages of all, with these times; those that are no text alone are without their content."""
    said = [*itertools.chain.from_iterable([each.said for each in spoken])]
    names = itertools.chain.from_iterable([each.names for each in spoken])
    above = itertools.chain.from_iterable([each.above for each in spoken])
    roles: list[Role] = [ROLES[one.author.role] for one in said]
    contents = [one.content or _TEXT for one in said]
    kinds, recipients = [content.content_type for content in contents], [one.recipient for one in said]
    texts = [
        parts[0]
        if kind == "text"
        and parts.__class__ is list
        and len(parts) == 1
        and (role == "user" or role == "system" or (role == "assistant" and _is_said(recipient)))
        else None
        for parts, kind, role, recipient in zip(
            [content.parts for content in contents], kinds, roles, recipients, strict=True
        )
    ]
    if {*map(type, texts)} != {str}:
        texts = [text if text.__class__ is str else None for text in texts]
    return [*map(Message, names, roles, times, texts, above, _origins(said, roles, kinds))]


def _is_said(recipient: Any) -> bool:
    """True where nothing but the user is spoken to."""
    return recipient == NOBODY or not isinstance(recipient, str)


def _origins(said: Sequence[_Said], roles: Sequence[Role], kinds: Sequence[str]) -> list[Origin]:
    origins = [_ORIGINS[role] for role in roles]
    weights = [one.weight for one in said]
    hidden = [
        place
        for place, data in enumerate([one.metadata for one in said])
        if data is not None and (data.is_visually_hidden_from_conversation or data.is_user_system_message)
    ]
    if 0 in weights:
        hidden += [place for place, weight in enumerate(weights) if weight == 0]
    if not CONTEXT.isdisjoint(kinds):
        hidden += [place for place, kind in enumerate(kinds) if kind in CONTEXT]
    for place in hidden:
        if roles[place] != "tool":
            origins[place] = "harness"
    return origins


_ORIGINS: dict[Role, Origin] = {"user": "human", "assistant": "model", "system": "harness", "tool": "tool"}


def _times(seconds: Sequence[float | None]) -> list[dt.datetime | None]:
    """Seconds since 1970 as instants; raises what `fromtimestamp` does."""
    at = dt.datetime.fromtimestamp
    if None in seconds:
        return [None if each is None else at(each, dt.UTC) for each in seconds]
    return [*map(at, seconds, itertools.repeat(dt.UTC))]  # type: ignore[arg-type]
