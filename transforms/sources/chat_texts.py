"""Lists of turns that are nothing but text, decoded by type: most of them, at a fraction of the price.

A record with a field that is not named here, or with anything else in one, is for the careful way.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from schemas.records import Block, Role
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
        said: list[tuple[Role, str]] = [(_SPEAKERS[turn.speaker], turn.value) for turn in item.conversations]
    except _ODD:
        return None
    if item.system:
        said.insert(0, ("system", item.system))
    named = item.id or item.conversation_id
    if named is None:
        named = digest_of([{"content": text, "role": role} for role, text in said])
    return Texts(str(named), _text(item.user_id), said, len(data))


def openai_texts(data: bytes) -> Texts | None:
    """What a chat fine-tuning record says, None if it may say more than texts."""
    try:
        item = _OPENAI.decode(data)
        said = [(_ROLES[turn.role], [Block("text", turn.content)]) for turn in item.messages]
    except _ODD:
        return None
    named = item.id or item.conversation_id
    if named is None:
        parts = [{"content": [{"text": block.text, "type": "text"}], "role": role} for role, (block,) in said]
        named = digest_of(parts)
    return Texts(str(named), _text(item.user_id), said, len(data))


def digest_of(turns: list[dict[str, Any]]) -> str:
    """What tells a record without an id from others: all that it says, keys in the order of the alphabet."""
    return hashlib.sha256(msgspec.json.encode(turns)).hexdigest()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
