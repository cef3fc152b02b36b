"""Converts one conversation of a Claude.ai export to a Session; only the fields named here are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.records import Block, Message, Origin, Role, Session
from transforms.sources.accounting import MERGED, dropped, note_block
from transforms.sources.decode import Fault

_ROOT = "00000000-0000-4000-8000-000000000000"
_SENDERS: dict[str, Role] = {"human": "user", "assistant": "assistant"}
#: Blocks that neither the user nor the model wrote.
_IGNORED = frozenset({"token_budget", "injected_prompt_block", "metadata", "flag"})


def session_of(item: Any) -> Session:
    """The session of an item; raises Fault, with the conversation's id if that can be read."""
    if not isinstance(item, dict):
        raise Fault("not_an_object")
    conversation_id = item.get("uuid")
    if not isinstance(conversation_id, str) or not conversation_id:
        raise Fault("missing_field")
    try:
        return _session(item, conversation_id)
    except Fault as fault:
        raise Fault(fault.code, conversation_id) from None


def _session(item: dict[str, Any], conversation_id: str) -> Session:
    chat = item.get("chat_messages")
    if not isinstance(chat, list | None):
        raise Fault("bad_field")
    account = item.get("account")
    user_id = account.get("uuid") if isinstance(account, dict) else None
    messages: list[Message] = []
    for entry in chat or ():
        _add_message(messages, entry)
    messages = _once(messages)
    return Session(
        conversation_id=conversation_id,
        created_at=_instant(item.get("created_at")),
        messages=_rechained(messages),
        user_id=user_id if isinstance(user_id, str) else None,
        current_message_id=_last_of_leaf(messages, item.get("current_leaf_message_uuid")),
    )


def _add_message(messages: list[Message], entry: Any) -> None:
    """Adds the message of an entry, and after it a message for each tool result inside the entry."""
    if not isinstance(entry, dict):
        raise Fault("bad_field")
    message_id, sender = entry.get("uuid"), entry.get("sender")
    if not isinstance(message_id, str) or not message_id or sender is None:
        raise Fault("missing_field")
    role = _SENDERS.get(sender) if isinstance(sender, str) else None
    if role is None:
        raise Fault("bad_field")
    parent = entry.get("parent_message_uuid")
    parent_id = parent if isinstance(parent, str) and parent != _ROOT else None
    blocks, results = _split(_content(entry), message_id)
    sent_at = _instant(entry.get("created_at"))
    if entry.get("attachments") or entry.get("files"):
        attached = _attachments(entry)
        _note_attachments(entry, len(attached))
        blocks += attached
    origin: Origin = "model" if role == "assistant" else "human" if _typed(blocks) else "harness"
    messages.append(Message(message_id, role, sent_at, blocks, parent_id, origin))
    for number, result in enumerate(results, 1):
        before, result_id = messages[-1].message_id, f"{message_id}/result-{number}"
        messages.append(Message(result_id, "tool", sent_at, [result], before, "tool"))


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
    """The blocks of an entry; its old `text` field, which may include thinking, only if it has no blocks."""
    content = entry.get("content")
    if isinstance(content, list) and content:
        if not {dict}.issuperset(map(type, content)):
            raise Fault("bad_field")
        return content
    if isinstance(content, str) and content:
        return [{"type": "text", "text": content}]
    text = entry.get("text")
    if not isinstance(text, str | None):
        raise Fault("bad_field")
    return [{"type": "text", "text": text}] if text else []


def _split(content: list[dict[str, Any]], message_id: str) -> tuple[list[Block], list[Block]]:
    """Blocks of the speaker, and tool results; calls and results without ids are paired by order."""
    blocks: list[Block] = []
    results: list[Block] = []
    calls: list[str] = []
    for item in content:
        kind = item.get("type")
        if not isinstance(kind, str):
            raise Fault("bad_field")
        if kind == "text" or kind == "voice_note":
            text = item.get("text")
            blocks.append(Block("text", text if text.__class__ is str else _text(item, "text") or ""))
        elif kind in _IGNORED:
            note_block(dropped(kind))
        elif kind == "tool_use":
            call_id = _text(item, "id") or f"{message_id}/call-{len(calls) + 1}"
            calls.append(call_id)
            blocks.append(Block(kind, id=call_id, name=_text(item, "name"), input=item.get("input")))
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
        raise Fault("bad_field")
    return value


def _instant(value: Any) -> dt.datetime:
    if value is None:
        raise Fault("missing_field")
    try:
        instant = msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError:
        raise Fault("bad_timestamp") from None
    if instant.tzinfo is None:
        raise Fault("naive_timestamp")
    return instant
