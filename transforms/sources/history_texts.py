"""Calls of a model that are nothing but texts, as `histories` makes records of them, by column."""

from __future__ import annotations

import binascii
import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from schemas.records import Aware, Block, Message, Origin, Role, Session
from transforms.plain import Plain

_encode = msgspec.json.Encoder().encode
#: Between two parts of what is digested, by the role that stands there.
_ROLES: dict[Role, bytes] = {role: f'","{role}",'.encode() for role in ("system", "user", "assistant")}


class Said(NamedTuple):
    """A call: role and texts of each turn of its history, and of its answer, if it has one, after that.

    The texts of a turn are a list, or one text. Times are RFC 3339 text or None.
    """

    roles: Sequence[Role]
    turns: Sequence[str | list[str]]
    answered: bool
    system: str | None
    asked_at: Any
    answered_at: Any
    user_id: str | None
    organization_id: str | None
    conversation_id: str | None


def plain_of(said: Said) -> Plain | None:
    """What `record_of` makes of such a call; None where that might be out of order."""
    if not said.turns:
        return None
    try:
        asked = msgspec.convert(said.asked_at, Aware)
        answered = msgspec.convert(said.answered_at, Aware) if said.answered else None
        spoken = [_encode(turn.strip() if turn.__class__ is str else _stripped(turn)) for turn in said.turns]
        named = said.conversation_id or _begun(said, spoken).decode()
        ids = _chain(_digest(b'["",' + _encode(named) + b"]"), said.roles, spoken)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return None
    roles, texts = said.roles, [turn if isinstance(turn, str) else "".join(turn) for turn in said.turns]
    if said.system:
        ids, roles = [f"{named}/system".encode(), *ids], ["system", *roles]
        texts = [said.system, *texts]
    head = Session(named, asked, [], said.user_id, said.organization_id)
    return Plain(head, ids, roles, texts, True, answered, lambda: _messages(said, ids, asked, answered))


def _messages(
    said: Said, ids: Sequence[bytes], asked: dt.datetime, answered: dt.datetime | None
) -> list[Message]:
    turns = [said.system, *said.turns] if said.system else said.turns
    roles: Sequence[Role] = ["system", *said.roles] if said.system else said.roles
    messages: list[Message] = []
    for name, role, turn in zip(ids, roles, turns, strict=True):
        parent = messages[-1].message_id if messages else None
        blocks = [Block("text", text) for text in ([turn] if isinstance(turn, str) else turn)]
        origin: Origin | None = "model" if role == "assistant" else None
        messages.append(Message(name.decode(), role, asked, blocks, parent, origin))
    messages[-1].sent_at = answered or asked
    return messages


def _begun(said: Said, spoken: Sequence[bytes]) -> bytes:
    """What tells a conversation from others: whose it is, and all up to its first answer."""
    chain = _digest(_encode(("", said.user_id or "", said.organization_id or "")))
    upto = said.roles.index("assistant") + 1 if "assistant" in said.roles else len(spoken)
    return _chain(chain, said.roles[:upto], spoken[:upto])[-1]


def _chain(chain: bytes, roles: Sequence[Role], spoken: Sequence[bytes]) -> list[bytes]:
    """The digest of each turn with all before it, from that of what was before them."""
    ids = []
    for role, words in zip([_ROLES[role] for role in roles], spoken, strict=True):
        # As `_digest` does it, without calling that: this runs for every message.
        data = b"".join((b'["', chain, role, words, b"]"))
        chain = binascii.hexlify(hashlib.sha256(data).digest()[:16])
        ids.append(chain)
    return ids


def _stripped(texts: Sequence[str]) -> str:
    return "".join([text.strip() for text in texts])


def _digest(data: bytes) -> bytes:
    return binascii.hexlify(hashlib.sha256(data).digest()[:16])
