"""The consent status of users at `as_of`, computed from the snapshots alone.

Decisions read consent through `Timelines`. This module computes the status at `as_of` without any of that
code. The report compares both: it is an independent check that no session of a user who refuses is eligible.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.policy import Policy
from schemas.tables import GRANTED, REFUSED, UNDECIDED, UNSETTLED
from transforms.shuffle.instants import NEVER, Ints, column_micros, filled, micros, whole

NO_RECORD, NO_USER_ID = 3, 4
_NAMES = {
    GRANTED: "granted",
    UNDECIDED: "undecided",
    REFUSED: "refused",
    NO_RECORD: "no_record",
    NO_USER_ID: "no_user_id",
}
#: The name of each status, by number: the consent states, then the statuses that are not states.
CONSENT_STATUSES = tuple(_NAMES[number] for number in range(len(_NAMES)))

Statuses = npt.NDArray[np.int8]
_LEAST = np.iinfo(np.int64).min


class UserCounts(NamedTuple):
    """Users by status, undecided users active after the deadline, users active after the last snapshot."""

    statuses: dict[str, int]
    undecided_after_deadline: int
    stale: int


class ConsentStatus:
    """The consent status of some users at `as_of`; it serves all policies.

    The status is the state of the newest dated row up to `as_of`, the worst of several at one instant. A user
    with undated rows only is undecided.
    """

    def __init__(self, users: pa.Array | pa.ChunkedArray, consent: pa.Table, as_of: dt.datetime) -> None:
        self._users = pc.drop_null(pc.unique(users))
        self._as_of = as_of
        decided_at, state = column_micros(consent["decided_at"]), whole(consent["state"])
        undated = decided_at == NEVER
        # One number per row, ordered by instant, then by state; undated rows are below all others.
        rank = np.where(undated, _LEAST + 1, decided_at * 4 + state)
        place = filled(pc.index_in(consent["user_key"], value_set=self._users), -1)
        known = (place >= 0) & (undated | (decided_at <= micros(as_of)))
        last = np.full(len(self._users) + 1, _LEAST)  # the extra element is for other users
        np.maximum.at(last, place[known], rank[known])
        last[-1] = _LEAST
        self._states = np.where(last <= _LEAST + 1, UNDECIDED, last & 3).astype(np.int8)
        self._states[last == _LEAST] = NO_RECORD

    def statuses(self, users: pa.Array | pa.ChunkedArray, effective_at: dt.datetime) -> Statuses:
        """The index into CONSENT_STATUSES of each user key; NO_USER_ID for null.

        A grant counts as undecided before the policy takes effect.
        """
        found = self._states[filled(pc.index_in(users, value_set=self._users), -1)]
        if self._as_of < effective_at:
            found[found == GRANTED] = UNDECIDED
        if users.null_count:
            found[pc.is_null(users).to_numpy(zero_copy_only=False)] = NO_USER_ID
        return found


def count_users(
    users: pa.Table, status: ConsentStatus, policy: Policy, known_until: dt.datetime | None
) -> UserCounts:
    """The counts of the users in USERS, each counted once."""
    statuses = status.statuses(users["user_key"], policy.effective_at)
    newest: Ints = whole(users["newest_human"])
    counted = np.bincount(statuses, minlength=len(CONSENT_STATUSES)).tolist()
    late = (statuses == UNDECIDED) & (newest > micros(policy.decision_deadline))
    known = _LEAST if known_until is None else micros(known_until)
    return UserCounts(
        dict(zip(CONSENT_STATUSES, counted, strict=True)), int(late.sum()), int((newest > known).sum())
    )


def with_consent_status(decisions: pa.Table, status: ConsentStatus, policy: Policy) -> pa.Table:
    """UNSETTLED rows: the DECISIONS rows with the consent status of their users."""
    numbers = pa.array(status.statuses(decisions["user_key"], policy.effective_at))
    return decisions.append_column(UNSETTLED.field("standing"), numbers)
