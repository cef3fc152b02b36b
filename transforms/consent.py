"""Consent snapshots and deletions as Arrow tables of keys, states and instants.

Consent is refused whole when any row of it is not understood: a row that is skipped could be an opt-out.
"""

from __future__ import annotations

import datetime as dt
import re
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from schemas.errors import ConsentError, InputError
from schemas.keys import KeyedHasher
from schemas.tables import CONSENT, DELETIONS, GRANTED, INSTANT, KEY, REFUSED, UNDECIDED

_STATES = {
    None: UNDECIDED,
    "": UNDECIDED,
    "granted": GRANTED,
    "true": GRANTED,
    "refused": REFUSED,
    "false": REFUSED,
}
_PATH_INSTANT = re.compile(r"(?:^|[/\\])snapshot_at=([^/\\]+)")
_BATCH_ROWS = 1 << 17


class Snapshot(NamedTuple):
    """What the driver learns of a snapshot file before the run: that it can be read, its instants, its rows.

    `rows` are those that were snapshot at or before `as_of`.
    """

    path: str
    instants: tuple[dt.datetime, ...]
    rows: int = 0


def inspect_snapshot(path: str, as_of: dt.datetime) -> Snapshot:
    """The distinct `snapshot_at` of a file that are not later than `as_of`, having read every state of them.

    Raises ConsentError on a bad one. What was snapshot later is not looked at: it was not known at `as_of`,
    so it must not change what a run for that moment answers.
    """
    if _is_later(path, as_of):
        return Snapshot(path, ())
    instants: set[dt.datetime] = set()
    rows = 0
    for batch in _batches(path, ("state", "snapshot_at")):
        known = _known_rows(batch, path, as_of)
        _states(known, path)
        rows += known.num_rows
        instants.update(value.as_py() for value in pc.unique(_instants(known, "snapshot_at", path)))
    return Snapshot(path, tuple(sorted(instants)), rows)


