"""Counts the rows of lists that concern sessions of the logs, for the report.

A row matches by its user, conversation or organisation alone; dates, surfaces and decisions have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import INSTANT
from transforms.consent.snapshots import ERASED_AT


def user_list_rows(share: Mapping[str, pa.Table]) -> dict[str, int]:
    """Users of consent, and rows of user deletions: those with sessions, and those without.

    `share`: as `tables_of_share` gives it. Each user is counted in one share, and once, however many
    snapshots have it.
    """
    users = share["users"]["user_key"].combine_chunks()
    with_consent = pc.is_in(users, value_set=pc.unique(share["consent"]["user_key"]))
    deletions = share["user_deletions"]
    deleted = deletions.filter(pc.is_in(deletions["key"], value_set=users))
    return {
        "consent_matched": pc.sum(with_consent).as_py() or 0,
        "consent_unmatched": share["other_consent"].num_rows,
        "deletions_matched": _of_lists(deleted).num_rows,
        "deletions_unmatched": _of_lists(share["other_user_deletions"]).num_rows,
    }


def conversation_list_rows(deletions: pa.Table, *keys: pa.ChunkedArray) -> dict[str, int]:
    """Rows of conversation deletions: those of a conversation in `keys`, and the others."""
    listed = _of_lists(deletions)
    found = pa.chunked_array([chunk for each in keys for chunk in each.chunks], listed["key"].type)
    matched = pc.sum(pc.is_in(listed["key"], value_set=pc.unique(found))).as_py() or 0
    return {"deletions_matched": matched, "deletions_unmatched": listed.num_rows - matched}


def matching_authorizations(facts: pa.Table, authorizations: pa.Table) -> list[int]:
    """The positions of the authorisations whose organisation has a session, ascending."""
    found = pc.is_in(authorizations["organization_key"], value_set=pc.unique(facts["organization_key"]))
    return [place for place, matches in enumerate(found.to_pylist()) if matches]


def _of_lists(deletions: pa.Table) -> pa.Table:
    """Without the keys that `forget` erased, which no list of the configuration has."""
    return deletions.filter(pc.greater(deletions["deleted_at"], pa.scalar(ERASED_AT, INSTANT)))
