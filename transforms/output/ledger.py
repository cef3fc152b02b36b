"""Builds ledger rows: one per session or quarantined record, sorted, without raw ids or text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import CLAUSE, Decision, decision_of
from schemas.tables import INSTANT, LEDGER, SESSIONS, SETTLED
from transforms.decide.settled_rows import in_key_order, record_rows
from transforms.shuffle.dictionaries import (
    by_appearance,
    constant_column,
    equals_text,
    map_distinct,
    replace_where,
)
from transforms.shuffle.hex_keys import hex_keys
from transforms.shuffle.instants import filled


class Stamp(NamedTuple):
    """The values that are equal in all rows of a run, and the policy clauses by reason."""

    policy_id: str
    policy_sha256: str
    as_of: dt.datetime
    known_until: dt.datetime | None
    clauses: Mapping[str, str] = CLAUSE


class Refusal(NamedTuple):
    """A session that was refused while its text was masked; the reason may be a quarantine code."""

    conversation_key: bytes
    reason: str


def ledger_rows(settled: pa.Table, quarantined: pa.Table, refusals: Sequence[Refusal]) -> pa.Table:
    """The rows of one key range, sorted by conversation_key, rows without a key last.

    Columns: those of LEDGER, `row_retain_until`, `standing`, `user_key` and `names`. `settled` are SETTLED
    rows; each refusal replaces the decision of its session. Quarantined records without a key are added.
    """
    records = record_rows(quarantined.filter(quarantined["conversation_key"].is_null()))
    rows = in_key_order(_refuse(pa.concat_tables([settled.select(SETTLED.names), records]), refusals))
    return rows.set_column(0, "conversation_key", hex_keys(rows["conversation_key"]))


def ledger_table(rows: pa.Table, stamp: Stamp) -> pa.Table:
    """The LEDGER table of `ledger_rows`, in their order."""
    count = rows.num_rows
    constant = {
        "clause": map_distinct(
            rows["reason"].combine_chunks(), lambda reason: stamp.clauses.get(reason or ""), pa.string()
        ),
        "policy_id": constant_column(stamp.policy_id, count),
        "policy_sha256": constant_column(stamp.policy_sha256, count),
        "as_of": pa.repeat(pa.scalar(stamp.as_of, INSTANT), count),
        "known_until": pa.repeat(pa.scalar(stamp.known_until, INSTANT), count),
    }
    columns = [constant[name] if name in constant else rows[name] for name in LEDGER.names]
    return pa.table([_cast(c, f.type) for c, f in zip(columns, LEDGER, strict=True)], schema=LEDGER)


def session_keys(rows: pa.Table) -> pa.Table:
    """SESSIONS of `ledger_rows`: user and further ids of each row that has a conversation key."""
    named = rows.filter(rows["conversation_key"].is_valid()).combine_chunks()
    users = hex_keys(named["user_key"])
    lists = named["names"].combine_chunks()
    offsets = pa.array(np.append(0, np.cumsum(filled(pc.list_value_length(lists), 0))), pa.int32())
    names = pa.ListArray.from_arrays(offsets, hex_keys(pc.list_flatten(lists)), mask=lists.is_null())
    return pa.table([users, named["conversation_key"], names], schema=SESSIONS)


def _refuse(rows: pa.Table, refusals: Sequence[Refusal]) -> pa.Table:
    if not refusals:
        return rows
    reason_of = {refusal.conversation_key: str(refusal.reason) for refusal in sorted(refusals)}
    keys = rows["conversation_key"].to_pylist()
    eligible = equals_text(rows["decision"], Decision.ELIGIBLE).tolist()
    new = [reason_of.get(key) if ok else None for key, ok in zip(keys, eligible, strict=True)]
    refused = np.array([reason is not None for reason in new], np.bool_)
    reasons = pc.if_else(pa.array(refused), pa.array(new, pa.string()), rows["reason"].cast(pa.string()))
    decided = [None if reason is None else str(decision_of(reason)) for reason in new]
    decision = pc.if_else(
        pa.array(refused), pa.array(decided, pa.string()), rows["decision"].cast(pa.string())
    )
    values: dict[str, pa.Array] = {
        "decision": decision.combine_chunks().dictionary_encode(),
        "reason": reasons.combine_chunks().dictionary_encode(),
        "basis": replace_where(rows["basis"].combine_chunks(), refused, None),
        "messages_kept": pc.if_else(pa.array(refused), pa.scalar(0, pa.int32()), rows["messages_kept"]),
    }
    for name, column in values.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, column)
    return rows


def _cast(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not pa.types.is_dictionary(kind):
        return column.cast(kind)
    return by_appearance(column if pa.types.is_dictionary(column.type) else column.dictionary_encode())
