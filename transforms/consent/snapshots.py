"""Reads consent snapshots and deletion lists as Arrow tables of keys, states and instants.

One row that cannot be interpreted refuses the whole file: a skipped row could be an opt-out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.keys import KeyedHasher
from schemas.tables import CONSENT, DELETIONS, INSTANT, KEY
from transforms.consent.columns import (
    instant_column,
    key_column,
    refuse_where,
    state_column,
    text_column,
)
from transforms.consent.files import is_later, read_batches
from transforms.consent.spilled import SpilledConsent
from transforms.sources.file_state import UNKNOWN, States

#: The instant of an erased key: before every instant that a list may have.
ERASED_AT = dt.datetime(1969, 12, 31, tzinfo=dt.UTC)


class Snapshot(NamedTuple):
    """A consent file as the driver inspects it before the run.

    `rows` counts the rows with snapshot_at at or before `as_of`. `instants` are all snapshot instants of a
    canonical file, and the oldest and the newest of another format. `stored` describes a source that is not
    a file, for the manifest.
    """

    path: str
    instants: tuple[dt.datetime, ...]
    rows: int = 0
    format: str = "canonical"
    stored: tuple[tuple[str, int | str], ...] = ()


def inspect_snapshot(path: str, as_of: dt.datetime, known: States = UNKNOWN) -> Snapshot:
    """The rows and distinct `snapshot_at` of a file up to `as_of`; their states are checked.

    Raises ConsentError for an invalid row. Later rows are not read: they were not known at `as_of`, so they
    must not change the result of a run for that instant.
    """
    if is_later(path, as_of, known):
        return Snapshot(path, ())
    instants: set[dt.datetime] = set()
    rows = 0
    for batch in read_batches(path, ("state", "snapshot_at"), known):
        current = _known_rows(batch, path, as_of)
        state_column(current, path)
        rows += current.num_rows
        instants.update(value.as_py() for value in pc.unique(instant_column(current, "snapshot_at", path)))
    return Snapshot(path, tuple(sorted(instants)), rows)


def instants_in(path: str) -> tuple[dt.datetime, ...]:
    """All distinct `snapshot_at` of a file, in order; nothing else of it is checked."""
    instants: set[dt.datetime] = set()
    for batch in read_batches(path, ("state", "snapshot_at")):
        column = instant_column(batch, "snapshot_at", path)
        instants.update(value.as_py() for value in pc.unique(column.drop_null()))
    return tuple(sorted(instants))


def read_snapshot(
    path: str | SpilledConsent, hasher: KeyedHasher, as_of: dt.datetime, states: States = UNKNOWN
) -> Iterator[pa.Table]:
    """CONSENT tables of the rows known at `as_of`, distinct within each table.

    `states`: of the files when they were digested; PipelineError for a file in another one. Spilled consent
    must have been read with the same key and the same `as_of`.
    """
    if isinstance(path, SpilledConsent):
        yield path.table().select(CONSENT.names).group_by(CONSENT.names).aggregate([]).select(CONSENT.names)
        return
    if is_later(path, as_of, states):
        return
    for read in read_batches(path, ("user_id", "state", "decided_at", "snapshot_at"), states):
        batch = _known_rows(read, path, as_of)
        decided = instant_column(batch, "decided_at", path)
        known = pc.fill_null(pc.less_equal(decided, pa.scalar(as_of, INSTANT)), True)
        table = pa.table(
            [key_column(batch, "user_id", hasher.users, path), state_column(batch, path), decided],
            schema=CONSENT,
        )
        yield table.filter(known).group_by(CONSENT.names).aggregate([]).select(CONSENT.names)


class ConsentEvent(NamedTuple):
    """A row of a snapshot with its user id; `state` is a state number of schemas.tables."""

    user_id: str
    state: int
    decided_at: dt.datetime | None
    snapshot_at: dt.datetime


def read_events(path: str, user_ids: Sequence[str], as_of: dt.datetime) -> Iterator[ConsentEvent]:
    """The rows of these users in a snapshot file that were known at `as_of`."""
    if is_later(path, as_of):
        return
    for read in read_batches(path, ("user_id", "state", "decided_at", "snapshot_at")):
        named = pc.is_in(
            text_column(read, "user_id", path, "strings"), value_set=pa.array(user_ids, pa.string())
        )
        batch = _known_rows(read.filter(named), path, as_of)
        columns = (
            batch["user_id"].cast(pa.string()).to_pylist(),
            state_column(batch, path).to_pylist(),
            instant_column(batch, "decided_at", path).to_pylist(),
            instant_column(batch, "snapshot_at", path).to_pylist(),
        )
        for row in map(ConsentEvent._make, zip(*columns, strict=True)):
            if row.decided_at is None or row.decided_at <= as_of:
                yield row


class ErasedKeys(NamedTuple):
    """Keys that `forget` erased from the dataset. They count as deleted at any time."""

    kind: str
    keys: tuple[bytes, ...]


def read_deletions(
    path: str | ErasedKeys, hasher: KeyedHasher, as_of: dt.datetime, states: States = UNKNOWN
) -> Iterator[tuple[str, pa.Table]]:
    """("user" or "conversation", DELETIONS at or before `as_of`), for each batch of the file.

    `states`: see `read_snapshot`.
    """
    if isinstance(path, ErasedKeys):
        since = pa.repeat(pa.scalar(ERASED_AT, INSTANT), len(path.keys))
        yield path.kind, pa.table([pa.array(path.keys, KEY), since], schema=DELETIONS)
        return
    makers = {"user": hasher.users, "conversation": hasher.conversations}
    for batch in read_batches(path, ("kind", "id", "deleted_at"), states):
        kinds = text_column(batch, "kind", path, "user or conversation")
        unknown = pc.invert(pc.is_in(kinds, value_set=pa.array([*makers])))
        refuse_where(unknown, batch, path, "column kind holds a value that is neither user nor conversation")
        deleted = instant_column(batch, "deleted_at", path)
        refuse_where(pc.is_null(deleted), batch, path, "a row has no deleted_at")
        known = pc.less_equal(deleted, pa.scalar(as_of, INSTANT))
        for kind, maker in makers.items():
            mask = pc.equal(kinds, kind)
            keys = key_column(batch.filter(mask), "id", maker, path)
            table = pa.table([keys, pc.filter(deleted, mask)], schema=DELETIONS)
            yield kind, table.filter(pc.filter(known, mask))


def _known_rows(batch: pa.Table, path: str, as_of: dt.datetime) -> pa.Table:
    """The rows with snapshot_at at or before `as_of`. The other rows are not checked."""
    instants = instant_column(batch, "snapshot_at", path)
    refuse_where(pc.is_null(instants), batch, path, "a row has no snapshot_at")
    return batch.filter(pc.less_equal(instants, pa.scalar(as_of, INSTANT)))
