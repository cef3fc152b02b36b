"""Combines settled decisions and quarantined records of one key range, in key order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import Decision
from schemas.tables import SETTLED
from transforms.shuffle.dictionaries import constant_column
from transforms.shuffle.key_order import order_by_key


def settled_rows(decisions: pa.Table, quarantined: pa.Table) -> pa.Table:
    """SETTLED rows of the decisions and of the quarantined records that have a key, sorted by key."""
    records = record_rows(quarantined.filter(quarantined["conversation_key"].is_valid()))
    return in_key_order(pa.concat_tables([decisions.select(SETTLED.names), records]))


def with_names(decisions: pa.Table, names: pa.Table) -> pa.Table:
    """The decisions with a column `names`, from NAMES of their conversations."""
    column = pa.nulls(decisions.num_rows, SETTLED.field("names").type)
    if names.num_rows:
        of: dict[bytes, set[bytes]] = {}
        for key, conversation in zip(
            names["key"].to_pylist(), names["conversation_key"].to_pylist(), strict=True
        ):
            of.setdefault(conversation, set()).add(key)
        keys = decisions["conversation_key"].to_pylist()
        column = pa.array([sorted(of[key]) if key in of else None for key in keys], column.type)
    return decisions.append_column(SETTLED.field("names"), column)


def record_rows(quarantined: pa.Table) -> pa.Table:
    """SETTLED rows of QUARANTINED records: decision `quarantined`, the code as reason, counts 0."""
    count = quarantined.num_rows
    columns: dict[str, pa.Array] = {
        "conversation_key": quarantined["conversation_key"],
        "decision": constant_column(str(Decision.QUARANTINED), count),
        "reason": quarantined["code"].combine_chunks().dictionary_encode(),
        "messages_seen": pa.repeat(pa.scalar(0, pa.int32()), count),
        "messages_kept": pa.repeat(pa.scalar(0, pa.int32()), count),
    }
    empty = {field.name: pa.nulls(count, field.type) for field in SETTLED}
    return pa.table({**empty, **columns})


def in_key_order(rows: pa.Table) -> pa.Table:
    """The rows sorted by conversation_key, then reason, created_on and messages_seen."""
    rows = rows.combine_chunks()
    order = order_by_key(rows["conversation_key"], lambda some: _whole_order(rows.take(pa.array(some))))
    if (order == np.arange(len(order))).all():
        return rows
    return rows.take(pa.array(order)).combine_chunks()


def _whole_order(rows: pa.Table) -> pa.Array:
    names = ("conversation_key", "reason", "created_on", "messages_seen")
    columns = {name: rows[name] for name in names}
    columns["reason"] = columns["reason"].cast(pa.string())
    order: pa.Array = pc.sort_indices(pa.table(columns), [(name, "ascending") for name in names])
    return order
