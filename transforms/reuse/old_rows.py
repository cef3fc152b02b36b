"""Rows of an old shard with the columns of new decisions, as FRAGMENT rows."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.state import ROW_STATE
from schemas.tables import KEY
from transforms.shuffle.fragments import FRAGMENT
from transforms.shuffle.hex_keys import hex_keys, keys_of_hex
from transforms.shuffle.key_order import key_words

#: What an old row keeps: all that depends on the text alone.
_KEPT = ("conversation_key", "messages", "language", "turns", "entities")
#: What the decision gives anew, by the column of TRAINING.
_DECIDED = {
    "surface": "surface",
    "tier": "tier",
    "basis": "basis",
    "started_on": "created_on",
    "last_active_on": "last_active_on",
    "retain_until": "row_retain_until",
}
#: Rows at a time: a row group of long sessions takes gigabytes.
_BATCH_ROWS = 1_024


Words = npt.NDArray[np.uint64]


class DamagedError(Exception):
    """The file is not the one that the manifest lists."""


def read_state(file: BinaryIO, sha256: str) -> pa.Table:
    """The ROW_STATE rows of a file; raises DamagedError where it is another file or cannot be read."""
    _check(file, sha256)
    try:
        return pq.read_table(file, use_threads=False).select(ROW_STATE.names).cast(ROW_STATE)
    except (pa.ArrowException, KeyError) as error:
        raise DamagedError from error


def old_rows(file: BinaryIO, sha256: str, sessions: pa.Table, policy_id: str) -> Iterator[pa.Table]:
    """The FRAGMENT rows of these TAKEN sessions, some at a time, each session whole.

    A session that the shard does not hold is left out. The file is digested before the first row is given;
    raises DamagedError where it is another one, or cannot be read to its end.
    """
    _check(file, sha256)
    known = _Sessions.of(sessions)
    held: pa.Table | None = None
    try:
        with pq.ParquetFile(file) as shard:
            for batch in shard.iter_batches(_BATCH_ROWS, columns=list(_KEPT), use_threads=False):
                rows = known.found(pa.Table.from_batches([batch]))
                # The last session may go on in the next batch.
                rows = rows if held is None else pa.concat_tables([held, rows])
                last = _first_of_last(rows)
                held = rows.slice(last)
                if last:
                    yield known.decided(rows.slice(0, last), policy_id)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise DamagedError from error
    if held is not None and held.num_rows:
        yield known.decided(held, policy_id)


def _check(file: BinaryIO, sha256: str) -> None:
    if hashlib.file_digest(cast(Any, file), "sha256").hexdigest() != sha256:
        raise DamagedError
    file.seek(0)


def _first_of_last(rows: pa.Table) -> int:
    """The first row of the last session; 0 without rows."""
    numbers = rows["session"].to_numpy()
    return int(np.flatnonzero(np.diff(numbers, prepend=-1))[-1]) if len(numbers) else 0


@dataclasses.dataclass(frozen=True)
class _Sessions:
    """TAKEN rows in order of their keys, the first half of each key, and the user keys as hex digits."""

    rows: pa.Table
    high: Words
    users: pa.Array

    @classmethod
    def of(cls, sessions: pa.Table) -> _Sessions:
        """The sessions; at least one."""
        low, high, _ = key_words(sessions["conversation_key"])
        order = np.lexsort((low, high))
        rows = sessions.take(pa.array(order)).combine_chunks()
        return cls(rows, high[order], hex_keys(rows["user_key"]))

    def found(self, rows: pa.Table) -> pa.Table:
        """The rows of an old shard that are of these sessions, with `key` and the position `session`."""
        keys = keys_of_hex(rows["conversation_key"])
        _, high, _ = key_words(pa.chunked_array([keys], KEY))
        if not len(high):
            return rows.append_column("key", keys).append_column("session", pa.array([], pa.int64()))
        # The sessions that can be among the rows, so that no large table of keys is made for each batch.
        first, last = np.searchsorted(self.high, high.min()), np.searchsorted(self.high, high.max(), "right")
        held = self.rows["conversation_key"].combine_chunks()[first:last]
        place = pc.add(pc.index_in(keys, value_set=held).cast(pa.int64()), int(first))
        rows = rows.append_column("key", keys).append_column("session", place)
        return rows.filter(place.is_valid()) if place.null_count else rows

    def decided(self, rows: pa.Table, policy_id: str) -> pa.Table:
        """FRAGMENT: the texts of the rows, and the rest of the decisions."""
        numbers = rows["session"].to_numpy()
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        lengths = np.diff(np.append(starts, len(numbers)))
        place = pa.array(numbers)
        columns: dict[str, Any] = {
            "key": rows["key"],
            "ordinal": pa.array(np.arange(len(numbers)) - np.repeat(starts, lengths)),
            "user_key": self.users.take(place),
            "policy_id": pa.repeat(pa.scalar(policy_id), len(numbers)),
            **{name: rows[name] for name in _KEPT},
            **{name: self.rows[of].take(place) for name, of in _DECIDED.items()},
        }
        return pa.table([_cast(columns[field.name], field) for field in FRAGMENT], schema=FRAGMENT)


def _cast(column: Any, field: pa.Field) -> Any:
    return column if column.type == field.type else column.cast(field.type)
