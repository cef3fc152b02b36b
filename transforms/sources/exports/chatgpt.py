"""Converts one conversation of a ChatGPT export to a Session; only the fields named here are read.

A conversation is a tree of nodes; some nodes have a message. `current_node` is the leaf of the active branch.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from schemas.records import Message, Origin, Role, Session
from transforms.sources.decode import Fault
from transforms.sources.exports.chatgpt_blocks import blocks_of, is_context
from transforms.sources.exports.chatgpt_tree import ROLES, Nodes, in_order, nearest_above
from transforms.sources.exports.files import Shape
from transforms.sources.exports.source import ArrayExport

_OTHERS = frozenset(
    {
        "user.json",
        "user_settings.json",
        "message_feedback.json",
        "model_comparisons.json",
        "shared_conversations.json",
        "sora.json",
        "group_chats.json",
        "shopping.json",
    }
)
#: Set by users who do not want the conversation to be remembered.
_INCOGNITO = ("is_do_not_remember", "is_temporary_chat", "history_and_training_disabled")
_HIDDEN = ("is_visually_hidden_from_conversation", "is_user_system_message")


def session_of(item: object) -> Session:
    """The session of an item; raises Fault, with the conversation's id if that can be read."""
    if not isinstance(item, dict):
        raise Fault("not_an_object")
    conversation_id = item.get("conversation_id") or item.get("id")
    if not isinstance(conversation_id, str) or not conversation_id:
        raise Fault("missing_field")
    try:
        return _session(item, conversation_id)
    except Fault as fault:
        raise Fault(fault.code, conversation_id) from None


EXPORTS = ArrayExport(
    Shape(re.compile(r"conversations(?:-\d+)?\.json"), _OTHERS, "mapping", session_of),
    ("**/*.zip", "**/conversations*.json"),
)


def _session(item: dict[str, Any], conversation_id: str) -> Session:
    nodes = _nodes(item.get("mapping"))
    spoken = {name: message for name, node in nodes.items() if (message := node.get("message")) is not None}
    above = nearest_above(nodes, spoken)
    created_at = _instant(item.get("create_time"))
    times = {name: _instant(message.get("create_time")) for name, message in spoken.items()}
    created_at = created_at or min((time for time in times.values() if time), default=None)
    if created_at is None:
        raise Fault("missing_field")
    messages: list[Message] = []
    sent: dict[str, dt.datetime] = {}
    calls: set[str] = set()
    for name in in_order(nodes):
        if name not in spoken:
            continue
        parent = above[name]
        sent[name] = times[name] or (sent.get(parent, created_at) if parent else created_at)
        messages.append(_message(name, spoken[name], sent[name], parent, calls))
    leaf = item.get("current_node")
    if isinstance(leaf, str) and leaf in nodes and leaf not in spoken:
        leaf = above[leaf]
    return Session(
        conversation_id=conversation_id,
        created_at=created_at,
        messages=messages,
        current_message_id=leaf if isinstance(leaf, str) else None,
        incognito=True if True in [item.get(name) is True for name in _INCOGNITO] else None,
    )


def _nodes(mapping: Any) -> Nodes:
    if mapping is None:
        raise Fault("missing_field")
    if not isinstance(mapping, dict):
        raise Fault("bad_field")
    for node in mapping.values():
        if not isinstance(node, dict):
            raise Fault("bad_field")
        message, parent = node.get("message"), node.get("parent")
        if not (message is None or isinstance(message, dict)) or not (
            parent is None or isinstance(parent, str)
        ):
            raise Fault("bad_field")
    return mapping


def _message(
    name: str, message: dict[str, Any], sent_at: dt.datetime, parent: str | None, calls: set[str]
) -> Message:
    """The message of a node. `calls`: ids of messages that call a tool; this id is added if it does."""
    author = message.get("author")
    spoken = author.get("role") if isinstance(author, dict) else None
    if spoken is None:
        raise Fault("missing_field")
    role = ROLES.get(spoken) if isinstance(spoken, str) else None
    if role is None:
        raise Fault("bad_field")
    blocks = blocks_of(message, role, name, parent if parent in calls else None)
    if "tool_use" in [block.type for block in blocks]:
        calls.add(name)
    return Message(name, role, sent_at, blocks, parent, _origin(message, role))


def _origin(message: dict[str, Any], role: Role) -> Origin:
    """`human` or `model` only for messages shown in the dialogue; hidden ones are `harness`."""
    if role == "tool":
        return "tool"
    if role == "system" or message.get("weight") == 0 or is_context(message):
        return "harness"
    metadata = message.get("metadata")
    if metadata and isinstance(metadata, dict) and any(metadata.get(name) for name in _HIDDEN):
        return "harness"
    return "human" if role == "user" else "model"


def _instant(value: Any) -> dt.datetime | None:
    """Unix seconds as a UTC instant; None for null."""
    if value is None:
        return None
    if value.__class__ is not float and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise Fault("bad_timestamp")
    try:
        return dt.datetime.fromtimestamp(value, dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise Fault("bad_timestamp") from None
