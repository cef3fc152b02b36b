"""Which excluded sessions a separate authorisation covers (eligibility.md, rule 5)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.instants import NEVER, Ints, column_micros, filled
from transforms.merge import Bools


def covered(
    authorizations: pa.Table,
    organizations: pa.Array,
    surfaces: pa.Array,
    first: Ints,
    last: Ints,
    authorizable: list[str],
) -> Bools:
    """True for each session that one authorisation of its organisation covers from first to last message.

    `first` and `last` are the instants of a session's messages, NEVER and its negative where it has none:
    then there is no message to leave uncovered. A surface that cannot be authorised never is.
    """
    found = np.zeros(len(organizations), np.bool_)
    open_surface = pc.is_in(surfaces, value_set=pa.array(authorizable, pa.string()))
    candidates = np.flatnonzero(
        open_surface.to_numpy(zero_copy_only=False) & organizations.is_valid().to_numpy(False)
    )
    if not authorizations.num_rows or not len(candidates):
        return found
    keys = pc.unique(authorizations["organization_key"].combine_chunks())
    owner = filled(pc.index_in(authorizations["organization_key"], value_set=keys), -1)
    order = np.argsort(owner, kind="stable")
    grants = authorizations.take(order)
    starts = np.searchsorted(owner[order], np.arange(len(keys) + 1))
    wanted = filled(pc.index_in(organizations.take(pa.array(candidates)), value_set=keys), -1)
    candidates, wanted = candidates[wanted >= 0], wanted[wanted >= 0]
    count = starts[wanted + 1] - starts[wanted]
    session = np.repeat(candidates, count)
    offset = np.arange(len(session)) - np.repeat(np.cumsum(count) - count, count)
    grant = np.repeat(starts[wanted], count) + offset
    any_surface = grants["surface"].is_null().to_numpy()[grant]
    same = pc.equal(grants["surface"].take(grant), surfaces.take(pa.array(session)))
    matches = any_surface | pc.fill_null(same, False).to_numpy()
    valid_from = column_micros(grants["valid_from"])[grant]
    valid_to = column_micros(grants["valid_to"])[grant]
    inside = (valid_from <= first[session]) & ((last[session] < valid_to) | (valid_to == NEVER))
    found[session[matches & inside]] = True
    return found
