"""Decodes lines of canonical JSON to sessions, and finds records that give a field twice."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import msgspec

from schemas.records import Block, Message, Session
from transforms.sources.decode import REQUIRED, REQUIRED_OF_MESSAGES, Fault, checked, classify, readable_id
from transforms.sources.json.repeated import Names

Optional = msgspec.Raw | msgspec.UnsetType


def decode_session(data: bytes, max_messages: int) -> Session:
    """The session in one JSON object; raises Fault."""
    (found,) = decode_sessions([data], max_messages)
    if isinstance(found, Fault):
        raise found
    return found


def decode_sessions(texts: Sequence[bytes], max_messages: int) -> list[Session | Fault]:
    """The session in each JSON object, or why it is none. Many small texts are checked faster together."""
    decoded = [*map(_decoded, texts)]
    pairs = [(text, each) for text, each in zip(texts, decoded, strict=True) if isinstance(each, Session)]
    certain = _names_are_unique([text for text, _ in pairs], [session for _, session in pairs])
    return [
        each if isinstance(each, Fault) else _checked(data, each, certain, max_messages)
        for data, each in zip(texts, decoded, strict=True)
    ]


def _decoded(data: bytes) -> Session | Fault:
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return classify(data)


def _checked(data: bytes, session: Session, certain: bool, max_messages: int) -> Session | Fault:
    try:
        checked(session, max_messages)
    except Fault as fault:
        return fault
    # Alone first: what becomes of a line must not depend on the lines around it.
    if certain or _names_are_unique([data], [session]) or (field := _FIELDS.repeated(data, _INSIDE)) is None:
        return session
    return Fault("bad_field", readable_id(session.conversation_id), field or None)


def _names_are_unique(texts: Sequence[bytes], sessions: Sequence[Session]) -> bool:
    """False if any text may have an object with one of _FIELDS twice."""
    keys = _FIELDS.count(texts)
    if keys is None:
        return False
    given = 0
    for session in sessions:
        given += _BASE + _BASE_OF_MESSAGES * len(session.messages) + _fields_in_blocks(session.messages)
    if not keys.nulls:
        # A value that is not null has at least one key, so equal numbers mean exactly one.
        return keys.found == given + sum(map(_values, sessions))
    # A missing field decodes like a null, and could hide a null that a second value replaced.
    return keys.found == given + sum(_keys(_LEAN.decode(text)) for text in texts)


def _values(session: Session) -> int:
    """How many optional fields have a value, messages included."""
    count = sum(get(session) is not None for get in _OPTIONAL)
    for get in _OPTIONAL_OF_MESSAGES:
        values = [*map(get, session.messages)]
        count += len(values) - values.count(None)
    return count


def _keys(session: _Lean) -> int:
    """How many optional fields are given, messages included."""
    given = [*msgspec.structs.astuple(session)]
    count = len(given) - sum(value is msgspec.UNSET for value in given) - 1
    for message in session.messages:
        count += sum(value is not msgspec.UNSET for value in msgspec.structs.astuple(message))
    return count


def _fields_in_blocks(messages: Sequence[Message]) -> int:
    return sum(
        _fields_in(block)
        for message in messages
        if message.content.__class__ is list
        for block in message.content
        if block.content is not None or block.input
    )


def _fields_in(block: Block) -> int:
    inner = block.input.keys() & _FIELDS.names if isinstance(block.input, dict) else ()
    return (block.content is not None) + len(inner)


class _LeanMessage(msgspec.Struct, gc=False):
    """The optional fields of a message, unread."""

    content: Optional = msgspec.UNSET
    parent_id: Optional = msgspec.UNSET
    origin: Optional = msgspec.UNSET
    thread: Optional = msgspec.UNSET


class _Lean(msgspec.Struct, gc=False):
    """The optional fields of a session, unread."""

    messages: list[_LeanMessage]
    user_id: Optional = msgspec.UNSET
    organization_id: Optional = msgspec.UNSET
    tier: Optional = msgspec.UNSET
    surface: Optional = msgspec.UNSET
    deleted_at: Optional = msgspec.UNSET
    current_message_id: Optional = msgspec.UNSET
    incognito: Optional = msgspec.UNSET


_DECODER = msgspec.json.Decoder(Session)
_LEAN = msgspec.json.Decoder(_Lean)
_INSIDE = ("messages",)
_FIELDS = Names((*Session.__struct_fields__, *Message.__struct_fields__))
_BASE, _BASE_OF_MESSAGES = len(REQUIRED), len(REQUIRED_OF_MESSAGES)
_OPTIONAL = [operator.attrgetter(name) for name in Session.__struct_fields__ if name not in REQUIRED]
_OPTIONAL_OF_MESSAGES = [
    operator.attrgetter(name) for name in Message.__struct_fields__ if name not in REQUIRED_OF_MESSAGES
]
