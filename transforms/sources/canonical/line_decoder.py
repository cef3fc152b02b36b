"""Decodes lines of canonical JSON to sessions, and finds records that give a field twice."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.records import Block, Message, Session
from transforms.sources.decode import REQUIRED, REQUIRED_OF_MESSAGES, checked, classify, readable_id
from transforms.sources.faults import Fault, Field
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return classify(data, error)


def _checked(data: bytes, session: Session, certain: bool, max_messages: int) -> Session | Fault:
    try:
        checked(session, max_messages)
    except Fault as fault:
        return fault
    # Alone first: what becomes of a line must not depend on the lines around it.
    if certain or _names_are_unique([data], [session]) or (field := _FIELDS.repeated(data, _INSIDE)) is None:
        return session
    return Fault("bad_field", readable_id(session.conversation_id), _repeated(field))


def _repeated(name: str) -> Field:
    """A field that one object gives twice; the empty name: the record is nested too deep to tell."""
    if not name:
        return Field("*", "object")
    return Field(name if name in Session.__struct_fields__ else f"messages[].{name}", "repeated")


def _names_are_unique(texts: Sequence[bytes], sessions: Sequence[Session]) -> bool:
    """False if any text may have an object with one of _FIELDS twice."""
    keys = _FIELDS.count(texts)
    if keys is None:
        return False
    given = 0
    if keys.with_null:
        # A missing field decodes like a null, and could hide a null that a second value replaced.
        given += sum(_keys(_LEAN.decode(texts[place])) for place in keys.with_null)
        given += _required([sessions[place] for place in keys.with_null])
        others = {*range(len(sessions))} - {*keys.with_null}
        sessions = [sessions[place] for place in others]
    # A value that is not null has at least one key, so equal numbers mean exactly one.
    given += _values(sessions, [get for name, get in _OPTIONAL.items() if name not in keys.absent])
    fields = [get for name, get in _OPTIONAL_OF_MESSAGES.items() if name not in keys.absent]
    given += _values(_messages(sessions), fields)
    return keys.found == given + _required(sessions)


def _messages(sessions: Sequence[Session]) -> list[Message]:
    return [*itertools.chain.from_iterable([session.messages for session in sessions])]


def _required(sessions: Sequence[Session]) -> int:
    """How many required fields there are, and fields with one of the names within blocks."""
    messages = _messages(sessions)
    contents = [message.content for message in messages]
    return (
        len(REQUIRED) * len(sessions)
        + len(REQUIRED_OF_MESSAGES) * len(messages)
        + _fields_in_blocks(contents)
    )


def _values(records: Sequence[Session | Message], fields: Sequence[Callable[[Any], Any]]) -> int:
    """How many of the optional fields have a value."""
    count = len(fields) * len(records)
    for get in fields:
        count -= [*map(get, records)].count(None)
    return count


def _keys(session: _Lean) -> int:
    """How many optional fields are given, messages included."""
    given = [*msgspec.structs.astuple(session)]
    count = len(given) - sum(value is msgspec.UNSET for value in given) - 1
    for message in session.messages:
        count += sum(value is not msgspec.UNSET for value in msgspec.structs.astuple(message))
    return count


def _fields_in_blocks(contents: Sequence[str | list[Block] | None]) -> int:
    if list not in {*map(type, contents)}:
        return 0
    return sum(
        _fields_in(block)
        for content in contents
        if isinstance(content, list)
        for block in content
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
_FIELDS = Names((*Session.__struct_fields__, *Message.__struct_fields__), beside=Block.__struct_fields__)
_OPTIONAL = {name: operator.attrgetter(name) for name in Session.__struct_fields__ if name not in REQUIRED}
_OPTIONAL_OF_MESSAGES = {
    name: operator.attrgetter(name) for name in Message.__struct_fields__ if name not in REQUIRED_OF_MESSAGES
}
