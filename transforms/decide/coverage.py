"""Finds the sessions that a separate authorisation covers (rule 5)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.decide.merge import Sessions
from transforms.shuffle.instants import Bools, Ints, column_micros, filled, whole


def covered(
    sessions: Sessions, surface: pa.Array, authorizations: pa.Table, authorizable: list[str]
) -> Bools:
    """True for each session with an authorisation that covers all its messages, on and off the active branch.

    The authorisation must have the session's organisation and its surface (or none), and be valid at each
    `sent_at`: `valid_from <= sent_at < valid_to`, without end if `valid_to` is null. `surface` has one name
    per session; surfaces that are not in `authorizable` are never covered. Validity is not checked for a
    session without messages.
    """
    oldest, newest = _spans(sessions)
    valid_from = column_micros(authorizations["valid_from"])
    valid_to = column_micros(authorizations["valid_to"])
    session, grant = _pairs(sessions, authorizations)
    open_surface = pc.is_in(surface, value_set=pa.array(authorizable, pa.string()))
    granted_surface = authorizations["surface"].combine_chunks().take(pa.array(grant))
    any_surface = pc.fill_null(pc.equal(pc.utf8_length(granted_surface), 0), True)
    same_surface = pc.fill_null(pc.equal(granted_surface, surface.take(pa.array(session))), False)
    holds = (valid_from[grant] <= oldest[session]) & (newest[session] < valid_to[grant])
    holds &= pc.or_(any_surface, same_surface).to_numpy(zero_copy_only=False)
    result = np.zeros(len(sessions), np.bool_)
    result[session[holds]] = True
    result &= open_surface.to_numpy(zero_copy_only=False)
    return result


def _spans(sessions: Sessions) -> tuple[Ints, Ints]:
    """The oldest and newest `sent_at` of each session; without messages, limits that any period contains."""
    limits = np.iinfo(np.int64)
    oldest, newest = np.full(len(sessions), limits.max), np.full(len(sessions), limits.min)
    np.minimum.at(oldest, sessions.messages.session, sessions.messages.sent_at)
    np.maximum.at(newest, sessions.messages.session, sessions.messages.sent_at)
    return oldest, newest


def _pairs(sessions: Sessions, authorizations: pa.Table) -> tuple[Ints, Ints]:
    """All pairs of a session and an authorisation of its organisation."""
    organizations = pc.unique(authorizations["organization_key"])  # never null
    named = whole(pc.index_in(authorizations["organization_key"], value_set=organizations))
    grants = np.argsort(named)
    start = np.searchsorted(named[grants], np.arange(len(organizations) + 1))
    keys = sessions.records["organization_key"].take(pa.array(sessions.newest))
    organization = filled(pc.index_in(keys, value_set=organizations), -1)
    session = np.flatnonzero(organization >= 0)
    organization = organization[session]
    count = start[organization + 1] - start[organization]
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(session, count), grants[np.repeat(start[organization], count) + within]
