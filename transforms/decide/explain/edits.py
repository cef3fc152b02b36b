"""Changes one thing in a world: adds a grant, adds messages, or keeps one user's records."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import CONSENT, GRANTED, KEY
from transforms.decide.explain.world import World

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def with_grant(world: World, user_key: bytes, instant: dt.datetime) -> World:
    """The world in which the user granted at an instant and made no decision since."""
    kept = [
        row
        for row in world.consent.to_pylist()
        if row["user_key"] != user_key or (row["decided_at"] is not None and row["decided_at"] < instant)
    ]
    grant = {"user_key": user_key, "state": GRANTED, "decided_at": instant}
    return dataclasses.replace(world, consent=pa.Table.from_pylist([*kept, grant], schema=CONSENT))


def with_messages(world: World, user_key: bytes | None, more: list[tuple[dt.datetime, int]]) -> World:
    """The world with messages appended to the user's active branch."""
    judged = own_world(world, user_key).judged()
    newest = judged.sessions.records.slice(int(judged.sessions.newest[0]), 1).to_pylist()[0]
    rows = world.facts.to_pylist()
    ids = {message_id for row in rows for message_id in row["message_id"]}
    fresh = [number for number in range(1, len(ids) + len(more) + 1) if number not in ids][: len(more)]
    tip = judged.main.message[-1:]
    parent = 0
    if len(tip):
        record, index = (
            int(judged.sessions.messages.record[tip[0]]),
            int(judged.sessions.messages.index[tip[0]]),
        )
        place = judged.sessions.records.slice(record, 1).to_pylist()[0]
        parent = next(r for r in rows if _same_place(r, place))["message_id"][index]
    linked = bool(judged.sessions.messages.linked.any())
    target = next(row for row in rows if _same_place(row, newest))
    for message_id, (sent_at, flags) in zip(fresh, more, strict=True):
        target["message_id"].append(message_id)
        target["message_parent"].append(parent if linked else 0)
        target["message_sent_at"].append(sent_at)
        target["message_flags"].append(flags)
        target["message_thread"].append(0)
        parent = message_id
    if linked:
        target["current_message"] = parent
    return dataclasses.replace(world, facts=pa.Table.from_pylist(rows, schema=world.facts.schema))


def _same_place(row: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(row["unit"] == other["unit"] and row["row"] == other["row"])


def own_world(world: World, user_key: bytes | None) -> World:
    """The world with the records of this user only."""
    keys = world.facts["user_key"]
    own = (
        pc.is_null(keys)
        if user_key is None
        else pc.fill_null(pc.equal(keys, pa.scalar(user_key, KEY)), False)
    )
    return dataclasses.replace(world, facts=world.facts.filter(own))
