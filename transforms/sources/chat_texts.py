"""Lists of turns that are nothing but text, decoded by type: most of them, at a fraction of the price.

A record with a field that is not named here, or with anything else in one, is for the careful way.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from typing import Any, NamedTuple

import msgspec

from schemas.records import Block, Message, Role, Session
from transforms.plain import Plain
from transforms.sources.record_file import Texts

_SPEAKERS: dict[str, Role] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, KeyError)


class _Record(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`: decoded, so that it is known to be sound, and not read."""

    id: str | int | None = None
    conversation_id: str | int | None = None
    user_id: Any = None
    model: Any = None
    source: Any = None
    lang: Any = None
    metadata: Any = None


class _SharegptTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    value: str
    speaker: str = msgspec.field(name="from")
    weight: Any = None
    markdown: Any = None
    text: Any = None


class _Sharegpt(_Record, kw_only=True, forbid_unknown_fields=True, gc=False):
    conversations: list[_SharegptTurn]
    system: str | None = None


class _OpenaiTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str
    role: str
    name: Any = None
    weight: Any = None
    tool_calls: None = None
    function_call: None = None
    reasoning_content: None = None
    refusal: None = None


class _Openai(_Record, kw_only=True, forbid_unknown_fields=True, gc=False):
    messages: list[_OpenaiTurn]
    tools: Any = None
    parallel_tool_calls: Any = None


_SHAREGPT = msgspec.json.Decoder(_Sharegpt)
_OPENAI = msgspec.json.Decoder(_Openai)


def sharegpt_texts(data: bytes) -> Texts | None:
    """What a ShareGPT record says, None if it may say more than texts."""
    try:
        item = _SHAREGPT.decode(data)
        roles = [_SPEAKERS[turn.speaker] for turn in item.conversations]
    except _ODD:
        return None
    texts = [turn.value for turn in item.conversations]
    if item.system:
        roles.insert(0, "system")
        texts.insert(0, item.system)
    return _texts(item, roles, texts, _PLAIN, len(data))


def openai_texts(data: bytes) -> Texts | None:
    """What a chat fine-tuning record says, None if it may say more than texts."""
    try:
        item = _OPENAI.decode(data)
        roles = [_ROLES[turn.role] for turn in item.messages]
    except _ODD:
        return None
    return _texts(item, roles, [turn.content for turn in item.messages], _IN_BLOCKS, len(data))


class _Form(NamedTuple):
    """How turns stand in the JSON by which a record without an id is known; keys by the alphabet.

    By role: what stands between a text and the next one, and what behind the last.
    """

    before: bytes
    between: dict[Role, bytes]
    behind: dict[Role, bytes]


def _form(before: bytes, after: bytes) -> _Form:
    roles: tuple[Role, ...] = ("system", "user", "assistant")
    ends = {role: after + b',"role":"' + role.encode() + b'"}' for role in roles}
    between = {role: end + b"," + before for role, end in ends.items()}
    return _Form(b"[" + before, between, {role: end + b"]" for role, end in ends.items()})


_PLAIN = _form(b'{"content":', b"")
_IN_BLOCKS = _form(b'{"content":[{"text":', b',"type":"text"}]')
_encode = msgspec.json.Encoder().encode


def _texts(item: _Record, roles: list[Role], texts: list[str], form: _Form, size: int) -> Texts:
    named = item.id or item.conversation_id
    conversation_id = _digest(roles, texts, form) if named is None else str(named)
    user_id = item.user_id if isinstance(item.user_id, str) else None

    def session(at: dt.datetime | None) -> Plain | None:
        if at is None or at.tzinfo is None:
            return None
        head = Session(conversation_id, at, [], user_id)
        ids = _IDS[: len(texts)] if len(texts) <= len(_IDS) else _ids(len(texts))
        return Plain(head, ids, roles, texts, False, None, lambda: _messages(at, roles, texts, form))

    def mapping() -> dict[str, Any]:
        turns = enumerate(zip(roles, texts, strict=True))
        messages = [
            {"message_id": str(n), "role": role, "content": _content(text, form)} for n, (role, text) in turns
        ]
        record = {"conversation_id": conversation_id, "messages": messages}
        return record if user_id is None else {**record, "user_id": user_id}

    return Texts(session, mapping, size)


def _ids(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


_IDS = _ids(100)


def _messages(at: dt.datetime, roles: list[Role], texts: list[str], form: _Form) -> list[Message]:
    turns = enumerate(zip(roles, texts, strict=True))
    return [Message(str(number), role, at, _content(text, form)) for number, (role, text) in turns]


def _content(text: str, form: _Form) -> str | list[Block]:
    return text if form is _PLAIN else [Block("text", text)]


def _digest(roles: list[Role], texts: list[str], form: _Form) -> str:
    """What tells a record without an id from others: all that it says."""
    if not texts:
        return hashlib.sha256(b"[]").hexdigest()
    between = [form.between[role] for role in roles]
    between[-1] = form.behind[roles[-1]]
    said = itertools.chain.from_iterable(zip(map(_encode, texts), between, strict=True))
    return hashlib.sha256(b"".join((form.before, *said))).hexdigest()
