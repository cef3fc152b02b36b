"""Logged calls of the Anthropic Messages API, decoded by type, to sessions by column."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from msgspec import UnsetType

from transforms.sources.calls.anthropic_owner import user_of
from transforms.sources.calls.anthropic_types import (
    AnthropicBlock,
    AnthropicTurn,
    LoggedCall,
    system_of,
    turns_of,
)
from transforms.sources.calls.call_columns import (
    CallColumns,
    SplitContent,
    TurnColumns,
    TurnContent,
    instants_of,
    session_columns_of,
    turn_columns,
    without_times,
)
from transforms.sources.calls.model_calls import plain_text
from transforms.sources.decode import present
from transforms.sources.facts.messages import value_size
from transforms.sources.faults import Fault
from transforms.sources.json.item_source import ColumnResult
from transforms.sources.json.once import given


def columns_of_calls(items: Sequence[LoggedCall]) -> ColumnResult:
    """The sessions of the calls that can be read by column."""
    asked = instants_of([logged.asked() for logged in items])
    raw_ends = [logged.answered() for logged in items]
    ended = instants_of(raw_ends)
    user_ids, without_user = _users(items)
    turns = [turns_of(logged) for logged in items]
    columns = _turn_columns([*itertools.chain.from_iterable(turns)])
    excluded = without_user | columns.calls_without_text([*map(len, turns)])
    excluded |= without_times(asked, ended, raw_ends)
    places = [place for place, each in enumerate(turns) if each and place not in excluded]
    if not places:
        return ColumnResult([], None)
    conversations = [logged.conversation_id for logged in items]
    calls = CallColumns(
        conversation_ids=[str(each) if isinstance(each, str | int) else None for each in conversations],
        user_ids=user_ids,
        organization_ids=[present(logged.organization_id) for logged in items],
        systems=[system_of(logged) for logged in items],
        asked_at=asked,
        answered_at=[
            end if logged.response and logged.response.content else None
            for logged, end in zip(items, ended, strict=True)
        ],
        counts=[*map(len, turns)],
        turns=columns,
    )
    return ColumnResult(places, session_columns_of(calls.only(places)))


def _users(items: Sequence[LoggedCall]) -> tuple[list[str | None], set[int]]:
    """The user ids of the calls, and the places of calls whose user id cannot be read."""
    users = [present(logged.user_id) for logged in items]
    faulty = set()
    for place, logged in enumerate(items):
        try:
            users[place] = user_of(given(logged.request.metadata)) or users[place]
        except Fault:
            faulty.add(place)
    return users, faulty


def _turn_columns(turns: Sequence[AnthropicTurn]) -> TurnColumns:
    contents = [turn.content for turn in turns]
    texts = [content if isinstance(content, str) else "" for content in contents]
    blocks: dict[int, list[AnthropicBlock]] = {}
    for place, content in enumerate(contents):
        if isinstance(content, str):
            continue
        if len(content) == 1 and content[0].type == "text":
            texts[place] = present(content[0].text) or ""
        else:
            blocks[place] = content
    return turn_columns([turn.role for turn in turns], texts, blocks, _split)


def _split(blocks: list[AnthropicBlock]) -> SplitContent:
    """The blocks, split into texts, calls, results and thinking. Raises Fault."""
    content = TurnContent()
    for block in blocks:
        if block.type == "text":
            content.texts.append(present(block.text) or "")
        elif block.type == "tool_use":
            content.add_call(present(block.id), present(block.name), given(block.input))
        elif block.type == "tool_result":
            result = _result(block.content)
            content.add_result(present(block.tool_use_id), plain_text(result), value_size(result))
        else:
            content.add_thought(present(block.thinking))
    return content.split(len(blocks))


def _result(content: str | list[Any] | UnsetType | None) -> str | list[dict[str, str]]:
    if isinstance(content, str):
        return content
    return [{"type": "text", "text": present(part.text) or ""} for part in content or ()]
