"""Conversations of a Claude.ai export to sessions, many at once, where nothing about them is odd."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from schemas.records import Aware, Message, Origin, Session
from transforms.sources.decode import Fault
from transforms.sources.exports.claude_conversation import ROOT, SENDERS, add_message, last_of_leaf, rechained
from transforms.sources.json.typed_items import TypedItems


class _Part(msgspec.Struct):
    type: Any = None
    text: Any = None
    thinking: Any = None
    id: Any = None
    name: Any = None
    input: Any = None
    tool_use_id: Any = None
    content: Any = None
    is_error: Any = None


class _Entry(msgspec.Struct):
    uuid: str
    sender: Literal["human", "assistant"]
    created_at: Aware
    content: list[_Part] | str | None = None
    text: Any = None
    attachments: Any = None
    files: Any = None
    parent_message_uuid: Any = None


class _Account(msgspec.Struct):
    uuid: Any = None


class _Conversation(msgspec.Struct):
    """Without fields that it must have it is none, but does not keep those beside it from being decoded."""

    uuid: str = ""
    created_at: Aware | None = None
    chat_messages: list[_Entry] | None = None
    account: _Account | None = None
    current_leaf_message_uuid: Any = None


_ITEMS = TypedItems(_Conversation)


def sessions_of(data: bytes) -> list[Session | None]:
    """The sessions of an array's items; None for one that has to be looked at with care.

    They are as `session_of` has them, but that a message of one text has it as its content. Raises ValueError
    or what msgspec raises where nothing can be said.
    """
    items = _ITEMS.of(data)
    chats = [() if item is None else item.chat_messages or () for item in items]
    entries = [*itertools.chain.from_iterable(chats)]
    texts = _texts_of(entries)
    made = _messages(entries, texts)
    plain = None not in texts
    sessions, end = list[Session | None](), 0
    for item, chat in zip(items, chats, strict=True):
        start, end = end, end + len(chat)
        if item is None or item.created_at is None or not item.uuid:
            sessions.append(None)
            continue
        account, leaf = item.account, item.current_leaf_message_uuid
        user_id = None if account is None else account.uuid
        messages: list[Message] | None = made[start:end]
        current = leaf if isinstance(leaf, str) else None
        if not plain and None in texts[start:end]:
            messages = _with_odd_ones(chat, messages or [], texts[start:end])
            current = last_of_leaf(messages or [], leaf)
        sessions.append(
            None
            if messages is None
            else Session(
                item.uuid,
                item.created_at,
                messages,
                user_id if isinstance(user_id, str) else None,
                current_message_id=current,
            )
        )
    return sessions


def _texts_of(entries: Sequence[_Entry]) -> list[str | None]:
    """The text of each entry that holds one, and nothing else; None for the others."""
    texts = [
        content[0].text
        if content.__class__ is list
        and len(content) == 1
        and content[0].type == "text"
        and not entry.attachments
        and not entry.files
        else None
        for entry, content in [(entry, entry.content) for entry in entries]
    ]
    if {*map(type, texts)} == {str}:
        return texts
    return [
        text if text.__class__ is str else _text_of(entry) for entry, text in zip(entries, texts, strict=True)
    ]


def _text_of(entry: _Entry) -> str | None:
    """The text of an entry that holds no blocks; those without a word say as much as an empty one."""
    if (entry.content.__class__ is list and entry.content) or entry.attachments or entry.files:
        return None
    text = entry.content or entry.text
    return "" if text is None else text if isinstance(text, str) else None


def _messages(entries: Sequence[_Entry], texts: Sequence[str | None]) -> list[Message]:
    """The messages of entries that hold one text; of others there is no more than that it is said when."""
    roles = [SENDERS[entry.sender] for entry in entries]
    parents = [entry.parent_message_uuid for entry in entries]
    if parents.count(None) < len(parents):
        parents = [each if each.__class__ is str and each != ROOT else None for each in parents]
    origins: list[Origin] = [
        "model" if role == "assistant" else "human" if text and not text.isspace() else "harness"
        for role, text in zip(roles, texts, strict=True)
    ]
    ids, times = [entry.uuid for entry in entries], [entry.created_at for entry in entries]
    return [*map(Message, ids, roles, times, texts, parents, origins)]


def _with_odd_ones(
    chat: Sequence[_Entry], plain: Sequence[Message], texts: Sequence[str | None]
) -> list[Message] | None:
    """The messages of a session of which some hold no text alone; None if one of them is refused."""
    messages: list[Message] = []
    for entry, message, text in zip(chat, plain, texts, strict=True):
        if text is not None:
            messages.append(message)
            continue
        try:
            add_message(messages, _plainly(entry), entry.created_at)
        except Fault:
            return None
    return rechained(messages)


def _plainly(entry: _Entry) -> dict[str, Any]:
    """The entry as a decoder that knows no types has it."""
    plainly = msgspec.structs.asdict(entry)
    if isinstance(entry.content, list):
        plainly["content"] = [*map(msgspec.structs.asdict, entry.content)]
    return plainly
