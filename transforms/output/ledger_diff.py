"""Pairs the rows of two ledgers by key, a window at a time, so memory does not grow with their length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.shuffle.instants import Bools, Ints

#: The ledger columns that are compared.
COLUMNS = ["conversation_key", "decision", "reason", "tier", "surface", "messages_kept"]
_SIDE = pa.schema([(name, pa.int32() if name == "messages_kept" else pa.string()) for name in COLUMNS])
#: One row per session of either ledger. Columns of a ledger without that session are null.
PAIRS = pa.schema(
    [
        ("conversation_key", pa.string()),
        ("tier", pa.string()),
        ("surface", pa.string()),
        ("a_decision", pa.string()),
        ("a_reason", pa.string()),
        ("a_messages_kept", pa.int32()),
        ("b_decision", pa.string()),
        ("b_reason", pa.string()),
        ("b_messages_kept", pa.int32()),
    ]
)


def pairs(a: Iterator[pa.RecordBatch], b: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """PAIRS of two ledgers, each given in batches of COLUMNS with keys ascending and nulls anywhere.

    Rows with one key are paired in order. Rows without a key are not paired. `tier` and `surface` come from B
    if it has the session, else from A. The pairs are in order of keys, rows without a key as they are read.
    """
    left, right = _Side(a), _Side(b)
    while left.fill() | right.fill():
        for side, lone in (("a", left.keyless()), ("b", right.keyless())):
            if lone.num_rows:
                yield _lone(lone, side)
        cut = _cut(left, right)
        rows_a, rows_b = left.take_below(cut), right.take_below(cut)
        if rows_a.num_rows or rows_b.num_rows:
            yield _paired(rows_a, rows_b)


class _Side:
    """A ledger being read, with the rows that are read and not yet paired, sorted by key."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._rows = _SIDE.empty_table()
        self._keyless = _SIDE.empty_table()
        self.ended = False

    def fill(self) -> bool:
        """Reads batches until it holds more than one key. False at the end, if no rows are left."""
        while not self.ended and (not self._rows.num_rows or self.newest == self._oldest):
            batch = next(self._batches, None)
            if batch is None:
                self.ended = True
            else:
                self._add(pa.Table.from_batches([batch]).select(COLUMNS).cast(_SIDE))
        return bool(self._rows.num_rows or self._keyless.num_rows)

    @property
    def newest(self) -> str:
        """The greatest key that is held."""
        key: str = self._rows["conversation_key"][-1].as_py()
        return key

    @property
    def _oldest(self) -> str:
        key: str = self._rows["conversation_key"][0].as_py()
        return key

    @property
    def held(self) -> bool:
        """True if it holds rows with keys."""
        return bool(self._rows.num_rows)

    def keyless(self) -> pa.Table:
        """The rows without a key since the last call."""
        rows, self._keyless = self._keyless, _SIDE.empty_table()
        return rows

    def take_below(self, cut: str | None) -> pa.Table:
        """Removes and returns the rows with keys below the cut, all rows for None."""
        if cut is None:
            rows, self._rows = self._rows, _SIDE.empty_table()
            return rows
        count = pc.sum(pc.less(self._rows["conversation_key"], cut)).as_py() or 0
        rows, self._rows = self._rows.slice(0, count), self._rows.slice(count).combine_chunks()
        return rows

    def _add(self, rows: pa.Table) -> None:
        null = pc.is_null(rows["conversation_key"])
        self._keyless = pa.concat_tables([self._keyless, rows.filter(null)])
        self._rows = pa.concat_tables([self._rows, rows.filter(pc.invert(null))])


def _cut(left: _Side, right: _Side) -> str | None:
    """The key below which both ledgers are complete, None if both have ended."""
    newest = [side.newest for side in (left, right) if side.held and not side.ended]
    return min(newest, default=None)


def _paired(a: pa.Table, b: pa.Table) -> pa.Table:
    names_a, names_b = _names(a), _names(b)
    in_b = pc.index_in(names_a, value_set=names_b)
    matched = pc.is_valid(in_b).to_numpy(zero_copy_only=False)
    rest = np.setdiff1d(np.arange(b.num_rows), in_b.drop_null().to_numpy())
    place_a = _places(
        np.arange(a.num_rows), np.ones(a.num_rows, np.bool_), np.zeros(len(rest), np.int64), False
    )
    place_b = _places(pc.fill_null(in_b, 0).to_numpy(), matched, rest, True)
    return _side_by_side(a.take(place_a), b.take(place_b)).sort_by("conversation_key")


def _places(first: Ints, valid: Bools, rest: Ints, rest_valid: bool) -> pa.Array:
    """Rows to take: `first` (null if not valid), then `rest` (null if not `rest_valid`)."""
    null = np.append(~valid, np.full(len(rest), not rest_valid))
    return pa.array(np.append(first, rest).astype(np.int64), mask=null)


def _names(rows: pa.Table) -> pa.Array:
    """The keys, with a number appended to the second and later rows of one key."""
    keys = rows["conversation_key"].combine_chunks()
    if len(keys) < 2:
        return keys
    same = np.append(False, pc.equal(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False))
    if not same.any():
        return keys
    starts = np.flatnonzero(~same)
    nth = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    numbered = pc.binary_join_element_wise(keys, pa.array(nth).cast(pa.string()), "#")
    return pc.if_else(pa.array(nth > 0), numbered, keys)


def _lone(rows: pa.Table, side: str) -> pa.Table:
    none = _SIDE.empty_table().take(pa.array([None] * rows.num_rows, pa.int64())) if rows.num_rows else rows
    return _side_by_side(rows, none) if side == "a" else _side_by_side(none, rows)


def _side_by_side(a: pa.Table, b: pa.Table) -> pa.Table:
    columns = {name: pc.coalesce(b[name], a[name]) for name in ("conversation_key", "tier", "surface")}
    for side, rows in (("a", a), ("b", b)):
        for name in ("decision", "reason", "messages_kept"):
            columns[f"{side}_{name}"] = rows[name]
    return pa.table([columns[name] for name in PAIRS.names], schema=PAIRS)