def read_snapshot(path: str, hasher: KeyedHasher, as_of: dt.datetime) -> Iterator[pa.Table]:
    """CONSENT tables of the rows known at `as_of`, without repeats within a batch."""
    if _is_later(path, as_of):
        return
    for read in _batches(path, ("user_id", "state", "decided_at", "snapshot_at")):
        batch = _known_rows(read, path, as_of)
        decided = _instants(batch, "decided_at", path)
        known = pc.fill_null(pc.less_equal(decided, pa.scalar(as_of, INSTANT)), True)
        table = pa.table(
            [_keys(batch["user_id"], hasher.users, path, "user_id"), _states(batch, path), decided],
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
    if _is_later(path, as_of):
        return
    for read in _batches(path, ("user_id", "state", "decided_at", "snapshot_at")):
        named = pc.is_in(read["user_id"].cast(pa.string()), value_set=pa.array(user_ids, pa.string()))
        batch = _known_rows(read.filter(named), path, as_of)
        columns = (
            batch["user_id"].cast(pa.string()).to_pylist(),
            _states(batch, path).to_pylist(),
            _instants(batch, "decided_at", path).to_pylist(),
            _instants(batch, "snapshot_at", path).to_pylist(),
        )
        for row in map(ConsentEvent._make, zip(*columns, strict=True)):
            if row.decided_at is None or row.decided_at <= as_of:
                yield row


def read_deletions(path: str, hasher: KeyedHasher, as_of: dt.datetime) -> Iterator[tuple[str, pa.Table]]:
    """("user" or "conversation", DELETIONS at or before `as_of`)."""
    makers = {"user": hasher.users, "conversation": hasher.conversations}
    for batch in _batches(path, ("kind", "id", "deleted_at")):
        unknown = set(pc.unique(batch["kind"].cast(pa.string())).to_pylist()) - set(makers)
        if unknown:
            raise ConsentError(f"{path}: column kind holds a value that is neither user nor conversation")
        deleted = _instants(batch, "deleted_at", path)
        if deleted.null_count:
            raise ConsentError(f"{path}: a row has no deleted_at")
        for kind, maker in makers.items():
            mask = pc.and_(
                pc.equal(batch["kind"].cast(pa.string()), kind),
                pc.less_equal(deleted, pa.scalar(as_of, INSTANT)),
            )
            keys = _keys(pc.filter(batch["id"], mask), maker, path, "id")
            yield kind, pa.table([keys, pc.filter(deleted, mask)], schema=DELETIONS)


def _batches(path: str, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """Tables of a Parquet or CSV file with all of `columns`; snapshot_at may come from the path."""
    try:
        if path.endswith(".parquet"):
            yield from _parquet_batches(path, columns)
        elif path.endswith((".csv", ".csv.gz")):
            yield from _csv_batches(path, columns)
        else:
            raise ConsentError(f"{path}: expected a .parquet or .csv file")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise ConsentError(
            f"{path}: cannot be read ({error.strerror or 'damaged or not the format it is named for'})"
        ) from None
    except pa.ArrowException:
        raise ConsentError(f"{path}: damaged, or not the format it is named for") from None


def _parquet_batches(path: str, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        present = [name for name in columns if name in file.schema_arrow.names]
        _require(path, columns, present)
        for batch in file.iter_batches(_BATCH_ROWS, columns=present, use_threads=False):
            yield _with_path_instant(pa.Table.from_batches([batch]), columns, path)


def _csv_batches(path: str, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    with pa.csv.open_csv(path, convert_options=convert) as reader:
        present = [name for name in columns if name in reader.schema.names]
        _require(path, columns, present)
        for batch in reader:
            yield _with_path_instant(pa.Table.from_batches([batch]).select(present), columns, path)


def _require(path: str, columns: tuple[str, ...], present: list[str]) -> None:
    missing = [name for name in columns if name not in present]
    if missing == ["snapshot_at"] and _PATH_INSTANT.search(path):
        return
    if missing:
        raise ConsentError(f"{path}: column {missing[0]} is missing; expected {', '.join(columns)}")


def _with_path_instant(table: pa.Table, columns: tuple[str, ...], path: str) -> pa.Table:
    if "snapshot_at" not in columns or "snapshot_at" in table.column_names:
        return table
    instant = _path_instant(path)
    if instant is None:
        raise ConsentError(f"{path}: snapshot_at= in the path is not an RFC 3339 time or a date")
    return table.append_column("snapshot_at", pa.repeat(pa.scalar(instant, INSTANT), table.num_rows))


def _path_instant(path: str) -> dt.datetime | None:
    """The instant after `snapshot_at=` in a path, None where there is none that can be read."""
    found = _PATH_INSTANT.search(path)
    text = urllib.parse.unquote(found.group(1)) if found else ""
    # A date alone is how daily snapshot folders are named: midnight UTC, the earliest it can mean.
    return _parse_instant(text + "T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text)


def _is_later(path: str, as_of: dt.datetime) -> bool:
    """True for a file that its path dates after `as_of`, without a column of its own to say otherwise."""
    instant = _path_instant(path)
    if instant is None or instant <= as_of:
        return False
    try:
        if path.endswith(".parquet"):
            return "snapshot_at" not in pq.read_schema(path).names
        with pa.csv.open_csv(path) as reader:
            return "snapshot_at" not in reader.schema.names
    except (OSError, pa.ArrowException):
        return True


def _known_rows(batch: pa.Table, path: str, as_of: dt.datetime) -> pa.Table:
    """The rows that were snapshot at or before `as_of`; the others are not looked into."""
    instants = _instants(batch, "snapshot_at", path)
    if instants.null_count:
        raise ConsentError(f"{path}: a row has no snapshot_at")
    return batch.filter(pc.less_equal(instants, pa.scalar(as_of, INSTANT)))


def _states(batch: pa.Table, path: str) -> pa.Array:
    column = batch["state"].combine_chunks()
    if pa.types.is_boolean(column.type):
        column = pc.if_else(column, "true", "false")
    if not _is_text(column.type) and not pa.types.is_null(column.type):
        raise ConsentError(f"{path}: column state has type {column.type}; expected granted, refused or null")
    texts = column.cast(pa.string())
    words = pc.unique(texts)
    numbers = []
    for word in words.to_pylist():
        known = word.lower() if word in ("True", "False", "TRUE", "FALSE") else word
        if known not in _STATES:
            raise ConsentError(
                f"{path}: column state holds a value that is neither granted, refused nor null"
            )
        numbers.append(_STATES[known])
    found = pc.index_in(texts, value_set=words, skip_nulls=False)
    return pa.array(numbers, pa.int8()).take(found)


def _instants(batch: pa.Table, name: str, path: str) -> pa.Array:
    column = batch[name].combine_chunks()
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise ConsentError(f"{path}: column {name} has no time zone; expected times with an offset")
        return column.cast(INSTANT, safe=False)
    if pa.types.is_null(column.type):
        return column.cast(INSTANT)
    if not _is_text(column.type):
        raise ConsentError(
            f"{path}: column {name} has type {column.type}; expected a timestamp with time zone"
        )
    texts = column.cast(pa.string())
    words = pc.unique(texts)
    parsed = [None if word in (None, "") else _parse_instant(word) for word in words.to_pylist()]
    if any(
        value is None and word not in (None, "")
        for value, word in zip(parsed, words.to_pylist(), strict=True)
    ):
        raise ConsentError(f"{path}: column {name} holds a value that is not an RFC 3339 time with an offset")
    return pa.array(parsed, INSTANT).take(pc.index_in(texts, value_set=words, skip_nulls=False))


def _keys(
    ids: pa.ChunkedArray, maker: Callable[[Sequence[bytes]], list[bytes]], path: str, name: str
) -> pa.Array:
    column: Any = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if pa.types.is_integer(column.type):
        raise ConsentError(f"{path}: column {name} holds numbers; expected strings")
    texts = column.cast(pa.string())
    words = pc.unique(texts)
    values = words.to_pylist()
    if any(value is None or not value.strip() for value in values):
        raise ConsentError(f"{path}: a row has no {name}")
    keys = maker([value.encode() for value in values])
    return pa.array(keys, KEY).take(pc.index_in(texts, value_set=words))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _parse_instant(text: str) -> dt.datetime | None:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if instant.tzinfo is None else instant.astimezone(dt.UTC)
