"""Logged calls with tools among what was said, as `histories` makes records of them, without mappings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from schemas.records import Aware, Message, Origin, Role, Session
from schemas.records import Block as Said
from transforms.sources.anthropic_texts import Block, Logged, system_of, turns_of
from transforms.sources.decode import present
from transforms.sources.histories import digest_of, plain_text


def session_of(
    logged: Logged, asked_at: Any, answered_at: Any, user_id: str | None, organization_id: str | None
) -> Session | None:
    """What `record_of` makes of the call; None where that might be out of order."""
    turns = [(role, _blocks(content)) for role, content in turns_of(logged)]
    try:
        asked, answered = msgspec.convert(asked_at, Aware), msgspec.convert(answered_at, Aware)
    except msgspec.ValidationError:
        return None
    if not turns:
        return None
    spoken = [(role, *_spoken(blocks)) for role, blocks in turns]
    named = "" if logged.conversation_id is None else str(logged.conversation_id)
    if not named:
        named = digest_of("", user_id or "", organization_id or "")
        for each in spoken:
            named = digest_of(named, *each)
            if each[0] == "assistant":
                break
    messages: list[Message] = []
    if system := system_of(logged):
        messages.append(Message(f"{named}/system", "system", asked, [Said("text", system)]))
    chain, asks = digest_of("", named), len(logged.request.messages)
    for number, (role, blocks) in enumerate(turns):
        chain = digest_of(chain, *spoken[number])
        _add(messages, role, blocks, chain, asked if number < asks else answered)
    return Session(named, asked, messages, user_id, organization_id)


def _add(messages: list[Message], role: Role, blocks: list[Said], chain: str, at: dt.datetime) -> None:
    """Adds the turn: results of tools apart from what somebody says beside them."""
    results = [block for block in blocks if block.type == "tool_result"]
    parent = messages[-1].message_id if messages else None
    if results:
        messages.append(Message(f"{chain}/tool", "tool", at, results, parent, "tool"))
        parent = f"{chain}/tool"
        blocks = [block for block in blocks if block.type != "tool_result"]
    if blocks or not results:
        origin: Origin | None = "model" if role == "assistant" else None
        messages.append(Message(chain, role, at, blocks, parent, origin))


def _blocks(content: str | list[Block]) -> list[Said]:
    if isinstance(content, str):
        return [Said("text", content)]
    return [_block(block) for block in content]


def _block(block: Block) -> Said:
    kind = block.type
    if kind == "text":
        return Said(kind, present(block.text) or "")
    if kind == "thinking":
        return Said(kind, thinking=present(block.thinking) or "")
    if kind == "tool_use":
        return Said(kind, id=present(block.id), name=present(block.name), input=block.input)
    content: Any = block.content
    if not isinstance(content, str):
        content = [{"type": "text", "text": present(part.text) or ""} for part in content or ()]
    failed = block.is_error or None
    return Said(kind, tool_use_id=present(block.tool_use_id), content=content, is_error=failed)


def _spoken(blocks: list[Said]) -> list[str]:
    """What of a turn stays the same when a client sends it again."""
    said: list[str] = []
    texts: list[str] = []
    for block in blocks:
        if block.type == "text":
            texts.append((block.text or "").strip())
        elif block.type == "tool_use":
            said += ["call", block.id or "", block.name or ""]
        elif block.type == "tool_result":
            said += ["result", block.tool_use_id or "", plain_text(block.content)]
    return ["".join(texts), *said]
