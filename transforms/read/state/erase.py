"""Which units of a state hold erased keys, and what is left of the state without them."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import KEY


def units_of_facts(facts: pa.Table, users: frozenset[bytes], conversations: frozenset[bytes]) -> set[bytes]:
    """The units of STATE_FACTS rows of these users or conversations."""
    gone = pc.or_(_among(facts["user_key"], users), _among(facts["conversation_key"], conversations))
    return set(pc.unique(facts["unit"].filter(gone)).to_pylist())


def units_of_names(units: pa.Table, users: frozenset[bytes], conversations: frozenset[bytes]) -> set[bytes]:
    """The units of STATE_UNITS rows whose further ids or quarantined records have one of these keys."""
    found = set()
    for row in units.select(["unit", "quarantined", "names"]).to_pylist():
        named = {row[name] for row in row["names"] or () for name in ("key", "conversation_key")}
        named |= {entry["conversation_key"] for entry in row["quarantined"] or ()}
        owners = {name["user_key"] for name in row["names"] or ()}
        if not named.isdisjoint(conversations) or not owners.isdisjoint(users):
            found.add(row["unit"])
    return found


def files_of(units: pa.Table, keys: Iterable[bytes]) -> set[bytes]:
    """The files of these units."""
    lists = units["files"].filter(_among(units["unit"], keys))
    return set(pc.list_flatten(lists).to_pylist())


def units_of_files(units: pa.Table, files: Iterable[bytes]) -> set[bytes]:
    """The units that have one of these files: a file is known with all of its units, or it is read again."""
    hit = _among(pc.list_flatten(units["files"]), files)
    places = pc.unique(pc.list_parent_indices(units["files"]).filter(hit))
    return set(units["unit"].take(places).to_pylist())


def without(table: pa.Table, column: str, keys: Iterable[bytes]) -> pa.Table:
    """The table without the rows that have one of the keys in a column; the same object if it has none."""
    gone = _among(table[column], keys)
    return table.filter(pc.invert(gone)) if pc.any(gone).as_py() else table


def _among(column: pa.ChunkedArray, keys: Iterable[bytes]) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=pa.array(sorted(keys), KEY))
