"""Spilled consent: rows that are read once, keyed, and stored encrypted on disk until the run ends."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import CONSENT, INSTANT, KEY
from transforms.shuffle.blobs import tables_of, to_blob
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.spill import Spill
from transforms.shuffle.temporary import temporary_folder

#: CONSENT with the instant from which a row is known.
SPILLED = pa.schema([*CONSENT, ("snapshot_at", INSTANT)])
_BATCH_ROWS = 1 << 17


class SpilledConsent(NamedTuple):
    """A batch of SPILLED rows, or a pointer to it, with the spill that has it."""

    spill: Spill
    blob: bytes

    def table(self) -> pa.Table:
        """The SPILLED rows of the batch."""
        return tables_of([self.blob], {"consent": SPILLED}, self.spill)["consent"]


class ConsentRow(NamedTuple):
    """One row of SPILLED."""

    user_key: bytes
    state: int
    decided_at: dt.datetime | None
    snapshot_at: dt.datetime


@contextlib.contextmanager
def temporary_spill(run_key: RunKey) -> Iterator[Spill]:
    """A spill in a folder for temporary files, removed at the end."""
    with temporary_folder() as folder:
        yield Spill(str(folder), run_key)


def spill_table(table: pa.Table, spill: Spill) -> SpilledConsent:
    """Writes SPILLED rows to the spill."""
    return SpilledConsent(spill, spill.put(to_blob(table, "consent")))


def spill_rows(rows: Iterable[ConsentRow], spill: Spill) -> Iterator[SpilledConsent]:
    """The rows in batches, none of them empty. Memory holds one batch."""
    batch: list[ConsentRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH_ROWS:
            yield spill_table(_table(batch), spill)
            batch.clear()
    if batch:
        yield spill_table(_table(batch), spill)


def rows_of_users(spilled: SpilledConsent, users: Iterable[bytes]) -> list[ConsentRow]:
    """The rows of a batch whose user is one of `users`."""
    table = spilled.table()
    named = table.filter(pc.is_in(table["user_key"], value_set=pa.array(list(users), KEY)))
    return [ConsentRow(*row.values()) for row in named.to_pylist()]


def _table(rows: list[ConsentRow]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SPILLED, strict=True)]
    return pa.table(arrays, schema=SPILLED)
