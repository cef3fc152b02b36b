"""Tables and files without some sessions: what `forget` and `expire` write in place of what they remove."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from schemas.state import ROW_STATE, ROW_STATE_PREFIX, STATE_FACTS, STATE_FILES, STATE_UNITS
from schemas.tables import INDEX, KEY, LEDGER, SESSIONS, TRAINING

_SCHEMAS = {
    "data/": TRAINING,
    "ledger/": LEDGER,
    "restricted/index-": INDEX,
    "restricted/sessions-": SESSIONS,
    ROW_STATE_PREFIX: ROW_STATE,
    "restricted/state/facts-": STATE_FACTS,
    "restricted/state/units-": STATE_UNITS,
    "restricted/state/files-": STATE_FILES,
}


def schema_of(name: str) -> pa.Schema | None:
    """The schema of a dataset's Parquet file by its name; None for any other file."""
    return next((schema for start, schema in _SCHEMAS.items() if name.startswith(start)), None)


def sessions_of(users: frozenset[bytes], sessions: pa.Table) -> pa.Table:
    """The SESSIONS rows of these users."""
    digits = pa.array(sorted(key.hex() for key in users), pa.string())
    return sessions.filter(pc.is_in(sessions["user_key"], value_set=digits))


def named_by(conversations: frozenset[bytes], sessions: pa.Table) -> pa.Table:
    """The SESSIONS rows that have one of these keys as a further id."""
    digits = pa.array(sorted(key.hex() for key in conversations), pa.string())
    lists = sessions["names"]
    found = pc.is_in(pc.list_flatten(lists), value_set=digits)
    return sessions.take(pc.unique(pc.list_parent_indices(lists).filter(found)))


def without(table: pa.Table, conversations: frozenset[bytes]) -> pa.Table:
    """The table without the rows of these conversations, in the same order; the same object if it has none.

    A column `row` counts the rows that are left.
    """
    keys = table["conversation_key"]
    named = sorted(conversations) if keys.type == KEY else sorted(key.hex() for key in conversations)
    gone = pc.is_in(keys, value_set=pa.array(named, keys.type))
    if not pc.any(gone).as_py():
        return table
    rest = table.filter(pc.invert(gone))
    if "row" in rest.column_names:
        numbers = pa.array(range(rest.num_rows), pa.int64())
        rest = rest.set_column(rest.schema.get_field_index("row"), "row", numbers)
    return rest


def expired_conversations(rows: pa.Table, on: dt.date) -> set[bytes]:
    """The keys of TRAINING rows whose `retain_until` is on or before a date."""
    gone = pc.fill_null(pc.less_equal(rows["retain_until"], pa.scalar(on)), False)
    return {bytes.fromhex(key) for key in rows["conversation_key"].filter(gone).to_pylist()}
