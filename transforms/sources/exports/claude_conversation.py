"""Converts one conversation of a Claude.ai export; only the fields named here are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.records import Block, Message, Origin, Role, Session
from transforms.sources.accounting import MERGED, dropped, note_block
from transforms.sources.decode import check_value
from transforms.sources.exports.lost import Conversation, Lost, in_range
from transforms.sources.faults import Fault, bad_field, no_field, value_of
from transforms.sources.json.once import unread

_ROOT = "00000000-0000-4000-8000-000000000000"
_SENDERS: dict[str, Role] = {"human": "user", "assistant": "assistant"}
#: Blocks that neither the user nor the model wrote.
_IGNORED = frozenset({"token_budget", "injected_prompt_block", "metadata", "flag"})


def conversation_of(item: Any) -> Conversation:
    """The conversation of an item; raises Fault, with the conversation's id if that can be read."""
    if not isinstance(item, dict):
        raise Fault("not_an_object")
    conversation_id = item.get("uuid")
    if not isinstance(conversation_id, str) or not conversation_id:
        raise no_field(item, "uuid")
    try:
        return _conversation(item, conversation_id)
    except Fault as fault:
        raise fault.of(conversation_id) from None


def _conversation(item: dict[str, Any], conversation_id: str) -> Conversation:
    chat = item.get("chat_messages")
    if not isinstance(chat, list | None):
        raise bad_field("chat_messages", chat)
    if not isinstance(account := item.get("account"), dict | None):
        raise bad_field("account", account)
    if not isinstance(user_id := (account or {}).get("uuid"), str | None):
        raise bad_field("account.uuid", user_id)
    reading = _Reading(_instant(item))
    for place, entry in enumerate(chat or ()):
        reading.add(place, entry)
    messages = _once(reading.messages)
    leaf = item.get("current_leaf_message_uuid")
    session = Session(
        conversation_id=conversation_id,
        created_at=reading.created_at,
        messages=_rechained(messages),
        user_id=user_id,
        current_message_id=_last_of_leaf(messages, reading.read_at(leaf) if isinstance(leaf, str) else None),
    )
    return Conversation(session, reading.lost)


class _Reading:
    """The messages of a conversation, entry by entry, and after each a message for each tool result inside.

    An entry whose id or sender cannot be read is left out; replies to it become replies to the one above it.
    One whose time or content cannot be read keeps its place and sender, without content: it is still the
    prompt of its answer. An id or a parent that an entry gives twice is a fault of the conversation, because
    the tree of its messages is not certain.
    """

    def __init__(self, created_at: dt.datetime) -> None:
        self.created_at = created_at
        self.messages: list[Message] = []
        self.lost: list[Lost] = []
        self._left_out: dict[str, str | None] = {}

    def add(self, place: int, entry: Any) -> None:
        """Adds what can be read of an entry."""
        try:
            message_id, role = _speaker(entry)
        except Fault as fault:
            self.lost.append(Lost(place, entry, fault.within("chat_messages[]")))
            self._leave_out(entry)
            return
        parent_id = _parent(entry)
        if self._left_out:
            parent_id = self.read_at(parent_id)
        sent_at: dt.datetime | None = None
        try:
            sent_at = _instant(entry)
            blocks, results = _read(entry, message_id)
            typed = role == "user" and _typed(blocks)
        except Fault as fault:
            self.lost.append(Lost(place, entry, fault.within("chat_messages[]")))
            blocks, results, typed = [], [], True
            sent_at = sent_at or (self.messages[-1].sent_at if self.messages else self.created_at)
        origin: Origin = "model" if role == "assistant" else "human" if typed else "harness"
        self.messages.append(Message(message_id, role, sent_at, blocks, parent_id, origin))
        for number, result in enumerate(results, 1):
            before, result_id = self.messages[-1].message_id, f"{message_id}/result-{number}"
            self.messages.append(Message(result_id, "tool", sent_at, [result], before, "tool"))

    def read_at(self, message_id: str | None) -> str | None:
        """The id, or if its entry was left out, that of the entry above it."""
        seen: set[str] = set()
        while message_id in self._left_out and message_id not in seen:
            seen.add(message_id)
            message_id = self._left_out[message_id]
        return message_id

    def _leave_out(self, entry: Any) -> None:
        message_id = entry.get("uuid") if isinstance(entry, dict) else None
        if isinstance(message_id, str):
            self._left_out[message_id] = _parent(entry)


def _speaker(entry: Any) -> tuple[str, Role]:
    if not isinstance(entry, dict):
        raise bad_field("", entry)
    message_id, sender = entry.get("uuid"), entry.get("sender")
    if not isinstance(message_id, str) or not message_id:
        raise no_field(entry, "uuid")
    if sender is None:
        raise no_field(entry, "sender")
    role = _SENDERS.get(sender) if isinstance(sender, str) else None
    if role is None:
        raise bad_field("sender", sender)
    return message_id, role


def _parent(entry: dict[str, Any]) -> str | None:
    parent = entry.get("parent_message_uuid")
    return parent if isinstance(parent, str) and parent != _ROOT else None


def _read(entry: dict[str, Any], message_id: str) -> tuple[list[Block], list[Block]]:
    """The blocks of the speaker, with the texts of attachments, and tool results; raises Fault."""
    blocks, results = _split(_content(entry), message_id)
    if entry.get("attachments") or entry.get("files"):
        attached = _attachments(entry)
        _note_attachments(entry, len(attached))
        blocks += attached
    return blocks, results


