"""A bad row of a list is refused with file, row and column, in every format, and never with its value."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import ConsentError, InputError
from schemas.keys import KeyedHasher
from tests.support.given_twice import SPELLINGS, given_twice
from transforms.consent.snapshots import inspect_snapshot, read_deletions, read_snapshot

HASHER = KeyedHasher(bytes(32))
AS_OF = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CANARY = "canary-4711"
GOOD = {
    "user_id": CANARY,
    "state": "granted",
    "decided_at": "2025-10-01T00:00:00Z",
    "snapshot_at": "2025-12-01T00:00:00Z",
}
DELETION = {"kind": "user", "id": CANARY, "deleted_at": "2025-12-01T00:00:00Z"}


def read_all(path: Path, row: dict[str, str] = GOOD) -> int:
    """The rows of a snapshot or deletion list, read as the driver and then the workers read it."""
    if "id" in row:
        return sum(table.num_rows for _, table in read_deletions(str(path), HASHER, AS_OF))
    inspect_snapshot(str(path), AS_OF)
    return sum(table.num_rows for table in read_snapshot(str(path), HASHER, AS_OF))


def refusal(path: Path, row: dict[str, str] = GOOD) -> str:
    with pytest.raises(ConsentError) as refused:
        read_all(path, row)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert CANARY not in message
    return message.removeprefix(f"{path}: ")


def write(folder: Path, kind: str, rows: list[dict[str, str | None]]) -> Path:
    path = folder / f"list.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in rows[0]])), path)
    else:
        lines = [",".join(rows[0]), *(",".join(value or "" for value in row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    return path


UNCLEAN = [
    " {}",
    "{} ",
    "\u00a0{}",
    "{}\u2003",
    "\ufeff{}",
    "{}\u200b",
    "\u2060{}",
    "{}\x7f",
    "{}\t",
    "a\x01{}",
]
BAD = [
    *(("user_id", spelling.format(CANARY), "would match nothing") for spelling in UNCLEAN),
    ("user_id", None, "a row has no user_id"),
    ("user_id", "   ", "a row has no user_id"),
    ("user_id", CANARY * 100, "column user_id is over 1024 bytes"),
    ("state", f"yes {CANARY}", "column state holds a value"),
    ("decided_at", "2025-10-01T00:00:00", "column decided_at holds a value that is not an RFC 3339 time"),
    ("decided_at", f"{CANARY}", "column decided_at holds a value that is not an RFC 3339 time"),
    ("decided_at", "0001-01-01T00:00:00Z", "column decided_at: expected times from 1970 to 2199"),
    ("decided_at", "9999-12-31T23:59:59Z", "column decided_at: expected times from 1970 to 2199"),
    ("snapshot_at", None, "a row has no snapshot_at"),
    ("snapshot_at", "2025-12-01T00:00:00", "column snapshot_at holds a value that is not an RFC 3339 time"),
    ("snapshot_at", "2200-01-01T00:00:00Z", "column snapshot_at: expected times from 1970 to 2199"),
]
BAD_DELETIONS = [
    *(("id", spelling.format(CANARY), "would match nothing") for spelling in UNCLEAN),
    ("id", None, "a row has no id"),
    ("kind", CANARY, "column kind holds a value that is neither user nor conversation"),
    ("kind", None, "column kind holds a value that is neither user nor conversation"),
    ("kind", "user ", "column kind holds a value that is neither user nor conversation"),
    ("deleted_at", None, "a row has no deleted_at"),
    ("deleted_at", "2025-12-01", "column deleted_at holds a value that is not an RFC 3339 time"),
    ("deleted_at", "1969-12-31T23:59:59Z", "column deleted_at: expected times from 1970 to 2199"),
]
CASES = [
    *((GOOD, column, value, why) for column, value, why in BAD),
    *((DELETION, column, value, why) for column, value, why in BAD_DELETIONS),
]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(("row", "column", "value", "why"), CASES)
def test_a_bad_cell_is_refused_with_its_row(
    tmp_path: Path, kind: str, row: dict[str, str], column: str, value: str | None, why: str
) -> None:
    """The row may be an opt-out or an erasure, so it is neither skipped nor repaired."""
    path = write(tmp_path, kind, [dict(row), dict(row), {**row, column: value}])
    message = refusal(path, row)
    assert message.startswith("row 3: ")
    assert why in message
    assert read_all(write(tmp_path, kind, [dict(row), dict(row)]), row) >= 1


@pytest.mark.parametrize("row", [GOOD, DELETION])
def test_a_column_given_twice_is_refused(tmp_path: Path, row: dict[str, str]) -> None:
    """Readers take one of the two, or none: which one counts is not known."""
    for name in row:
        names, cells = [*row, name], [*row.values(), row[name]]
        table = pa.Table.from_arrays([pa.array([cell]) for cell in cells], names)
        pq.write_table(table, tmp_path / "list.parquet")
        (tmp_path / "list.csv").write_text(f"{','.join(names)}\n{','.join(cells)}\n")
        for kind in ("parquet", "csv"):
            assert refusal(tmp_path / f"list.{kind}", row) == f"column {name} occurs twice; keep one"


@pytest.mark.parametrize("row", [GOOD, DELETION])
def test_a_key_given_twice_is_refused_however_it_is_spelled(tmp_path: Path, row: dict[str, str]) -> None:
    """Of two values, one may be the opt-out; names are compared decoded."""
    path = tmp_path / "list.jsonl"
    for name, spelling, first in itertools.product(row, SPELLINGS, (True, False)):
        twice = given_twice(row, (name,), spelling, row[name], first=first)
        path.write_text(f"{json.dumps(row)}\n{twice}\n")
        assert refusal(path, row).startswith("line 2: expected one JSON object, each key once")
    path.write_text(json.dumps(row).replace(CANARY, f"\\u0063{CANARY[1:]}") + "\n")
    assert read_all(path, row) >= 1


@pytest.mark.parametrize(
    "name", ["a b", "é", "名前", "a\u200db", "a\u00a0b", "o'neil@example.com", "c" * 1024]
)
def test_an_id_may_hold_white_space_inside(tmp_path: Path, name: str) -> None:
    """Only what a system could trim is ambiguous."""
    assert read_all(write(tmp_path, "parquet", [{**GOOD, "user_id": name}])) == 1


def test_the_row_is_counted_over_batches(tmp_path: Path) -> None:
    """A large file is read in pieces; a row number within a piece would point to another row."""
    rows: list[dict[str, str | None]] = [{**GOOD, "user_id": f"u{n}"} for n in range(150_000)]
    rows[140_000]["user_id"] = " x"
    for kind in ("csv", "parquet"):
        assert refusal(write(tmp_path, kind, rows)).startswith("row 140001: ")


def test_rows_after_as_of_are_not_checked_and_are_counted(tmp_path: Path) -> None:
    """They were not known at as_of; yet the number of a bad row counts them."""
    later: dict[str, str | None] = {**GOOD, "user_id": " x", "snapshot_at": "2026-02-01T00:00:00Z"}
    assert read_all(write(tmp_path, "csv", [later, dict(GOOD)])) == 1
    assert refusal(write(tmp_path, "csv", [later, dict(GOOD), {**GOOD, "user_id": ""}])).startswith("row 3: ")


_AT = pa.array([AS_OF - dt.timedelta(days=9)], pa.timestamp("us", tz="UTC"))


@pytest.mark.parametrize(
    ("column", "array", "why"),
    [
        ("user_id", pa.array([4711]), "expected strings"),
        ("user_id", pa.array([4711.5]), "expected strings"),
        ("user_id", pa.array([True]), "expected strings"),
        ("user_id", _AT, "expected strings"),
        ("user_id", pa.array([[CANARY]]), "expected strings"),
        ("user_id", pa.array([{"a": CANARY}]), "expected strings"),
        ("user_id", pa.array([b"\xff\xfe"]), "row 1: column user_id is not valid UTF-8"),
        ("user_id", pa.array([None], pa.null()), "row 1: a row has no user_id"),
        ("state", pa.array([1]), "expected granted, refused or null"),
        ("state", pa.array([b"\xff"]), "row 1: column state is not valid UTF-8"),
        ("decided_at", pa.array([20_000], pa.date32()), "expected a timestamp with time zone"),
        ("decided_at", pa.array([1_700_000_000]), "expected a timestamp with time zone"),
        ("decided_at", _AT.cast(pa.timestamp("us")), "column decided_at has no time zone"),
        (
            "decided_at",
            pa.array([2**62], pa.timestamp("ms", tz="UTC")),
            "row 1: column decided_at: expected times",
        ),
        ("snapshot_at", _AT.cast(pa.timestamp("us")), "column snapshot_at has no time zone"),
        ("snapshot_at", pa.array([None], pa.timestamp("us", tz="UTC")), "row 1: a row has no snapshot_at"),
    ],
)
def test_a_column_of_another_type_is_refused(tmp_path: Path, column: str, array: pa.Array, why: str) -> None:
    """An id 4711 as a number may be written 04711 or 4711.0 in the logs."""
    columns = {
        "user_id": pa.array([CANARY]),
        "state": pa.array(["granted"]),
        "decided_at": _AT,
        "snapshot_at": _AT,
    }
    pq.write_table(pa.table({**columns, column: array}), tmp_path / "c.parquet")
    assert why in refusal(tmp_path / "c.parquet")


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.binary()]
)
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_every_type_of_text_and_time_is_read(tmp_path: Path, kind: pa.DataType, unit: str) -> None:
    """Parquet writers choose them, and the content is the same."""
    at = _AT.cast(pa.timestamp(unit, tz="UTC"))
    texts = {name: pa.array([GOOD[name]]).cast(kind) for name in ("user_id", "state")}
    pq.write_table(
        pa.table({**texts, "decided_at": at, "snapshot_at": at, "extra": [1]}), tmp_path / "c.parquet"
    )
    read = [*read_snapshot(str(tmp_path / "c.parquet"), HASHER, AS_OF)]
    assert read[0]["user_key"].to_pylist() == [HASHER.user(CANARY)]


HEAD = ",".join(GOOD).encode()
ROW = ",".join(GOOD.values()).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (HEAD + b",user_id\n" + ROW + b",x\n", "column user_id occurs twice"),
        (HEAD.replace(b"state", b"State") + b"\n" + ROW + b"\n", "column state is missing"),
        (HEAD + b"\n" + ROW + b"\n" + ROW + b",x\n", "row 2: has 5 fields; expected 4"),
        (HEAD + b"\n" + ROW + b"\nx\n", "row 2: has 1 fields; expected 4"),
        (HEAD + b"\n" + ROW + b'\n"' + ROW + b"\n" + ROW + b"\n", "fields; expected 4"),
        (HEAD + b",n\n" + ROW + b',"a\n' + ROW + b',b"\n', "row 1: field 5 has a line break"),
        (
            HEAD + b"\n" + ROW.replace(b"canary", b"can\xffary") + b"\n",
            "row 1: column user_id is not valid UTF-8",
        ),
        (HEAD + b"\n" + ROW.replace(b"canary", b"can\0ary") + b"\n", "row 1: column user_id has white space"),
        (HEAD + b",\xff\n" + ROW + b",x\n", "damaged"),
        ((HEAD + b"\n" + ROW).decode().encode("utf-16"), "damaged"),
        (HEAD + b"\n" + b"x" * 3_000_000 + ROW + b"\n", "damaged"),
    ],
)
def test_a_bent_csv_file_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    """A quote that is not closed hides the rows below it, and an opt-out may be among them."""
    (tmp_path / "c.csv").write_bytes(data)
    assert why in refusal(tmp_path / "c.csv")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    """Spreadsheets write both."""
    (tmp_path / "c.csv").write_bytes(b"\xef\xbb\xbf" + HEAD + b"\r\n" + ROW + b"\r\n\r\n")
    assert read_all(tmp_path / "c.csv") == 1


def test_a_surplus_column_may_hold_anything_on_one_line(tmp_path: Path) -> None:
    """A note is read as text: its type must not depend on the first rows."""
    notes = b"".join(ROW + b",%d\n" % n for n in range(70_000)) + ROW + b",see ticket\n"
    (tmp_path / "c.csv").write_bytes(HEAD + b",note\n" + notes)
    assert read_all(tmp_path / "c.csv") >= 1


def test_a_truncated_gzip_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    """A copy that was cut has lost rows without a trace in the rows before."""
    whole = gzip.compress(HEAD + b"\n" + (ROW + b"\n") * 50_000)
    for cut in (10, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        (tmp_path / "c.csv.gz").write_bytes(whole[:cut])
        refusal(tmp_path / "c.csv.gz")
    for name in ("d.csv", "d.parquet", "d.jsonl"):
        (tmp_path / name).mkdir()
        refusal(tmp_path / name)


def bent(rng: random.Random, data: bytes) -> bytes:
    """The data with one to three small damages."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(data) + 1)
        size = rng.choice((0, 1, 1, 2, 8, 200))
        piece = rng.choice(
            (b"", b'"', b",", b"\n", b"\r", b"\0", b"\xff", b" ", b"\xef\xbb\xbf", b"PAR1", data[:9])
        )
        data = data[:place] + piece + data[place + size :]
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.2 else data


def bent_files(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    rng = random.Random(17)
    for row in (GOOD, DELETION):
        rows: list[dict[str, Any]] = [
            {**row, next(k for k in row if k.endswith("id")): f"{CANARY}-{n}"} for n in range(9)
        ]
        for kind in ("csv", "parquet"):
            data = write(folder, kind, rows).read_bytes()
            for _ in range(150):
                path = folder / f"bent.{kind}"
                path.write_bytes(bent(rng, data))
                yield path, row
                if kind == "csv":
                    path = folder / "bent.csv.gz"
                    path.write_bytes(bent(rng, gzip.compress(data)))
                    yield path, row


def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    """Damage is found while reading, where an unforeseen error would be a traceback with values."""
    refused = [(path, error) for path, row in bent_files(tmp_path) if (error := error_of(path, row))]
    assert len(refused) > 400
    for path, error in refused:
        assert error.startswith(f"{path}: ")
        assert "\n" not in error
        assert CANARY not in error


def error_of(path: Path, row: dict[str, str]) -> str | None:
    try:
        read_all(path, row)
    except (ConsentError, InputError) as error:
        return str(error)
    return None
