"""Settles decisions by conversation key: subject conflicts and deleted conversations.

These rules need the decisions of all users of a conversation. They run on one key range, after the user
buckets and before any text is read.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import Decision, Reason, RecordFault
from schemas.tables import DECISIONS, DELETIONS
from transforms.shuffle.dictionaries import equals_text, replace_where
from transforms.shuffle.instants import Bools, Ints
from transforms.shuffle.key_order import key_words, order_by_key


def settle(decisions: pa.Table, deletions: pa.Table, claims: pa.Table | None = None) -> pa.Table:
    """The same sessions in order of (conversation_key, user_key), with these rules applied.

    Sessions of one conversation with different users (or with and without a user) are quarantined,
    `subject_conflict`; so is a session whose id another user's conversation has as a further id (`claims`,
    NAMES by `key`). A session of a deleted conversation is excluded, `deleted`, unless it is quarantined.
    Both lose their pointers. `deletions` is DELETIONS of conversation keys.
    """
    decisions = decisions.combine_chunks()
    order = order_by_key(
        decisions["conversation_key"], lambda rows: _whole_order(decisions.take(pa.array(rows)))
    )
    decisions = decisions.take(pa.array(order)).combine_chunks()
    keys = decisions["conversation_key"].combine_chunks()
    conflict = _repeated(keys)
    if claims is not None and claims.num_rows:
        conflict = conflict | _claimed_by_others(decisions, claims)
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


def _claimed_by_others(decisions: pa.Table, claims: pa.Table) -> Bools:
    """True for each session whose key is a further id of another user's conversation."""
    keys = decisions["conversation_key"].combine_chunks()
    found: Bools = pc.is_in(keys, value_set=claims["key"].combine_chunks()).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(found)
    if not len(rows):
        return found
    users: dict[bytes, set[bytes | None]] = {}
    for key, user in zip(claims["key"].to_pylist(), claims["user_key"].to_pylist(), strict=True):
        users.setdefault(key, set()).add(user)
    found[rows] = [
        bool(users[row["conversation_key"]] - {row["user_key"]})
        for row in decisions.select(["conversation_key", "user_key"]).take(pa.array(rows)).to_pylist()
    ]
    return found


def deletions_by_name(claims: pa.Table, deletions: pa.Table) -> pa.Table:
    """DELETIONS of the conversations that have a deleted key as a further id. `claims`: NAMES."""
    named = claims.join(deletions, "key", join_type="inner")
    return pa.table([named["conversation_key"], named["deleted_at"]], schema=DELETIONS)


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
