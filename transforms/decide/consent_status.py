"""Where users stand at `as_of`, counted from the snapshots alone.

The verdicts read consent through `Timelines`. This is a second way to the same answer that shares no code
with it, so that "no session of a user who refuses got through" is shown by something else than what decided.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.policy import Policy
from schemas.tables import GRANTED, REFUSED, UNDECIDED
from transforms.shuffle.instants import NEVER, Ints, column_micros, filled, micros, whole

NO_RECORD, NO_USER_ID = 3, 4
_WORDS = {
    GRANTED: "granted",
    UNDECIDED: "undecided",
    REFUSED: "refused",
    NO_RECORD: "no_record",
    NO_USER_ID: "no_user_id",
}
#: The word of each number that stands for a standing: the consent states, then what is no state.
CONSENT_STATUSES = tuple(_WORDS[number] for number in range(len(_WORDS)))

Statuses = npt.NDArray[np.int8]
_LEAST = np.iinfo(np.int64).min


class UserCounts(NamedTuple):
    """How many users of some sessions stand where, and how many wrote later than they should have."""

    statuses: dict[str, int]
    undecided_after_deadline: int
    stale: int


class ConsentStatus:
    """What the snapshots last say of the users of some CONSENT rows; one for all policies.

    The state of the last dated row by `as_of`, the worst of those at one instant; undecided for a user whose
    rows are all undated.
    """

    def __init__(self, users: pa.Array | pa.ChunkedArray, consent: pa.Table, as_of: dt.datetime) -> None:
        self._users = pc.drop_null(pc.unique(users))
        self._as_of = as_of
        decided_at, state = column_micros(consent["decided_at"]), whole(consent["state"])
        undated = decided_at == NEVER
        # One number a row that grows with the instant, then with the state; below all for a row without one.
        rank = np.where(undated, _LEAST + 1, decided_at * 4 + state)
        place = filled(pc.index_in(consent["user_key"], value_set=self._users), -1)
        known = (place >= 0) & (undated | (decided_at <= micros(as_of)))
        last = np.full(len(self._users) + 1, _LEAST)  # the one more is for who is none of them
        np.maximum.at(last, place[known], rank[known])
        last[-1] = _LEAST
        self._states = np.where(last <= _LEAST + 1, UNDECIDED, last & 3).astype(np.int8)
        self._states[last == _LEAST] = NO_RECORD

    def statuses(self, users: pa.Array | pa.ChunkedArray, effective_at: dt.datetime) -> Statuses:
        """A number of CONSENT_STATUSES for each key, null being NO_USER_ID.

        A grant counts as undecided while the policy is not in effect.
        """
        found = self._states[filled(pc.index_in(users, value_set=self._users), -1)]
        if self._as_of < effective_at:
            found[found == GRANTED] = UNDECIDED
        if users.null_count:
            found[pc.is_null(users).to_numpy(zero_copy_only=False)] = NO_USER_ID
        return found


def count_users(
    users: pa.Table, last: ConsentStatus, policy: Policy, known_until: dt.datetime | None
) -> UserCounts:
    """The figures of USERS, each counted once."""
    standing = last.statuses(users["user_key"], policy.effective_at)
    newest: Ints = whole(users["newest_human"])
    counted = np.bincount(standing, minlength=len(CONSENT_STATUSES)).tolist()
    late = (standing == UNDECIDED) & (newest > micros(policy.decision_deadline))
    known = _LEAST if known_until is None else micros(known_until)
    return UserCounts(
        dict(zip(CONSENT_STATUSES, counted, strict=True)), int(late.sum()), int((newest > known).sum())
    )
