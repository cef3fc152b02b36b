"""Consent snapshots and deletions as Arrow tables of keys, states and instants.

Consent is refused whole when any row of it is not understood: a row that is skipped could be an opt-out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import ConsentError
from schemas.keys import KeyedHasher
from schemas.tables import CONSENT, DELETIONS, INSTANT
from transforms.consent.columns import instant_column, key_column, state_column
from transforms.consent.files import is_later, read_batches
from transforms.consent.spilled import SpilledConsent


class Snapshot(NamedTuple):
    """What the driver learns of consent before the run: that it can be read, its instants, its rows.

    `rows` are those that were snapshot at or before `as_of`. `instants` of a canonical file are all of them,
    else the oldest and the newest. `stored`: what a manifest says of a source that is no file.
    """

    path: str
    instants: tuple[dt.datetime, ...]
    rows: int = 0
    format: str = "canonical"
    stored: tuple[tuple[str, int | str], ...] = ()


def inspect_snapshot(path: str, as_of: dt.datetime) -> Snapshot:
    """The distinct `snapshot_at` of a file that are not later than `as_of`, having read every state of them.

    Raises ConsentError on a bad one. What was snapshot later is not looked at: it was not known at `as_of`,
    so it must not change what a run for that moment answers.
    """
    if is_later(path, as_of):
        return Snapshot(path, ())
    instants: set[dt.datetime] = set()
    rows = 0
    for batch in read_batches(path, ("state", "snapshot_at")):
        known = _known_rows(batch, path, as_of)
        state_column(known, path)
        rows += known.num_rows
        instants.update(value.as_py() for value in pc.unique(instant_column(known, "snapshot_at", path)))
    return Snapshot(path, tuple(sorted(instants)), rows)


def read_snapshot(path: str | SpilledConsent, hasher: KeyedHasher, as_of: dt.datetime) -> Iterator[pa.Table]:
    """CONSENT tables of the rows known at `as_of`, without repeats within a batch.

    What was kept was read for this key and this `as_of`.
    """
    if isinstance(path, SpilledConsent):
        yield path.table().select(CONSENT.names).group_by(CONSENT.names).aggregate([]).select(CONSENT.names)
        return
    if is_later(path, as_of):
        return
    for read in read_batches(path, ("user_id", "state", "decided_at", "snapshot_at")):
        batch = _known_rows(read, path, as_of)
        decided = instant_column(batch, "decided_at", path)
        known = pc.fill_null(pc.less_equal(decided, pa.scalar(as_of, INSTANT)), True)
        table = pa.table(
            [key_column(batch["user_id"], hasher.users, path, "user_id"), state_column(batch, path), decided],
            schema=CONSENT,
        )
        yield table.filter(known).group_by(CONSENT.names).aggregate([]).select(CONSENT.names)


class ConsentEvent(NamedTuple):
    """What one snapshot says of a user; `state` is a number of schemas.tables."""

    user_id: str
    state: int
    decided_at: dt.datetime | None
    snapshot_at: dt.datetime


def read_events(path: str, user_ids: Sequence[str], as_of: dt.datetime) -> Iterator[ConsentEvent]:
    """What a snapshot file says of these users, as far as it was known at `as_of`."""
    if is_later(path, as_of):
        return
    for read in read_batches(path, ("user_id", "state", "decided_at", "snapshot_at")):
        named = pc.is_in(read["user_id"].cast(pa.string()), value_set=pa.array(user_ids, pa.string()))
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


def read_deletions(path: str, hasher: KeyedHasher, as_of: dt.datetime) -> Iterator[tuple[str, pa.Table]]:
    """("user" or "conversation", DELETIONS at or before `as_of`)."""
    makers = {"user": hasher.users, "conversation": hasher.conversations}
    for batch in read_batches(path, ("kind", "id", "deleted_at")):
        unknown = set(pc.unique(batch["kind"].cast(pa.string())).to_pylist()) - set(makers)
        if unknown:
            raise ConsentError(f"{path}: column kind holds a value that is neither user nor conversation")
        deleted = instant_column(batch, "deleted_at", path)
        if deleted.null_count:
            raise ConsentError(f"{path}: a row has no deleted_at")
        for kind, maker in makers.items():
            mask = pc.and_(
                pc.equal(batch["kind"].cast(pa.string()), kind),
                pc.less_equal(deleted, pa.scalar(as_of, INSTANT)),
            )
            keys = key_column(pc.filter(batch["id"], mask), maker, path, "id")
            yield kind, pa.table([keys, pc.filter(deleted, mask)], schema=DELETIONS)


def _known_rows(batch: pa.Table, path: str, as_of: dt.datetime) -> pa.Table:
    """The rows that were snapshot at or before `as_of`; the others are not looked into."""
    instants = instant_column(batch, "snapshot_at", path)
    if instants.null_count:
        raise ConsentError(f"{path}: a row has no snapshot_at")
    return batch.filter(pc.less_equal(instants, pa.scalar(as_of, INSTANT)))
