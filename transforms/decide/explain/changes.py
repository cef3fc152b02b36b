"""Finds what would change a decision. Each change is tried on the engine before it is returned."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.decisions import Decision
from schemas.policy import KNOBS
from schemas.tables import CONSENT, REFUSED
from transforms.decide.explain.edits import own_world
from transforms.decide.explain.repairs import repairs
from transforms.decide.explain.world import World
from transforms.shuffle.instants import instant_of, moment_text

_MOST_STEPS = 6


class Change(NamedTuple):
    """The decision if all conditions hold together."""

    conditions: list[str]
    decision: str
    reason: str
    messages_kept: int


def changes(world: World, user_key: bytes | None) -> list[Change]:
    """The changes that lead to another decision: changes of the data first, then of the policy's settings.

    For a session that is not eligible: each sequence of changes that makes it eligible, one per first step.
    For an eligible session: what would exclude it or keep other messages.
    """
    now = world.verdict(user_key)
    eligible = now["decision"] == Decision.ELIGIBLE
    found = list(_endings(world, user_key) if eligible else _ways(world, user_key, now["reason"]))
    found += _other_settings(world, user_key, now)
    return found


def _ways(world: World, user_key: bytes | None, reason: str) -> Iterator[Change]:
    for first in repairs(world, user_key, reason):
        conditions, changed, seen = [first.condition], first.world, {reason}
        user = first.user_key
        for _ in range(_MOST_STEPS):
            row = changed.verdict(user)
            if row["decision"] == Decision.ELIGIBLE:
                yield _change(conditions, row)
                break
            # A repeated reason means that the steps undo each other.
            step = None if row["reason"] in seen else next(repairs(changed, user, row["reason"]), None)
            if step is None:
                break
            seen.add(row["reason"])
            conditions, changed, user = [*conditions, step.condition], step.world, step.user_key


def _endings(world: World, user_key: bytes | None) -> Iterator[Change]:
    """What would end the eligibility: a refusal of the user, and the end of retention."""
    if user_key is not None:
        refusal = {"user_key": user_key, "state": REFUSED, "decided_at": world.as_of}
        consent = pa.concat_tables([world.consent, pa.Table.from_pylist([refusal], schema=CONSENT)])
        yield _change(["the user refuses"], dataclasses.replace(world, consent=consent).verdict(user_key))
    (end,) = {int(e) for e in own_world(world, user_key).judged().verdicts.row_retain_until}
    moment = instant_of(end)
    later = dataclasses.replace(world, as_of=moment, known_until=moment)
    yield _change([f"it is decided at {moment_text(moment)} or later"], later.verdict(user_key))


def _other_settings(world: World, user_key: bytes | None, now: dict[str, Any]) -> Iterator[Change]:
    for name, settings in KNOBS.items():
        for setting in settings:
            if setting == getattr(world.policy, name):
                continue
            policy = world.policy.model_copy(update={name: setting})
            row = dataclasses.replace(world, policy=policy).verdict(user_key)
            if (row["decision"], row["reason"], row["kept"]) != (now["decision"], now["reason"], now["kept"]):
                yield _change([f"the policy had {name}: {setting}"], row)


def _change(conditions: list[str], row: dict[str, Any]) -> Change:
    return Change(conditions, str(row["decision"]), str(row["reason"]), int(row["messages_kept"]))
