"""Consent timelines: the state of users at instants, for many of both (docs/reference/policy.md)."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import GRANTED, UNDECIDED
from transforms.shuffle.instants import NEVER, Ints, column_micros, filled, micros, whole

States = npt.NDArray[np.int8]


class Timelines:
    """The consent timelines of some users, addressed by position in `users` (unique keys, no null).

    `consent` is CONSENT in any order; rows may repeat and may be of other users. Rows decided after `as_of`
    are not known. `in_snapshot` is true for a user with at least one known row, with or without a date.
    """

    def __init__(
        self, users: pa.Array, consent: pa.Table, *, as_of: dt.datetime, effective_at: dt.datetime
    ) -> None:
        self._effective_at = micros(effective_at)
        user = filled(pc.index_in(consent["user_key"], value_set=users), -1)
        decided_at = column_micros(consent["decided_at"])
        state = whole(consent["state"])
        undated = decided_at == NEVER
        known = (user >= 0) & (undated | (decided_at <= micros(as_of)))
        self.in_snapshot = np.zeros(len(users), np.bool_)
        self.in_snapshot[user[known]] = True
        dated = known & ~undated
        self._set_events(user[dated], decided_at[dated], state[dated])

    def states(self, user: Ints, instants: Ints) -> States:
        """The state of each (user, instant): that of the last row at or before the instant, else undecided.

        Before `effective_at` a grant counts as undecided, whenever it was made. User -1 is undecided.
        """
        wanted = user * self._stride + np.searchsorted(self._instants, instants, side="right")
        place = np.searchsorted(self._places, wanted, side="right") - 1
        found = (place >= 0) & (user >= 0)
        found[found] = self._users[place[found]] == user[found]
        states = np.full(len(user), UNDECIDED, np.int8)
        states[found] = self._states[place[found]]
        states[(states == GRANTED) & (instants < self._effective_at)] = UNDECIDED
        return states

    def _set_events(self, user: Ints, decided_at: Ints, state: Ints) -> None:
        # One sortable number per (user, instant): the user, then the number of distinct instants up to it.
        self._instants = np.unique(decided_at)
        self._stride = len(self._instants) + 1
        places = user * self._stride + np.searchsorted(self._instants, decided_at, side="right")
        # Of several states at one instant the worst sorts last, and `states` finds the last one.
        order = np.lexsort((state, places))
        self._places = places[order]
        self._users = user[order]
        self._states = state[order].astype(np.int8)
