"""Logged calls of the Anthropic Messages API, decoded by type, as the sessions that they tell of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from transforms.sources.calls.anthropic_owner import user_of
from transforms.sources.calls.anthropic_types import Block, Logged, Turn, system_of, turns_of
from transforms.sources.calls.call_columns import (
    Calls,
    Holding,
    Mixed,
    Said,
    moments_of,
    plains_of,
    said_of,
    untimed,
)
from transforms.sources.calls.model_calls import plain_text
from transforms.sources.decode import Fault, present
from transforms.sources.facts.messages import value_size
from transforms.sources.json.item_source import Told


def told_of(items: Sequence[Logged]) -> Told:
    """What the calls tell."""
    asked = moments_of([logged.asked() for logged in items])
    ends = [logged.answered() for logged in items]
    ended = moments_of(ends)
    user_ids, faulty = _users(items)
    organization_ids = [present(logged.organization_id) for logged in items]
    turns = [turns_of(logged) for logged in items]
    said = _said([*itertools.chain.from_iterable(turns)])
    odd = faulty | said.owners_of_none([*map(len, turns)]) | untimed(asked, ended, ends)
    sound = [place for place, each in enumerate(turns) if each and place not in odd]
    names = [logged.conversation_id for logged in items]
    calls = Calls(
        conversation_ids=[None if name is None else str(name) for name in names],
        user_ids=user_ids,
        organization_ids=organization_ids,
        systems=[system_of(logged) for logged in items],
        asked_at=asked,
        answered_at=[
            end if logged.response and logged.response.content else None
            for logged, end in zip(items, ended, strict=True)
        ],
        counts=[*map(len, turns)],
        said=said,
    )
    return Told(sound, plains_of(calls.only(sound)) if sound else None)


def _users(items: Sequence[Logged]) -> tuple[list[str | None], set[int]]:
    """Whose the calls are, and the places of those where that is no text."""
    users = [present(logged.user_id) for logged in items]
    faulty = set()
    for place, logged in enumerate(items):
        if logged.request.metadata is not None:
            try:
                users[place] = user_of(logged.request.metadata) or users[place]
            except Fault:
                faulty.add(place)
    return users, faulty


def _said(turns: Sequence[Turn]) -> Said:
    contents = [turn.content for turn in turns]
    texts = [content if isinstance(content, str) else "" for content in contents]
    odd: dict[int, list[Block]] = {}
    for place, content in enumerate(contents):
        if isinstance(content, str):
            continue
        if len(content) == 1 and content[0].type == "text":
            texts[place] = present(content[0].text) or ""
        else:
            odd[place] = content
    return said_of([turn.role for turn in turns], texts, odd, _held)


def _held(blocks: list[Block]) -> tuple[str, str, Mixed | None]:
    """The texts as one, what of them stays the same, and what else there is; raises Fault."""
    holding = Holding()
    for block in blocks:
        if block.type == "text":
            holding.texts.append(present(block.text) or "")
        elif block.type == "tool_use":
            holding.add_call(present(block.id), present(block.name), block.input)
        elif block.type == "tool_result":
            content = _result(block.content)
            holding.add_result(present(block.tool_use_id), plain_text(content), value_size(content))
        else:
            holding.add_thought(present(block.thinking))
    return holding.made(len(blocks))


def _result(content: str | list[Any] | None) -> str | list[dict[str, str]]:
    if isinstance(content, str):
        return content
    return [{"type": "text", "text": present(part.text) or ""} for part in content or ()]
