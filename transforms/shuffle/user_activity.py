"""The users of some sessions, each with the instant of its newest human message."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import HUMAN, KEY
from transforms.shuffle.instants import whole

#: `newest_human` is the instant of the newest human message in microseconds; the least int64 without one.
USERS = pa.schema([("user_key", KEY), ("newest_human", pa.int64())])

_LEAST = np.iinfo(np.int64).min


def newest_human(facts: pa.Table) -> pa.Table:
    """USERS of the FACTS rows, one row per user. Records without a user are ignored."""
    human = (whole(pc.list_flatten(facts["message_flags"])) & HUMAN) > 0
    sent_at = np.where(human, whole(pc.list_flatten(facts["message_sent_at"]).cast(pa.int64())), _LEAST)
    length = whole(pc.list_value_length(facts["message_flags"]))
    newest = np.full(facts.num_rows, _LEAST)
    starts = np.cumsum(length) - length
    if len(sent_at):
        newest[length > 0] = np.maximum.reduceat(sent_at, starts[length > 0])
    return newest_of(pa.table([facts["user_key"], pa.array(newest)], schema=USERS))


def newest_of(users: pa.Table) -> pa.Table:
    """USERS with one row per user, of rows in which users may repeat."""
    found = (
        users.filter(pc.is_valid(users["user_key"])).group_by("user_key").aggregate([("newest_human", "max")])
    )
    return pa.table([found["user_key"], found["newest_human_max"]], schema=USERS)
