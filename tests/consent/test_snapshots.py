"""Snapshots and deletion lists: every accepted form, and no row that is skipped in silence."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from schemas.errors import ConsentError
from schemas.keys import KeyedHasher
from schemas.tables import GRANTED, REFUSED, UNDECIDED
from transforms.consent.snapshots import Snapshot, inspect_snapshot, read_deletions, read_snapshot

HASHER = KeyedHasher(bytes(32))
AS_OF = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HEAD = "user_id,state,decided_at,snapshot_at\n"


def rows(path: Path) -> set[tuple[bytes, int, dt.datetime | None]]:
    return {
        tuple(row.values()) for table in read_snapshot(str(path), HASHER, AS_OF) for row in table.to_pylist()
    }


def test_csv_parquet_and_json_lines_give_the_same_rows(tmp_path: Path) -> None:
    """Consent systems export any of them."""
    at = dt.datetime(2025, 10, 1, tzinfo=dt.UTC)
    (tmp_path / "c.csv").write_text(
        HEAD + "u1,granted,2025-10-01T00:00:00Z,2025-12-01T00:00:00Z\n"
        "u2,false,2025-10-01T02:00:00+02:00,2025-12-01T00:00:00Z\n"
        "u3,,,2025-12-01T00:00:00Z\n"
    )
    stamp = pa.timestamp("ms", tz="Europe/Berlin")
    table = pa.table(
        {
            "user_id": ["u1", "u2", "u3"],
            "state": ["true", "refused", None],
            "decided_at": pa.array([at, at, None], stamp),
            "snapshot_at": pa.array([AS_OF - dt.timedelta(days=31)] * 3, stamp),
        }
    )
    pq.write_table(table, tmp_path / "c.parquet")
    wanted = {
        (HASHER.user("u1"), GRANTED, at),
        (HASHER.user("u2"), REFUSED, at),
        (HASHER.user("u3"), UNDECIDED, None),
    }
    lines = (
        b'{"user_id":"u1","state":true,"decided_at":"2025-10-01T00:00:00Z","snapshot_at":"2025-12-01T00:00:00Z"}\n'
        b'{"user_id":"u2","state":"refused","decided_at":"2025-10-01T02:00:00+02:00",'
        b'"snapshot_at":"2025-12-01T00:00:00Z","channel":"app"}\n\n'
        b'{"user_id":"u3","state":null,"decided_at":null,"snapshot_at":"2025-12-01T00:00:00Z"}\n'
    )
    (tmp_path / "c.jsonl").write_bytes(lines)
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "c.ndjson.zst").write_bytes(zstandard.ZstdCompressor().compress(lines))
    assert rows(tmp_path / "c.csv") == rows(tmp_path / "c.parquet") == wanted
    assert all(rows(tmp_path / name) == wanted for name in ("c.jsonl", "c.jsonl.gz", "c.ndjson.zst"))


LINE = '{"user_id":"u1","state":"granted","decided_at":null,"snapshot_at":"2025-12-01T00:00:00Z"}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LINE + LINE.replace("granted", "opted_in"), "column state .*: 'opted_in'"),
        (LINE + LINE.replace("granted", "jo@example.org"), "column state .* null: a text that is no plain"),
        (LINE + LINE.replace('"state"', '"State"'), "line 2: state is missing"),
        (LINE + LINE.replace('"granted"', "1"), "line 2: state is neither"),
        (LINE + LINE.replace('"u1"', "7"), "line 2: user_id is neither"),
        (LINE + LINE.replace('"u1"', "true"), "line 2: user_id is a boolean"),
        (LINE + LINE.replace('"granted"', '"refused","state":"granted"'), "line 2: expected one JSON object"),
        (LINE + "[1]\n", "line 2: expected one JSON object"),
        (LINE + LINE[:-20], "line 2: expected one JSON object"),
        (LINE.replace(',"snapshot_at":"2025-12-01T00:00:00Z"', "") + LINE, "snapshot_at is missing"),
        (LINE + LINE.replace("2025-12-01T00:00:00Z", "2025-12-01T00:00:00"), "column snapshot_at"),
    ],
)
def test_a_line_that_is_not_understood_refuses_the_snapshot(tmp_path: Path, text: str, words: str) -> None:
    """A key misspelt once, or twice there, could hide an opt-out. A state is named, a name is not."""
    path = tmp_path / "c.jsonl"
    path.write_text(text)
    with pytest.raises(ConsentError, match=words) as refused:
        rows(path)
    assert str(path) in str(refused.value)
    assert "u1" not in str(refused.value).removeprefix(str(path))
    assert "example.org" not in str(refused.value)


def test_json_lines_are_dated_by_their_path_and_cut_files_refuse(tmp_path: Path) -> None:
    """As Parquet and CSV are; a file that is later than as_of is not looked into."""
    (tmp_path / "snapshot_at=2025-12-01").mkdir()
    (tmp_path / "snapshot_at=2026-12-01").mkdir()
    undated = LINE.replace(',"snapshot_at":"2025-12-01T00:00:00Z"', "")
    known, later = (tmp_path / f"snapshot_at={year}-12-01/c.jsonl" for year in (2025, 2026))
    known.write_text(undated)
    later.write_text(undated.replace("granted", "perhaps"))
    assert inspect_snapshot(str(known), AS_OF).instants == (dt.datetime(2025, 12, 1, tzinfo=dt.UTC),)
    assert inspect_snapshot(str(later), AS_OF) == Snapshot(str(later), ())
    known.write_text(undated + LINE)
    with pytest.raises(ConsentError, match="line 2: snapshot_at is in this line, but not in the first line"):
        rows(known)
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(LINE.encode() * 9)[:-12])
    with pytest.raises(ConsentError, match="damaged"):
        rows(tmp_path / "cut.jsonl.gz")
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert rows(tmp_path / "empty.jsonl") == set()


def test_the_snapshots_instant_may_come_from_its_path(tmp_path: Path) -> None:
    """Hive-like folders are how daily snapshots are laid out."""
    folder = tmp_path / "snapshot_at=2025-12-01"
    folder.mkdir()
    (folder / "c.csv").write_text("user_id,state,decided_at\nu1,granted,2025-10-01T00:00:00Z\n")
    found = inspect_snapshot(str(folder / "c.csv"), AS_OF)
    assert found.instants == (dt.datetime(2025, 12, 1, tzinfo=dt.UTC),)
    assert len(rows(folder / "c.csv")) == 1


@pytest.mark.parametrize(
    ("second", "known"),
    [("2026-01-01T00:00:00Z", 1), ("2026-01-01T00:00:00.000001Z", 0)],
)
def test_what_was_decided_or_snapped_after_as_of_is_unknown(tmp_path: Path, second: str, known: int) -> None:
    """A run uses only decisions and snapshots up to its as_of."""
    (tmp_path / "a.csv").write_text(HEAD + f"u1,granted,{second},2026-01-01T00:00:00Z\n")
    (tmp_path / "b.csv").write_text(HEAD + f"u1,granted,2025-10-01T00:00:00Z,{second}\n")
    assert len(rows(tmp_path / "a.csv")) == len(rows(tmp_path / "b.csv")) == known


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "u1,perhaps,2025-10-01T00:00:00Z,2025-12-01T00:00:00Z\n", "column state"),
        (HEAD + "u1,granted,2025-10-01T00:00:00,2025-12-01T00:00:00Z\n", "column decided_at"),
        (HEAD + "u1,granted,yesterday,2025-12-01T00:00:00Z\n", "column decided_at"),
        (HEAD + ",granted,2025-10-01T00:00:00Z,2025-12-01T00:00:00Z\n", "no user_id"),
        ("user_id,state,decided_at\nu1,granted,2025-10-01T00:00:00Z\n", "snapshot_at is missing"),
        ("user_id,decided_at,snapshot_at\n", "state is missing"),
    ],
)
def test_a_row_that_is_not_understood_refuses_the_snapshot(tmp_path: Path, text: str, words: str) -> None:
    """It could be an opt-out."""
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(ConsentError, match=words):
        rows(tmp_path / "c.csv")


def test_a_timestamp_without_zone_and_a_damaged_file_refuse(tmp_path: Path) -> None:
    """An hour's difference decides whether a message was refused."""
    naive = pa.table(
        {"user_id": ["u"], "state": ["granted"]}
        | {
            name: pa.array([dt.datetime(2025, 10, 1)], pa.timestamp("us"))
            for name in ("decided_at", "snapshot_at")
        }
    )
    pq.write_table(naive, tmp_path / "naive.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ConsentError, match="no time zone"):
        rows(tmp_path / "naive.parquet")
    with pytest.raises(ConsentError, match="damaged"):
        rows(tmp_path / "bad.parquet")


def test_deletions_are_distinguished_by_kind(tmp_path: Path) -> None:
    """A user's deletion reaches all their sessions, a conversation's only itself."""
    (tmp_path / "d.csv").write_text(
        "kind,id,deleted_at\nuser,u1,2025-12-01T00:00:00Z\nconversation,c1,2025-12-01T00:00:00Z\nuser,u2,2026-02-01T00:00:00Z\n"
    )
    found = {
        kind: table["key"].to_pylist()
        for kind, table in read_deletions(str(tmp_path / "d.csv"), HASHER, AS_OF)
    }
    assert found == {"user": [HASHER.user("u1")], "conversation": [HASHER.conversation("c1")]}
    (tmp_path / "e.csv").write_text("kind,id,deleted_at\norg,o1,2025-12-01T00:00:00Z\n")
    with pytest.raises(ConsentError, match="column kind"):
        list(read_deletions(str(tmp_path / "e.csv"), HASHER, AS_OF))


_TORN = pa.array([b"u1", b"caf\xe9"], pa.binary())
_TORN_TEXT = pa.StringArray.from_buffers(2, *_TORN.buffers()[1:])


@pytest.mark.parametrize(
    "ids", [_TORN, _TORN_TEXT, _TORN_TEXT.dictionary_encode()], ids=lambda a: str(a.type)
)
def test_ids_that_are_no_utf8_are_refused_in_one_line(ids: pa.Array, tmp_path: Path) -> None:
    """A repaired id could be another user's, and an opt-out could be lost. The error does not show the id."""
    at = pa.array([AS_OF - dt.timedelta(days=1)] * 2, pa.timestamp("us", tz="UTC"))
    states, kinds = pa.array(["granted", "refused"]), pa.array(["user", "user"])
    consent, gone = tmp_path / "c.parquet", tmp_path / "d.parquet"
    pq.write_table(pa.table({"user_id": ids, "state": states, "decided_at": at, "snapshot_at": at}), consent)
    pq.write_table(pa.table({"kind": kinds, "id": ids, "deleted_at": at}), gone)
    with pytest.raises(ConsentError) as refused:
        rows(consent)
    assert str(refused.value) == f"{consent}: row 2: column user_id is not valid UTF-8"
    with pytest.raises(ConsentError) as refused:
        list(read_deletions(str(gone), HASHER, AS_OF))
    assert str(refused.value) == f"{gone}: row 2: column id is not valid UTF-8"


def test_a_line_with_an_id_that_is_no_utf8_is_refused_by_its_number(tmp_path: Path) -> None:
    """The same in JSON Lines, where the line can be named."""
    line = b'{"user_id":"%s","state":"refused","decided_at":null,"snapshot_at":"2025-12-01T00:00:00Z"}\n'
    path = tmp_path / "c.jsonl"
    path.write_bytes(line % b"u1" + line % b"caf\xe9")
    with pytest.raises(ConsentError) as refused:
        rows(path)
    assert str(refused.value) == f"{path}: line 2: user_id is not valid UTF-8"
