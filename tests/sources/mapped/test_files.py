"""Files of own schemas: lines, arrays and Parquet, whole and damaged, and groups of single messages."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from schemas.mapped.fields import FieldsConfig
from schemas.records import Limits, Session
from schemas.sections.inputs import reader_of
from tests.sources.mapped.test_records import FIELDS, TURNS, one
from tests.support.source_files import CONTEXT, Everything, read_all, utc, write_lines
from transforms.sources.identities import THEN
from transforms.sources.mapped import source

RECORDS = [one(sid=f"s{n}", turns=[TURNS[0] | {"text": f"text {n} " * 5}, TURNS[1]]) for n in range(40)]
GROUPS = {
    "group_by": "session",
    "user_id": "user",
    "tier": "plan",
    "messages": {"role": "from", "content": "text", "sent_at": {"path": "ts", "unit": "s"}},
}


def read(
    path: Path, fields: dict[str, Any] = FIELDS, unit_bytes: int = 32 << 20, **limits: Any
) -> Everything:
    config = FieldsConfig.model_validate(fields)
    context = dataclasses.replace(CONTEXT, fields=(config,), limits=Limits(**limits))
    return read_all([path], reader_of(config), context, unit_bytes)


def written(folder: Path, kind: str) -> Path:
    path = folder / f"log.{kind}"
    lines = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
    if kind == "json":
        path.write_text(json.dumps(RECORDS, indent=1))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(RECORDS), path, row_group_size=15)
    else:
        change = {"gz": gzip.compress, "zst": zstandard.compress, "jsonl": bytes}[kind.rpartition(".")[2]]
        path.write_bytes(change(lines))
    return path


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "jsonl.zst", "json", "parquet"])
def test_every_kind_of_file_gives_the_same_sessions(tmp_path: Path, kind: str) -> None:
    """The decision about a person must not depend on how a file was packed."""
    expected = read(write_lines(tmp_path / "expected.jsonl", RECORDS)).sessions
    found = read(written(tmp_path, kind))
    assert found.codes == []
    assert found.sessions == expected
    assert len(expected) == len(RECORDS)


def test_parts_of_a_file_give_the_sessions_of_the_whole(tmp_path: Path) -> None:
    """Plain lines are read by several workers."""
    path = written(tmp_path, "jsonl")
    whole, parts = read(path), read(path, unit_bytes=1_000)
    assert len(parts.units) > 3
    assert parts.sessions == whole.sessions
    assert parts.facts.drop_columns(["unit", "row"]).equals(whole.facts.drop_columns(["unit", "row"]))


def test_parquet_reads_only_the_columns_of_the_fields_and_times_of_every_type(tmp_path: Path) -> None:
    """Columns that no path names may hold anything, also text that is not UTF-8."""
    at = dt.datetime(2025, 12, 1, 9)
    turn = pa.struct([("speaker", pa.string()), ("text", pa.large_string()), ("at", pa.timestamp("ns")),
                      ("raw", pa.string())])  # fmt: skip
    turns = pa.array(
        [[{"speaker": "user", "text": "hi", "at": at, "raw": b"\xff".decode("latin-1")}]], pa.list_(turn)
    )
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    started = pa.array([at], pa.timestamp("ms", "UTC"))
    table = pa.table({"sid": ["s"], "turns": turns, "started": started, "bad": bad})
    pq.write_table(table, tmp_path / "a.parquet")
    fields = FIELDS | {"created_at": "started"}
    found = read(tmp_path / "a.parquet", fields)
    assert found.codes == []
    assert found.sessions[0].created_at == utc("2025-12-01T09:00:00Z")
    assert found.sessions[0].messages[0].sent_at == utc("2025-12-01T08:00:00Z")


def test_json_in_a_text_column_is_read_where_the_fields_say_so(tmp_path: Path) -> None:
    """Tables of databases have whole requests as text; text of a message is never decoded by itself."""
    rows = [{"sid": "s1", "body": json.dumps({"turns": TURNS}), "started": 1_764_579_600_000}]
    rows.append(rows[0] | {"sid": "s2", "body": "{"})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    messages = {"role": "body.turns[].speaker", "content": "body.turns[].text"}
    fields = {"conversation_id": "sid", "created_at": {"path": "started", "unit": "ms"}, "messages": messages}
    found = read(tmp_path / "a.parquet", fields | {"json_text": ["body"]})
    assert [message.content for message in found.sessions[0].messages] == ["hi", "hello"]
    assert [(each.code, each.field, each.kind) for each in found.quarantined] == [
        ("bad_field", "body", "text")
    ]
    closed = read(tmp_path / "a.parquet", fields)
    assert [(each.code, each.field) for each in closed.quarantined] == [("bad_field", "body.turns")] * 2


def test_records_within_one_object_are_read_one_by_one(tmp_path: Path) -> None:
    """Exports often have one object around all sessions."""
    path = tmp_path / "export.json"
    path.write_text(
        json.dumps({"exported": 1, "data": {"sessions": [*RECORDS[:3], one(sid=None)]}}, indent=1)
    )
    found = read(path, FIELDS | {"records": "data.sessions[]"})
    assert [session.conversation_id for session in found.sessions] == ["s0", "s1", "s2"]
    assert [(each.code, each.field, each.locator) for each in found.quarantined] == [
        ("missing_field", "sid", "item 3")
    ]
    assert read(path).codes == ["missing_field"]


@pytest.mark.parametrize("kind", ["jsonl.gz", "json", "parquet"])
def test_a_damaged_file_is_one_entry_and_the_records_before_it_count(tmp_path: Path, kind: str) -> None:
    """A copy that broke off must not pass for the whole."""
    path = written(tmp_path, kind)
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] if kind != "parquet" else data[:200] + b"\0" * 400 + data[600:])
    found = read(path)
    assert len(found.sessions) < len(RECORDS)
    assert set(found.codes) == {"truncated_input"}


def test_an_archive_and_a_table_with_a_column_twice_are_quarantined_whole(tmp_path: Path) -> None:
    """Neither can be read as records without a guess."""
    archive, table = tmp_path / "a.zip", tmp_path / "b.parquet"
    archive.write_bytes(b"PK\x03\x04 and so on")
    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["sid", "sid"]), table)
    assert read(archive).codes == ["unknown_format"]
    found = read(table)
    assert [(each.code, each.field, each.kind) for each in found.quarantined] == [
        ("bad_field", "sid", "repeated")
    ]


def row(session: str, speaker: str, text: str, ts: float, **more: Any) -> dict[str, Any]:
    return {"session": session, "from": speaker, "text": text, "ts": 1_764_579_600 + ts, **more}


ROWS = [
    row("a", "user", "first", 0, user="u1", plan="free"),
    row("b", "user", "other", 1, user="u2"),
    row("a", "bot", "second", 2),
    row("a", "bot", "fourth", 5, plan="pro"),
    row("a", "user", "third", 5 - 1, user="u1"),
    row("b", "bot", "end", 1),
]


def texts(session: Session) -> list[Any]:
    return [message.content for message in session.messages]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_messages_in_rows_become_sessions(tmp_path: Path, kind: str) -> None:
    """By time, rows of equal time as in the file; one user of all rows, and every tier that they had."""
    path = tmp_path / f"rows.{kind}"
    if kind == "jsonl":
        write_lines(path, ROWS)
    else:
        names = dict.fromkeys(name for each in ROWS for name in each)
        pq.write_table(
            pa.table({name: [each.get(name) for each in ROWS] for name in names}), path, row_group_size=2
        )
    found = read(path, GROUPS)
    assert found.codes == []
    first, second = found.sessions
    assert (texts(first), texts(second)) == (["first", "second", "third", "fourth"], ["other", "end"])
    assert (first.user_id, second.user_id) == ("u1", "u2")
    assert (first.tier, second.tier) == (f"free{THEN}pro", None)
    assert first.created_at == utc("2025-12-01T09:00:00Z")


def test_a_row_that_cannot_be_read_is_a_part_and_two_users_are_a_conflict(tmp_path: Path) -> None:
    """One bad row costs no session; a session of two people is two records, which the decision excludes."""
    bad = [row("a", "martian", "x", 9), row(None, "user", "x", 9), row("b", "user", "x", 9, user="u3")]  # type: ignore[arg-type]
    found = read(write_lines(tmp_path / "rows.jsonl", [*ROWS, *bad]), GROUPS)
    owners = [(session.conversation_id, session.user_id, texts(session)) for session in found.sessions]
    assert owners == [
        ("a", "u1", ["first", "second", "third", "fourth"]),
        ("b", "u2", ["other", "end"]),
        ("b", "u3", ["x"]),
    ]
    assert sorted((each.code, each.field, each.is_part) for each in found.quarantined) == [
        ("bad_field", "from", True),
        ("missing_field", "session", True),
    ]


def test_a_file_too_large_to_group_is_quarantined_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sessions are held in memory."""
    path = write_lines(tmp_path / "rows.jsonl", ROWS)
    monkeypatch.setattr(source, "MAX_BYTES", path.stat().st_size // 2)
    found = read(path, GROUPS)
    assert (found.codes, found.sessions) == (["oversize_file"], [])


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "jsonl.zst", "json", "parquet"])
def test_each_record_has_a_digest_of_its_own(tmp_path: Path, kind: str) -> None:
    """Two records of one conversation in one batch or block: their texts are told apart on the next day."""
    found: list[int] = read(written(tmp_path, kind)).facts["digest"].to_pylist()
    assert len(found) == len(set(found)) == len(RECORDS)


def test_records_of_one_line_have_digests_of_their_own_and_equal_lines_equal_ones(tmp_path: Path) -> None:
    """Lines can be moved, copied and appended to; their sessions need not be masked again."""
    lines = [{"all": RECORDS[:3]}, {"all": RECORDS[:3]}, {"all": RECORDS[1:4]}]
    fields = FIELDS | {"records": "all[]"}
    whole = read(write_lines(tmp_path / "a.jsonl", lines), fields).facts["digest"].to_pylist()
    assert len(whole) == 9
    assert whole[:3] == whole[3:6]
    assert len(set(whole)) == 6
    split = read(tmp_path / "a.jsonl", fields, unit_bytes=64).facts["digest"].to_pylist()
    assert split == whole
