"""Ledger rows: one a session or unreadable record, sorted, without raw ids or text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import CLAUSE, Decision, decision_of
from schemas.tables import INSTANT, KEY, LEDGER, SETTLING
from schemas.units import Quarantined
from transforms.digests import alike, mapped

#: Quarantined records as they travel: `part_key` spreads those without an id by their digest.
QUARANTINED = pa.schema(
    [
        ("part_key", KEY),
        ("conversation_key", KEY),
        ("input", pa.int32()),
        ("path", pa.string()),
        ("locator", pa.string()),
        ("code", pa.string()),
        ("byte_length", pa.int64()),
        ("digest", pa.string()),
    ]
)


class Stamp(NamedTuple):
    """What every row of one run says alike, and the clause behind each reason that has one."""

    policy_id: str
    policy_sha256: str
    as_of: dt.datetime
    known_until: dt.datetime | None
    clauses: Mapping[str, str] = CLAUSE


class Refusal(NamedTuple):
    """A session that the text pass refused: its key and the reason (a text reason or a quarantine code)."""

    conversation_key: bytes
    reason: str


def quarantined_table(entries: Sequence[Quarantined]) -> pa.Table:
    """QUARANTINED rows of the entries."""
    rows = [
        {
            "part_key": entry.conversation_key or bytes.fromhex(entry.digest)[:16].ljust(16, b"\0"),
            "conversation_key": entry.conversation_key,
            "input": entry.input,
            "path": entry.path,
            "locator": entry.locator,
            "code": entry.code,
            "byte_length": entry.byte_length,
            "digest": entry.digest,
        }
        for entry in entries
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINED)


def ledger_rows(decisions: pa.Table, quarantined: pa.Table, refusals: Sequence[Refusal]) -> pa.Table:
    """The rows of one key range, sorted by conversation_key (records without one last): what LEDGER says of
    each, and `row_retain_until` and `standing`.

    `decisions` are settled SETTLING rows; each refusal replaces the decision of its session.
    """
    rows = pa.concat_tables([_session_rows(decisions), _record_rows(quarantined)])
    rows = _refuse(rows, refusals)
    order = [(name, "ascending") for name in ("conversation_key", "reason", "created_on", "messages_seen")]
    return rows.sort_by(order)


def ledger_table(rows: pa.Table, stamp: Stamp) -> pa.Table:
    """LEDGER of `ledger_rows`, in their order."""
    count = rows.num_rows
    constant = {
        "clause": mapped(
            rows["reason"].combine_chunks(), lambda reason: stamp.clauses.get(reason or ""), pa.string()
        ),
        "policy_id": alike(stamp.policy_id, count),
        "policy_sha256": alike(stamp.policy_sha256, count),
        "as_of": pa.repeat(pa.scalar(stamp.as_of, INSTANT), count),
        "known_until": pa.repeat(pa.scalar(stamp.known_until, INSTANT), count),
    }
    columns = [constant[name] if name in constant else rows[name] for name in LEDGER.names]
    return pa.table([_cast(c, f.type) for c, f in zip(columns, LEDGER, strict=True)], schema=LEDGER)


def hex_keys(keys: pa.ChunkedArray | pa.Array) -> pa.Array:
    """32 hex digits for each 16-byte key, null for null."""
    if isinstance(keys, pa.ChunkedArray):
        keys = keys.combine_chunks()
    if not len(keys):
        return pa.array([], pa.string())
    filled = keys.fill_null(bytes(16)).cast(pa.binary(16))
    data = memoryview(filled.buffers()[1])[16 * filled.offset : 16 * (filled.offset + len(keys))]
    digits = data.hex().encode()
    ends = pa.py_buffer(np.arange(0, 32 * len(keys) + 1, 32, dtype=np.int32))
    texts = pa.StringArray.from_buffers(len(keys), ends, pa.py_buffer(digits))
    return pc.if_else(keys.is_null(), pa.scalar(None, pa.string()), texts) if keys.null_count else texts


_CONSTANT = ("clause", "policy_id", "policy_sha256", "as_of", "known_until")
_PLAIN = [
    *(field for field in LEDGER if field.name not in _CONSTANT),
    SETTLING.field("row_retain_until"),
    SETTLING.field("standing"),
]


def _session_rows(decisions: pa.Table) -> pa.Table:
    table = decisions.select([field.name for field in _PLAIN])
    return table.set_column(0, "conversation_key", hex_keys(table["conversation_key"]))


def _record_rows(quarantined: pa.Table) -> pa.Table:
    count = quarantined.num_rows
    columns: dict[str, pa.Array] = {
        "conversation_key": hex_keys(quarantined["conversation_key"]),
        "decision": pa.repeat(pa.scalar(str(Decision.QUARANTINED)), count),
        "reason": quarantined["code"],
        "messages_seen": pa.repeat(pa.scalar(0, pa.int32()), count),
        "messages_kept": pa.repeat(pa.scalar(0, pa.int32()), count),
    }
    empty = {field.name: pa.nulls(count, _plain_type(field.type)) for field in _PLAIN}
    return pa.table({**empty, **columns})


def _refuse(rows: pa.Table, refusals: Sequence[Refusal]) -> pa.Table:
    if not refusals:
        return rows
    reason_of = {refusal.conversation_key.hex(): str(refusal.reason) for refusal in sorted(refusals)}
    keys = rows["conversation_key"].to_pylist()
    eligible = pc.equal(rows["decision"], str(Decision.ELIGIBLE)).to_pylist()
    new = [reason_of.get(key) if ok else None for key, ok in zip(keys, eligible, strict=True)]
    mask = pa.array(np.array([reason is not None for reason in new], np.bool_))
    values: dict[str, pa.Array] = {
        "decision": pa.array([None if r is None else str(decision_of(r)) for r in new], pa.string()),
        "reason": pa.array(new, pa.string()),
        "basis": pa.nulls(len(new), pa.string()),
        "messages_kept": pa.array(np.zeros(len(new), np.int32)),
    }
    for name, column in values.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, pc.if_else(mask, column, rows[name].combine_chunks()))
    return rows


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _cast(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else column.cast(kind)
