"""Logged calls of the Anthropic Messages API, decoded by type, as the sessions that they tell of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from schemas.records import Session
from transforms.sources.anthropic_calls import Block, Logged, Turn, system_of, turns_of
from transforms.sources.anthropic_owner import user_of
from transforms.sources.anthropic_tools import session_of
from transforms.sources.decode import Fault, present
from transforms.sources.history_texts import Calls, Said, moments_of, plains_of
from transforms.sources.item_file import Told


def told_of(items: Sequence[Logged]) -> Told:
    """What the calls tell; those with tools as sessions."""
    asked = moments_of([logged.asked() for logged in items])
    ends = [logged.answered() for logged in items]
    ended = moments_of(ends)
    user_ids, faulty = _users(items)
    organization_ids = [present(logged.organization_id) for logged in items]
    turns = [turns_of(logged) for logged in items]
    said = _said([*itertools.chain.from_iterable(turns)])
    mixed = said.owners_of_none([*map(len, turns)])
    plain: list[int] = []
    sessions: list[tuple[int, Session]] = []
    for place, at in enumerate(asked):
        if at is None or place in faulty or not turns[place]:
            continue
        if ended[place] is None and ends[place] is not None:
            continue
        if place in mixed:
            done, owner = ended[place] or at, (user_ids[place], organization_ids[place])
            session = session_of(items[place], at, done, *owner)
            sessions.append((place, session))
        else:
            plain.append(place)
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
    return Told(plain, plains_of(calls.only(plain)) if plain else None, sessions)


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
    """The texts of the turns, None for one with anything else."""
    contents = [turn.content for turn in turns]
    texts = [each if isinstance(each, str) else _text(each) for each in contents]
    same = [(text or "").strip() for text in texts]
    for place, blocks in enumerate(contents):
        if isinstance(blocks, list) and len(blocks) > 1:
            same[place] = "".join([(block.text or "").strip() for block in blocks])
    return Said([turn.role for turn in turns], texts, same)


def _text(blocks: list[Block]) -> str | None:
    """The texts as one, what is blank as nothing; None where there is anything else."""
    if len(blocks) == 1 and blocks[0].type == "text":
        text = blocks[0].text or ""
        return "" if text.isspace() else text
    if not {"text"}.issuperset([block.type for block in blocks]):
        return None
    return "".join([block.text if block.text and block.text.strip() else "" for block in blocks])
