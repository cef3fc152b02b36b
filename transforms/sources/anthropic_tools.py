"""Logged calls with tools among what was said, as `histories` makes records of them, without mappings."""

from __future__ import annotations

import datetime as dt
from typing import Any

from schemas.records import Block as Said
from schemas.records import Message, Origin, Role, Session
from transforms.sources.anthropic_calls import Block, Logged, system_of, turns_of
from transforms.sources.decode import present
from transforms.sources.histories import plain_text
from transforms.sources.history_ids import Upto, beginning_in, beginning_of


def session_of(
    logged: Logged,
    asked: dt.datetime,
    answered: dt.datetime,
    user_id: str | None,
    organization_id: str | None,
) -> Session:
    """What `record_of` makes of the call, which has a turn; raises Fault for text that is no Unicode."""
    turns = [(turn.role, _blocks(turn.content)) for turn in turns_of(logged)]
    spoken = [(role, *_spoken(blocks)) for role, blocks in turns]
    named = "" if logged.conversation_id is None else str(logged.conversation_id)
    begun = beginning_in([role for role, _ in turns], 0, len(turns))
    named = named or beginning_of(user_id, organization_id, spoken[begun])
    messages: list[Message] = []
    if system := system_of(logged):
        messages.append(Message(f"{named}/system", "system", asked, [Said("text", system)]))
    upto, asks = Upto.begin(named), len(logged.request.messages)
    for number, (role, blocks) in enumerate(turns):
        upto = upto.then(*spoken[number])
        _add(messages, role, blocks, upto.name, asked if number < asks else answered or asked)
    return Session(named, asked, messages, user_id, organization_id)


def _add(messages: list[Message], role: Role, blocks: list[Said], name: str, at: dt.datetime) -> None:
    """Adds the turn: results of tools apart from what somebody says beside them."""
    results = [block for block in blocks if block.type == "tool_result"]
    parent = messages[-1].message_id if messages else None
    if results:
        messages.append(Message(f"{name}/tool", "tool", at, results, parent, "tool"))
        parent = f"{name}/tool"
        blocks = [block for block in blocks if block.type != "tool_result"]
    if blocks or not results:
        origin: Origin | None = "model" if role == "assistant" else None
        messages.append(Message(name, role, at, blocks, parent, origin))


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