def _once(messages: list[Message]) -> list[Message]:
    """The messages without identical copies; different messages with one id fail a later check."""
    if len({message.message_id for message in messages}) == len(messages):
        return messages
    kept: dict[str, Message] = {}
    unlike = []
    for message in messages:
        first = kept.setdefault(message.message_id, message)
        if first is not message and first == message:
            note_block(MERGED, len(message.content or ()))
        elif first is not message:
            unlike.append(message)
    return [*kept.values(), *unlike]


def _rechained(messages: list[Message]) -> list[Message]:
    """A reply to a message with tool results becomes a reply to the last result; unlinked lists stay."""
    linked = any(message.parent_id is not None and message.origin != "tool" for message in messages)
    if not linked:
        for message in messages:
            message.parent_id = None
        return messages
    last = {_spoken(message): message.message_id for message in messages if message.origin == "tool"}
    if not last:
        return messages
    for message in messages:
        if message.origin != "tool" and message.parent_id in last:
            message.parent_id = last[message.parent_id]
    return messages


def _last_of_leaf(messages: Sequence[Message], leaf: Any) -> str | None:
    """The id of the last message created from the leaf record; the leaf's own id if there is none."""
    if not isinstance(leaf, str):
        return None
    last_of = {_spoken(message): message.message_id for message in messages} if leaf else {}
    return last_of.get(leaf, leaf)


def _spoken(message: Message) -> str:
    """The id of the export's message: for a tool result, of the message that contained it."""
    return message.message_id.rsplit("/result-", 1)[0] if message.origin == "tool" else message.message_id


def _content(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of an entry, or its old `text` field, which may include thinking, if they have no words."""
    content = entry.get("content")
    if isinstance(content, list) and content:
        if not {dict}.issuperset(map(type, content)):
            for other in content:
                if not isinstance(other, dict):
                    raise bad_field("content[]", other)
        text = entry.get("text")
        if not isinstance(text, str) or _is_blank(text) or not _are_blank(content):
            return content
        note_block(MERGED, len(content) - 1)
        content = None
    if isinstance(content, str) and content:
        return [{"type": "text", "text": content}]
    text = entry.get("text")
    if not isinstance(text, str | None):
        raise bad_field("text", text)
    return [{"type": "text", "text": text}] if text else []


def _are_blank(content: list[dict[str, Any]]) -> bool:
    """True for texts without words."""
    texts = [item.get("text") for item in content if item.get("type") == "text"]
    return len(texts) == len(content) and all(text is None or _is_blank(text) for text in texts)


def _is_blank(text: Any) -> bool:
    return isinstance(text, str) and not text.strip()


def _split(content: list[dict[str, Any]], message_id: str) -> tuple[list[Block], list[Block]]:
    """Blocks of the speaker, and tool results; calls and results without ids are paired by order."""
    blocks: list[Block] = []
    results: list[Block] = []
    calls: list[str] = []
    for item in content:
        kind = item.get("type")
        if not isinstance(kind, str):
            raise value_of(item, "type").within("content[]")
        if kind == "text" or kind == "voice_note":
            text = item.get("text")
            blocks.append(Block("text", text if text.__class__ is str else _text(item, "text") or ""))
        elif kind in _IGNORED:
            note_block(dropped(kind))
        elif kind == "tool_use":
            call_id = _text(item, "id") or f"{message_id}/call-{len(calls) + 1}"
            calls.append(call_id)
            given = unread(item, "input")
            check_value(given, None, "content[].input")
            blocks.append(Block(kind, id=call_id, name=_text(item, "name"), input=given))
        elif kind == "tool_result":
            open_call = calls[len(results)] if len(results) < len(calls) else None
            call = _text(item, "tool_use_id") or open_call
            failed = True if item.get("is_error") is True else None
            said = _result(item.get("content"))
            results.append(Block(kind, tool_use_id=call, content=said, is_error=failed))
        elif kind == "thinking":
            blocks.append(Block(kind, thinking=_text(item, "thinking") or ""))
        else:
            blocks.append(Block(kind))
    return blocks, results


def _result(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n\n".join(text for text in texts if isinstance(text, str))


def _attachments(entry: dict[str, Any]) -> list[Block]:
    """The text of pasted and uploaded files, without file names."""
    found = entry.get("attachments")
    texts = (
        [a.get("extracted_content") for a in found if isinstance(a, dict)] if isinstance(found, list) else []
    )
    return [Block("text", text=text) for text in texts if isinstance(text, str) and text]


def _note_attachments(entry: dict[str, Any], read: int) -> None:
    """Counts attachments without text, and files, of which an export has only the names."""
    attachments, files = entry.get("attachments"), entry.get("files")
    if isinstance(attachments, list) and len(attachments) > read:
        note_block(dropped("attachment"), len(attachments) - read)
    if isinstance(files, list) and files:
        note_block(dropped("file"), len(files))


def _typed(blocks: list[Block]) -> bool:
    return False in [block.text.isspace() for block in blocks if block.text]


def _text(mapping: dict[str, Any], name: str) -> str | None:
    value = mapping.get(name)
    if value is not None and not isinstance(value, str):
        raise bad_field(f"content[].{name}", value)
    return value


def _instant(holder: dict[str, Any]) -> dt.datetime:
    """The time of a conversation or of an entry; raises Fault."""
    value = holder.get("created_at")
    if value is None:
        raise no_field(holder, "created_at")
    try:
        instant = msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError:
        raise bad_field("created_at", value, "bad_timestamp") from None
    if instant.tzinfo is None:
        raise bad_field("created_at", value, "naive_timestamp")
    return in_range(instant, "created_at", value)
