"""Settles decisions by conversation key: subject conflicts and deleted conversations.

These rules need the decisions of all users of a conversation. They run on one key range, after the user
buckets and before any text is read.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import Decision, Reason, RecordFault
from schemas.tables import DECISIONS
from transforms.shuffle.dictionaries import equals_text, replace_where
from transforms.shuffle.instants import Bools, Ints
from transforms.shuffle.key_order import key_words, order_by_key


def settle(decisions: pa.Table, deletions: pa.Table) -> pa.Table:
    """The same sessions in order of (conversation_key, user_key), with these rules applied.

    Sessions of one conversation with different users (or with and without a user) are quarantined,
    `subject_conflict`. A session of a deleted conversation is excluded, `deleted`, unless it is quarantined.
    Both lose their pointers. `deletions` is DELETIONS of conversation keys.
    """
    decisions = decisions.combine_chunks()
    order = order_by_key(
        decisions["conversation_key"], lambda rows: _whole_order(decisions.take(pa.array(rows)))
    )
    decisions = decisions.take(pa.array(order)).combine_chunks()
    keys = decisions["conversation_key"].combine_chunks()
    conflict = _repeated(keys)
    quarantined = equals_text(decisions["decision"], Decision.QUARANTINED)
    deleted = pc.is_in(keys, value_set=deletions["key"].combine_chunks()).to_numpy(zero_copy_only=False)
    decisions = _override(decisions, deleted & ~quarantined & ~conflict, Decision.EXCLUDED, Reason.DELETED)
    return _override(decisions, conflict & ~quarantined, Decision.QUARANTINED, RecordFault.SUBJECT_CONFLICT)


def _whole_order(decisions: pa.Table) -> Ints:
    keys = (*key_words(decisions["user_key"]), *key_words(decisions["conversation_key"]))
    order: Ints = np.lexsort(keys)
    return order


def _repeated(keys: pa.Array) -> Bools:
    """True for each sorted key that occurs more than once."""
    if len(keys) < 2:
        return np.zeros(len(keys), np.bool_)
    same = pc.equal(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False)
    first, second = np.append(same, False), np.append(False, same)
    repeated: Bools = first | second
    return repeated


def _override(decisions: pa.Table, where: Bools, decision: Decision, reason: str) -> pa.Table:
    """The table with decision and reason replaced where true, and the values of eligible rows removed."""
    if not where.any():
        return decisions
    texts = {"decision": str(decision), "reason": str(reason), "basis": None}
    for name, text in texts.items():
        decisions = _with(decisions, name, replace_where(decisions[name].combine_chunks(), where, text))
    mask = pa.array(where)
    for name, value in (("messages_kept", 0), ("row_retain_until", None)):
        kind = DECISIONS.field(name).type
        decisions = _with(decisions, name, pc.if_else(mask, pa.scalar(value, kind), decisions[name]))
    for name in ("records", "kept"):
        column = decisions[name].combine_chunks()
        rows = np.where(where, len(column), np.arange(len(column)))
        nothing = pa.array([[]], column.type)
        decisions = _with(decisions, name, pa.concat_arrays([column, nothing]).take(pa.array(rows)))
    return decisions


def _with(decisions: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return decisions.set_column(decisions.schema.get_field_index(name), DECISIONS.field(name), column)
