"""Converts one conversation of a ChatGPT export; only the fields named here are read.

A conversation is a tree of nodes; some nodes have a message. `current_node` is the leaf of the active branch.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec

from schemas.records import Block, Message, Origin, Role, Session
from transforms.sources.decode import LATEST
from transforms.sources.exports.chatgpt_blocks import blocks_of, is_context
from transforms.sources.exports.chatgpt_tree import ROLES, in_order, linked_nodes, nearest_above
from transforms.sources.exports.files import Shape
from transforms.sources.exports.lost import Conversation, Lost, in_range
from transforms.sources.exports.source import ArrayExport
from transforms.sources.faults import Fault, bad_field, no_field

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
_NUMBER = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,9})?\Z")
_LATEST_SECONDS, _UNITS = LATEST.timestamp(), (1, 10**3, 10**6, 10**9)
_HIDDEN = ("is_visually_hidden_from_conversation", "is_user_system_message")


def conversation_of(item: object) -> Conversation:
    """The conversation of an item; raises Fault, with the conversation's id if that can be read."""
    if not isinstance(item, dict):
        raise Fault("not_an_object")
    name = "conversation_id" if item.get("conversation_id") else "id"
    conversation_id = item.get(name)
    if not isinstance(conversation_id, str) or not conversation_id:
        raise no_field(item, name)
    try:
        return _conversation(item, conversation_id)
    except Fault as fault:
        raise fault.of(conversation_id) from None


EXPORTS = ArrayExport(
    Shape(re.compile(r"conversations(?:-\d+)?\.json"), _OTHERS, "mapping", conversation_of),
    ("**/*.zip", "**/conversations*.json"),
)


def _conversation(item: dict[str, Any], conversation_id: str) -> Conversation:
    mapping = item.get("mapping")
    if mapping is None:
        raise no_field(item, "mapping")
    if not isinstance(mapping, dict):
        raise bad_field("mapping", mapping)
    reading = _Reading(mapping)
    created_at = _instant(item, "create_time") or reading.earliest
    if created_at is None:
        raise no_field(item, "create_time")
    leaf = item.get("current_node")
    session = Session(
        conversation_id=conversation_id,
        created_at=created_at,
        messages=reading.messages(created_at),
        current_message_id=reading.spoken_at(leaf) if isinstance(leaf, str) else None,
        incognito=True if True in [item.get(name) is True for name in _INCOGNITO] else None,
    )
    return Conversation(session, sorted(reading.lost, key=lambda lost: lost.place))


class _Reading:
    """The messages of a conversation, node by node.

    A message whose role cannot be read is left out, like a node without a message. One whose time or content
    cannot be read keeps its place and role, without content: it is still the prompt of its answer.
    """

    def __init__(self, mapping: dict[str, Any]) -> None:
        self.lost: list[Lost] = []
        self._unread: set[str] = set()
        self._places = {name: place for place, name in enumerate(mapping)}
        self._mapping = {**mapping}
        self._nodes = linked_nodes(mapping, self._lose)
        self._roles: dict[str, Role] = {}
        self._times: dict[str, dt.datetime | None] = {}
        for name, node in self._nodes.items():
            if (message := node.get("message")) is None:
                continue
            if message.__class__ is not dict:
                self._begin(name, message)
                continue
            author, at = message.get("author"), message.get("create_time")
            role = author.get("role") if author.__class__ is dict else None
            if (
                role.__class__ is str
                and role in ROLES
                and at.__class__ is float
                and 0 <= at < _LATEST_SECONDS
            ):
                self._roles[name], self._times[name] = ROLES[role], dt.datetime.fromtimestamp(at, dt.UTC)
            else:
                self._begin(name, message)
        self._above = nearest_above(self._nodes, self._roles)

    @property
    def earliest(self) -> dt.datetime | None:
        """The time of the earliest message."""
        return min((time for time in self._times.values() if time), default=None)

    def spoken_at(self, leaf: str) -> str | None:
        """The leaf, or the nearest message above it if it has none."""
        return self._above[leaf] if leaf in self._nodes and leaf not in self._roles else leaf

    def messages(self, created_at: dt.datetime) -> list[Message]:
        """The messages, parents before children."""
        messages: list[Message] = []
        sent: dict[str, dt.datetime] = {}
        calls: set[str] = set()
        nodes, roles, times, above, unread = self._nodes, self._roles, self._times, self._above, self._unread
        for name in in_order(nodes):
            if name not in roles:
                continue
            parent, role = above[name], roles[name]
            at = sent[name] = times[name] or (sent.get(parent, created_at) if parent else created_at)
            blocks: list[Block] = []
            message = nodes[name]["message"]
            if name not in unread:
                try:
                    blocks = blocks_of(message, role, name, parent if parent in calls else None)
                except Fault as fault:
                    self._lose(name, fault.within("mapping[].message"))
            if "tool_use" in [block.type for block in blocks]:
                calls.add(name)
            origin = _origin(message, role)
            if origin == "human" and name not in unread and not any(map(_is_visible, blocks)):
                origin = "harness"
            messages.append(Message(name, role, at, blocks, parent, origin))
        return messages

    def _lose(self, name: str, fault: Fault) -> None:
        self._unread.add(name)
        self.lost.append(Lost(self._places[name], self._mapping[name], fault))

    def _begin(self, name: str, message: dict[str, Any]) -> None:
        """Reads the role and the time of a message."""
        try:
            self._roles[name] = _role(message)
            self._times[name] = None
            self._times[name] = _instant(message, "create_time")
        except Fault as fault:
            self._lose(name, fault.within("mapping[].message"))


def _role(message: dict[str, Any]) -> Role:
    author = message.get("author")
    if author is None:
        raise no_field(message, "author")
    if not isinstance(author, dict):
        raise bad_field("author", author)
    spoken = author.get("role")
    if spoken is None:
        raise no_field(author, "role", "author.role")
    role = ROLES.get(spoken) if isinstance(spoken, str) else None
    if role is None:
        raise bad_field("author.role", spoken)
    return role


def _is_visible(block: Block) -> bool:
    """False for a text without words."""
    return block.type != "text" or bool(block.text and block.text.strip())


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


def _instant(holder: dict[str, Any], name: str) -> dt.datetime | None:
    """The time in a field as a UTC instant, None for null: a number since 1970, or RFC 3339 text.

    Numbers are seconds; ms, us and ns are recognised, as in seconds they would be after the year 2199.
    """
    value = given = holder.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        value = _number_or_instant(value, name)
        if isinstance(value, dt.datetime):
            return in_range(value, name, given)
    if value.__class__ is not float and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise bad_field(name, given, "bad_timestamp")
    unit = next((unit for unit in _UNITS if abs(value) < _LATEST_SECONDS * unit), 1)
    try:
        return in_range(dt.datetime.fromtimestamp(value / unit, dt.UTC), name, given)
    except (ValueError, OverflowError, OSError):
        raise bad_field(name, given, "bad_timestamp") from None


def _number_or_instant(text: str, name: str) -> float | dt.datetime:
    if _NUMBER.match(text):
        return float(text)
    try:
        instant: dt.datetime = msgspec.convert(text, dt.datetime)
    except msgspec.ValidationError:
        raise bad_field(name, text, "bad_timestamp") from None
    if instant.tzinfo is None:
        raise bad_field(name, text, "naive_timestamp")
    return instant
