"""Messages in attributes of spans that are nothing but texts, decoded by type."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.records import Role


class _Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text"]
    content: str


class _Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`: decoded, so that it is known to be sound, and not read."""

    role: Literal["system", "user", "assistant"]
    parts: list[_Part]
    finish_reason: Any = None
    name: Any = None


_DECODER = msgspec.json.Decoder(list[_Turn])


def texts_of(messages: str) -> tuple[list[Role], list[str | list[str]]] | None:
    """Roles and texts of the messages, None if one may say more than texts."""
    try:
        turns = _DECODER.decode(messages)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError, ValueError):
        return None
    return [turn.role for turn in turns], [_texts(turn.parts) for turn in turns]


def _texts(parts: list[_Part]) -> str | list[str]:
    return parts[0].content if len(parts) == 1 else [part.content for part in parts]
