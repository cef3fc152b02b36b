"""Decisions that need a meeting by conversation key: subject conflicts and deleted conversations.

Runs on one key range, after the user buckets and before any text is read.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import Decision, Reason, Record
from schemas.tables import DECISIONS


def settle(decisions: pa.Table, deletions: pa.Table) -> pa.Table:
    """The same sessions in order of (conversation_key, user_key), with the last rules applied.

    One conversation under two users (or under a user and none): each is quarantined, `subject_conflict`.
    A deleted conversation is excluded, `deleted`, unless quarantined. Both lose their pointers.
    `deletions` is DELETIONS of conversation keys.
    """
    decisions = decisions.sort_by([("conversation_key", "ascending"), ("user_key", "ascending")])
    decisions = decisions.combine_chunks()
    keys = decisions["conversation_key"].combine_chunks()
    conflict = _repeated(keys)
    quarantined = pc.equal(decisions["decision"], Decision.QUARANTINED).to_numpy()
    deleted = pc.is_in(keys, value_set=deletions["key"].combine_chunks()).to_numpy(zero_copy_only=False)
    decisions = _override(decisions, deleted & ~quarantined & ~conflict, Decision.EXCLUDED, Reason.DELETED)
    return _override(decisions, conflict & ~quarantined, Decision.QUARANTINED, Record.SUBJECT_CONFLICT)


def _repeated(keys: pa.Array) -> npt.NDArray[np.bool_]:
    """True where a sorted key stands more than once."""
    if len(keys) < 2:
        return np.zeros(len(keys), np.bool_)
    same = pc.equal(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False)
    first, second = np.append(same, False), np.append(False, same)
    repeated: npt.NDArray[np.bool_] = first | second
    return repeated


def _override(decisions: pa.Table, where: npt.NDArray[np.bool_], decision: Decision, reason: str) -> pa.Table:
    """The table with decision and reason replaced where true, and without what only the eligible have."""
    if not where.any():
        return decisions
    mask = pa.array(where)
    empty: dict[str, object] = {
        "decision": str(decision),
        "reason": str(reason),
        "basis": None,
        "messages_kept": 0,
        "row_retain_until": None,
        "records": [],
        "kept": [],
    }
    for name, value in empty.items():
        field = DECISIONS.field(name)
        column = decisions[name].combine_chunks()
        replacement = pa.array([value], field.type).take(pa.array(np.zeros(len(where), np.int64)))
        if pa.types.is_list(field.type):
            rows = np.where(where, len(column), np.arange(len(column)))
            replaced = pa.concat_arrays([column, replacement.slice(0, 1)]).take(pa.array(rows))
        else:
            replaced = pc.if_else(mask, replacement, column)
        decisions = decisions.set_column(decisions.schema.get_field_index(name), field, replaced)
    return decisions
