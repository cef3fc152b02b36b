"""Rows of an old shard get the columns of new decisions; a shard that is another one gives none."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.state import ROW_STATE, TAKEN
from transforms.output.shards import write_row_state, write_shard
from transforms.reuse import old_rows as module
from transforms.reuse.old_rows import DamagedError, old_rows, read_state
from transforms.shuffle.fragments import FRAGMENT

DAY = dt.date(2026, 1, 1)
MESSAGE = {
    "role": "user",
    "content": "hi",
    "thinking": None,
    "tool_calls": None,
    "tool_call_id": None,
    "name": None,
}


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def fragment_row(number: int, ordinal: int = 0) -> dict[str, Any]:
    return {
        "key": key(number),
        "ordinal": ordinal,
        "conversation_key": key(number).hex(),
        "user_key": None,
        "messages": [{**MESSAGE, "content": f"text {number}.{ordinal}"}],
        "surface": "chat",
        "tier": "free",
        "language": "en" if number % 2 else None,
        "basis": "user_consent",
        "policy_id": "old",
        "started_on": DAY,
        "last_active_on": DAY,
        "retain_until": DAY,
        "turns": number,
        "entities": [] if ordinal else [{"key": "PERSON", "value": number}],
    }


def taken(*numbers: int) -> pa.Table:
    rows = [
        {
            "conversation_key": key(number),
            "user_key": b"u" * 16,
            "tier": "max",
            "surface": "code",
            "basis": "separate_authorization",
            "created_on": DAY + dt.timedelta(1),
            "last_active_on": DAY + dt.timedelta(2),
            "retain_until": DAY + dt.timedelta(3),
            "row_retain_until": DAY + dt.timedelta(number),
            "records": [],
            "kept": [],
        }
        for number in numbers
    ]
    return pa.Table.from_pylist(rows, schema=TAKEN)


def shard_of(folder: Path, rows: list[dict[str, Any]]) -> bytes:
    entry, _ = write_shard(pa.Table.from_pylist(rows, schema=FRAGMENT), 0, 1, folder)
    return (folder / entry.path).read_bytes()


def read(data: bytes, sessions: pa.Table, sha256: str = "") -> list[dict[str, Any]]:
    found = old_rows(io.BytesIO(data), sha256 or hashlib.sha256(data).hexdigest(), sessions, "new")
    return [row for table in found for row in table.cast(FRAGMENT).to_pylist()]


def expected(number: int, ordinal: int = 0) -> dict[str, Any]:
    return fragment_row(number, ordinal) | {
        "user_key": (b"u" * 16).hex(),
        "tier": "max",
        "surface": "code",
        "basis": "separate_authorization",
        "policy_id": "new",
        "started_on": DAY + dt.timedelta(1),
        "last_active_on": DAY + dt.timedelta(2),
        "retain_until": DAY + dt.timedelta(number),
    }


def test_text_comes_from_the_shard_and_all_else_from_the_decision(tmp_path: Path) -> None:
    """Sessions that are not asked for are left out, and so are those that the shard does not hold."""
    data = shard_of(tmp_path, [fragment_row(number) for number in range(1, 7)])
    assert read(data, taken(5, 2, 9)) == [expected(2), expected(5)]


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 3, 100])
def test_threads_of_a_session_stay_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_a_time: int
) -> None:
    """A session's threads may end one batch and begin the next; a session is given whole or not at all."""
    monkeypatch.setattr(module, "_BATCH_ROWS", rows_at_a_time)
    listed = [(1, 0), (2, 0), (2, 1), (2, 2), (2, 3), (3, 0), (4, 0), (4, 1)]
    data = shard_of(tmp_path, [fragment_row(*each) for each in listed])
    found = list(old_rows(io.BytesIO(data), hashlib.sha256(data).hexdigest(), taken(2, 3, 4), "new"))
    keys = [set(table["key"].to_pylist()) for table in found]
    assert sum(map(len, keys)) == len(set().union(*keys)) == 3
    assert [row for table in found for row in table.to_pylist()] == [expected(*each) for each in listed[1:]]


def test_sessions_that_share_half_of_their_keys_are_told_apart(tmp_path: Path) -> None:
    """Sessions are looked up by the first half of the key, then by all of it."""
    high = int.from_bytes(b"\xff" * 8 + bytes(8), "big")
    data = shard_of(
        tmp_path, [fragment_row(0) | {"key": key(high + 1), "conversation_key": key(high + 1).hex()}]
    )
    rows = taken(0).set_column(1, TAKEN.field("conversation_key"), pa.array([key(high + 2)], pa.binary(16)))
    assert read(data, rows) == []


@pytest.mark.parametrize("change", ["a byte", "cut", "another file", "no Parquet", "other columns"])
def test_a_shard_that_is_not_the_one_of_the_manifest_gives_no_row(tmp_path: Path, change: str) -> None:
    """Its sessions are masked instead."""
    data = shard_of(tmp_path, [fragment_row(1)])
    sha256 = hashlib.sha256(data).hexdigest()
    if change == "a byte":
        data = data[:40] + bytes([data[40] ^ 1]) + data[41:]
    elif change == "cut":
        data = data[:-1]
    elif change == "another file":
        data = shard_of(tmp_path, [fragment_row(1) | {"turns": 9}])
    else:
        # The digest fits, as in a manifest that was signed again.
        sink = io.BytesIO()
        pq.write_table(pa.table({"conversation_key": ["x"]}), sink)
        data = b"PAR1 nothing" if change == "no Parquet" else sink.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
    with pytest.raises(DamagedError):
        read(data, taken(1), sha256)


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Sorted by key, whatever order the workers gave."""
    rows = [
        {
            "conversation_key": key(n),
            "text_digest": -n,
            "characters": n,
            "dropped_blocks": 0,
            "masked_again": 1,
            "refusal": "pii_density" if n == 2 else None,
        }
        for n in (3, 1, 2)
    ]
    entry = write_row_state(pa.Table.from_pylist(rows, schema=ROW_STATE), 0, 1, tmp_path)
    data = (tmp_path / entry.path).read_bytes()
    found = read_state(io.BytesIO(data), entry.sha256).to_pylist()
    assert found == sorted(rows, key=lambda row: row["conversation_key"])
    with pytest.raises(DamagedError):
        read_state(io.BytesIO(data + b"\0"), entry.sha256)
