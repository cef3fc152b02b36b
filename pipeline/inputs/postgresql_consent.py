"""Reads consent rows from a PostgreSQL table or query, once and before the graph runs; keys the user ids."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.inputs.config import Settings
from pipeline.inputs.postgresql import Transaction, quoted_name, transaction
from pipeline.inputs.variables import expand
from schemas.consent_config import PostgresqlSource
from schemas.errors import ConsentError
from schemas.keys import KeyedHasher
from schemas.tables import GRANTED, INSTANT
from transforms.consent.columns import (
    ROW,
    instant_column,
    key_column,
    numbered,
    refuse_where,
    refuse_years,
    state_column,
)
from transforms.consent.snapshots import Snapshot
from transforms.consent.spilled import SPILLED, SpilledConsent, spill_table
from transforms.shuffle.instants import column_micros
from transforms.shuffle.spill import Spill

#: A row as it enters the digest: key, state, and two instants in microseconds; little-endian.
_DIGESTED = np.dtype([("user_key", "S16"), ("state", "i1"), ("decided_at", "<i8"), ("snapshot_at", "<i8")])


def read_table(
    settings: Settings, where: str, source: PostgresqlSource, hasher: KeyedHasher, spill: Spill
) -> tuple[Snapshot, list[SpilledConsent]]:
    """The snapshot for report and manifest, and the rows known at `as_of`, spilled batch by batch.

    Raises ConsentError for an invalid row, ConfigError for an environment variable that is not set. A table
    without a `snapshot_at` column shows the present only, so an earlier `as_of` is an error.
    """
    with _opened(settings, where, source) as (opened, rows):
        kept = [spill_table(table, spill) for table in rows.kept(opened, hasher)]
    return rows.snapshot(), kept


def check_table(
    settings: Settings, where: str, source: PostgresqlSource, hasher: KeyedHasher, spill: Spill
) -> tuple[Snapshot, list[SpilledConsent]]:
    """A snapshot of no rows that is known at `as_of`, after the server planned the query; raises the same.

    No row is read, so neither the age nor the content of the rows is known.
    """
    del hasher, spill
    with _opened(settings, where, source) as (opened, rows):
        rows.check(opened)
    return rows.snapshot()._replace(instants=(settings.as_of,)), []


@contextlib.contextmanager
def _opened(settings: Settings, where: str, source: PostgresqlSource) -> Iterator[tuple[Transaction, _Rows]]:
    place = f"{settings.path}: {where}"
    uri = expand(source.uri.get_secret_value(), f"{place}.uri", "set it to the connection string")
    with transaction(uri, place) as opened:
        yield opened, _Rows(settings, place, source, opened.now)


class _Rows:
    """Converts rows of the table to SPILLED, and counts and digests them."""

    def __init__(self, settings: Settings, place: str, source: PostgresqlSource, now: dt.datetime) -> None:
        self._place = place
        self._source = source
        self._as_of = settings.as_of
        self._known_at: dt.datetime | None = None
        if source.columns.snapshot_at is None:
            if settings.config.as_of is not None and now > settings.as_of:
                raise ConsentError(
                    f"{place}: without snapshot_at the rows are of {now:%Y-%m-%dT%H:%M:%SZ}, after as_of; "
                    "remove as_of, or give the column with the export times"
                )
            # as_of is fixed shortly before `now`; decisions made in between are filtered by decided_at.
            self._known_at = min(now, settings.as_of)
        self._digest = hashlib.sha256()
        self._count = 0
        self._instants: set[dt.datetime] = set()

    def kept(self, opened: Transaction, hasher: KeyedHasher) -> Iterator[pa.Table]:
        """The rows known at `as_of` as SPILLED tables, ordered by user id; errors count them."""
        row = 1
        for table in opened.tables(self._query()):
            read = numbered(table, row)
            row += table.num_rows
            snapshot_at = self._times(read, "snapshot_at")
            missing = pc.is_null(snapshot_at)
            refuse_where(missing, read, self._place, "a row has no snapshot_at; fill in the column")
            known = pc.less_equal(snapshot_at, pa.scalar(self._as_of, INSTANT))
            batch, snapshot_at = read.filter(known), snapshot_at.filter(known)
            state = state_column(batch, self._place)
            columns = [
                key_column(batch, "user_id", hasher.users, self._place),
                state,
                self._times(batch, "decided_at", state),
                snapshot_at,
            ]
            keyed = pa.table(columns, schema=SPILLED)
            self._count_and_digest(keyed)
            decided = pc.less_equal(keyed["decided_at"], pa.scalar(self._as_of, INSTANT))
            if keyed.num_rows:
                yield keyed.filter(pc.fill_null(decided, True))

    def check(self, opened: Transaction) -> None:
        """Raises ConsentError if the columns cannot be read; no row is fetched."""
        for table in opened.tables(f"SELECT * FROM ({self._query()}) AS rows LIMIT 0"):  # noqa: S608
            for name in ("decided_at", "snapshot_at"):
                self._times(numbered(table, 1), name)

    def snapshot(self) -> Snapshot:
        """The table as report and manifest name it; call it after `kept`."""
        ends = tuple(sorted({min(self._instants), max(self._instants)})) if self._instants else ()
        digest = (("bytes", self._count * _DIGESTED.itemsize), ("sha256", self._digest.hexdigest()))
        name = f"postgresql:{self._source.table or 'query'}"
        return Snapshot(name, ends, self._count, self._source.format, digest)

    def _query(self) -> str:
        """The query, ordered by bytes and not by the database's collation: equal rows give equal digests."""
        source, columns = self._source, self._source.columns
        if source.query:
            rows = f"({source.query.strip().rstrip(';')}\n)"
        else:
            rows = ".".join(map(quoted_name, (source.table or "").split(".")))
        text = '{}::text COLLATE "C" AS {}'.format
        selected = (
            text(f"q.{quoted_name(columns.user_id)}", "user_id"),
            text(f"q.{quoted_name(columns.state)}", "state"),
            f"q.{quoted_name(columns.decided_at)} AS decided_at",
            f"q.{quoted_name(columns.snapshot_at)} AS snapshot_at" if columns.snapshot_at else "NULL",
        )
        # Names are quoted. A query comes from the configuration and runs in a read-only transaction.
        return f"SELECT {', '.join(selected)} FROM {rows} AS q ORDER BY 1, 3, 4, 2"  # noqa: S608

    def _times(self, batch: pa.Table, name: str, state: pa.Array | None = None) -> pa.Array:
        """A column of instants; ConsentError for a time outside _YEARS."""
        if name == "snapshot_at" and self._known_at is not None:
            return pa.repeat(pa.scalar(self._known_at, INSTANT), batch.num_rows)
        column = batch[name].combine_chunks()
        if pa.types.is_timestamp(column.type):
            refuse_years(column, batch, name, self._place)
            if column.type.tz is None and self._source.time_zone:
                column = self._in_zone(column, state)
            batch = pa.table({name: column, ROW: batch[ROW]})
        elif pa.types.is_temporal(column.type):
            raise ConsentError(f"{self._place}: column {name}: expected timestamp with time zone")
        return instant_column(batch, name, self._place)

    def _in_zone(self, column: pa.Array, state: pa.Array | None) -> pa.Array:
        """In the hour that clocks show twice, a grant gets the later time, so it never counts too early."""
        zone = self._source.time_zone
        early, late = (
            pc.assume_timezone(column, zone, ambiguous=each, nonexistent=each).cast(INSTANT)
            for each in ("earliest", "latest")
        )
        return early if state is None else pc.if_else(pc.equal(state, GRANTED), late, early)

    def _count_and_digest(self, table: pa.Table) -> None:
        rows = np.zeros(table.num_rows, _DIGESTED)
        rows["user_key"] = np.array(table["user_key"].to_pylist(), "S16")
        rows["state"] = table["state"].to_numpy()
        rows["decided_at"] = column_micros(table["decided_at"])
        # The time of reading is not part of the content.
        rows["snapshot_at"] = 0 if self._known_at else column_micros(table["snapshot_at"])
        self._digest.update(rows.tobytes())
        self._count += table.num_rows
        if table.num_rows:
            ends = pc.min_max(table["snapshot_at"]).as_py()
            self._instants.update(ends.values())
