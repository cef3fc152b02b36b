"""Canonical Parquet: a row gives the session of the same record in JSON, and a bad row has a fault code."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import PipelineError
from schemas.records import Limits
from schemas.units import Unit
from tests.support.parquet_rows import BLOCK, UTC, facts, parquet, random_record, schema, typed
from tests.support.source_files import CONTEXT, HASHER, message, pointers_of, read_all, record, write_lines
from transforms.sources.canonical.column_facts import column_facts
from transforms.sources.registry import read_facts, read_sessions


@pytest.mark.parametrize("seed", range(8))
def test_a_row_and_its_json_twin_are_one_session(tmp_path: Path, seed: int) -> None:
    """Teams ship the same logs in either form; the decision must not depend on which."""
    rng = random.Random(seed)
    records = [random_record(rng, number) for number in range(60)]
    rows = read_all([parquet(tmp_path / "x.parquet", records, row_group_size=25)])
    lines = read_all([write_lines(tmp_path / "x.jsonl", records)])
    assert (rows.codes, lines.codes) == ([], [])
    assert facts(rows) == facts(lines)
    assert rows.sessions == lines.sessions


@pytest.mark.parametrize("seed", range(3))
def test_the_fast_way_and_the_slow_way_agree(tmp_path: Path, seed: int) -> None:
    """Ordinary rows are judged by column and others one by one: two readers, one meaning."""
    rng = random.Random(seed)
    records = [random_record(rng, number) for number in range(80)]
    path = parquet(tmp_path / "x.parquet", records)
    batch = pq.read_table(path).combine_chunks().to_batches()[0]
    _, unusual = column_facts(batch, 0, "unit", 0, CONTEXT)
    assert len(unusual) < len(records) * 2 / 3, "the fast way was hardly taken"
    # The same rows, one by one, as they are read where a column has a type that is out of the ordinary.
    odd_content = pa.struct([f.with_type(pa.large_binary()) if f.name == "id" else f for f in BLOCK])
    for each in (block for r in records for m in r["messages"] for block in m["content"] or []):
        each.pop("id", None)
    fast = read_all([parquet(tmp_path / "fast.parquet", records)])
    slow = read_all([parquet(tmp_path / "slow.parquet", records, schema(content=pa.list_(odd_content)))])
    assert facts(slow) == facts(fast)
    assert slow.sessions == fast.sessions


@pytest.mark.parametrize(
    "kind",
    [
        schema(pa.timestamp("s", tz="UTC")),
        schema(pa.timestamp("ms", tz="America/New_York")),
        schema(pa.timestamp("ns", tz="UTC")),
        schema(pa.string()),
        schema(text=pa.large_string()),
        schema(text=pa.dictionary(pa.int32(), pa.string())),
        schema(content=pa.string()),
    ],
    ids=["s", "ms-new-york", "ns", "time-as-text", "large_string", "dictionary", "plain-content"],
)
def test_every_accepted_type_of_column_gives_the_same_facts(tmp_path: Path, kind: pa.Schema) -> None:
    """Writers use different units and string types; none may change a time or lose an id."""
    plain = kind.field("messages").type.value_type.field("content").type == pa.string()
    content = "hi" if plain else [{"type": "text", "text": "hi"}]
    records = [record(messages=[message(content=content), message("m2", parent_id="m1", content=None)])]
    rows = read_all([parquet(tmp_path / "x.parquet", records, kind)])
    lines = read_all([write_lines(tmp_path / "x.jsonl", records)])
    assert rows.codes == []
    assert facts(rows) == facts(lines)
    assert rows.sessions == lines.sessions


def test_nanoseconds_are_cut_off(tmp_path: Path) -> None:
    """Python's datetime has no nanoseconds, and the conversion must not fail."""
    table = pa.Table.from_pylist(typed([record(messages=[])], UTC), schema())
    at = schema().get_field_index("created_at")
    nanos = pa.array([1_759_312_800_123_456_789], pa.timestamp("ns", tz="UTC"))
    path = tmp_path / "x.parquet"
    pq.write_table(table.set_column(at, "created_at", nanos), path)
    found = read_all([path])
    assert found.facts["created_at"][0].as_py().microsecond == 123_456
    assert found.sessions[0].created_at.microsecond == 123_456


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (record(conversation_id=None), "missing_field"),
        (record(conversation_id=" "), "missing_field"),
        (record(created_at=None), "missing_field"),
        (record(messages=None), "missing_field"),
        (record(messages=[message(role=None)]), "missing_field"),
        (record(messages=[message("")]), "missing_field"),
        (record(messages=[message(sent_at=None)]), "missing_field"),
        (record(messages=[None]), "bad_field"),
        (record(messages=[message(role="robot")]), "bad_field"),
        (record(messages=[message(origin="ghost")]), "bad_field"),
        (record(messages=[message(content=[{"text": "hi"}])]), "bad_field"),
        (record(messages=[message(content=[None])]), "bad_field"),
        (record(messages=[message(), message(role="system")]), "duplicate_message"),
        (record(created_at="1969-12-31T23:59:59Z"), "bad_timestamp"),
        (record(deleted_at="2201-01-01T00:00:00Z"), "bad_timestamp"),
        (record(messages=[message(sent_at="9999-01-01T00:00:00Z")]), "bad_timestamp"),
    ],
)
def test_a_bad_row_has_its_code_and_its_neighbours_are_read(
    tmp_path: Path, bad: dict[str, Any], code: str
) -> None:
    """One bad row of a group of a hundred thousand must cost one entry."""
    for each in bad["messages"] or []:
        if each and isinstance(each["content"], str):
            each["content"] = None
    good = [record(conversation_id=name, messages=[]) for name in ("a", "b")]
    found = read_all([parquet(tmp_path / "x.parquet", [good[0], bad, good[1]])])
    assert [session.conversation_id for session in found.sessions] == ["a", "b"]
    assert found.facts["row"].to_pylist() == [0, 2]
    assert found.codes == [code]
    assert found.quarantined[0].locator == "row group 0 row 1"


def test_a_time_without_zone_is_naive_in_every_row(tmp_path: Path) -> None:
    """Guessing UTC would move sessions over a consent boundary."""
    found = read_all([parquet(tmp_path / "x.parquet", [record(messages=[])] * 3, schema(pa.timestamp("us")))])
    assert found.codes == ["naive_timestamp"] * 3


def test_a_missing_required_column_is_missing_in_every_row(tmp_path: Path) -> None:
    """A renamed column must be reported as missing, with the id if it can be read."""
    table = pa.Table.from_pylist(typed([record(messages=[])] * 2, UTC), schema())
    pq.write_table(table.drop_columns(["created_at"]), tmp_path / "x.parquet")
    found = read_all([tmp_path / "x.parquet"])
    assert found.codes == ["missing_field"] * 2
    assert {entry.conversation_key for entry in found.quarantined} == {HASHER.conversation("c1")}


def test_invalid_utf8_quarantines_only_its_row(tmp_path: Path) -> None:
    """Parquet does not validate strings; Python rejects a whole column for one invalid string."""
    raw = pa.array([b"a", b"\xff\xfe", b"b"]).view(pa.binary())
    ids = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    table = pa.Table.from_pylist(typed([record(messages=[])] * 3, UTC), schema())
    pq.write_table(table.set_column(0, "conversation_id", ids), tmp_path / "x.parquet")
    found = read_all([tmp_path / "x.parquet"])
    assert [session.conversation_id for session in found.sessions] == ["a", "b"]
    assert found.codes == ["invalid_unicode"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (pa.string(), '{"a": [1, null]}', {"a": [1, None]}),
        (pa.string(), "not JSON", "not JSON"),
        (pa.string(), '"\\ud800"', '"\\ud800"'),
        (pa.struct([("a", pa.int64()), ("b", pa.string())]), {"a": 1, "b": None}, {"a": 1}),
        (pa.map_(pa.string(), pa.string()), [("k", "v")], {"k": "v"}),
    ],
    ids=["text", "no-json", "half-a-character", "struct", "map"],
)
def test_a_tool_input_is_decoded_from_each_storage_form(
    tmp_path: Path, kind: pa.DataType, value: Any, expected: Any
) -> None:
    """Keys and values of a call are masked one by one, which needs the value instead of its text."""
    block = pa.struct([field.with_type(kind) if field.name == "input" else field for field in BLOCK])
    rows = typed([record(messages=[message(content=[{"type": "tool_use", "id": "t"}])])], UTC)
    rows[0]["messages"][0]["content"][0]["input"] = value
    pq.write_table(pa.Table.from_pylist(rows, schema(content=pa.list_(block))), tmp_path / "x.parquet")
    (session,) = read_all([tmp_path / "x.parquet"]).sessions
    assert session.messages[0].content[0].input == expected


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (pa.string(), "[" * 300 + "]" * 300, "malformed_json"),
        (pa.struct([("a", pa.float64())]), {"a": float("nan")}, "bad_field"),
    ],
    ids=["too-deep", "not-a-number"],
)
def test_a_tool_input_that_no_stage_could_write_is_refused(
    tmp_path: Path, kind: pa.DataType, value: Any, code: str
) -> None:
    """The text pass must be able to write all that the facts accept."""
    block = pa.struct([field.with_type(kind) if field.name == "input" else field for field in BLOCK])
    rows = typed([record(messages=[message(content=[{"type": "tool_use"}])])], UTC)
    rows[0]["messages"][0]["content"][0]["input"] = value
    pq.write_table(pa.Table.from_pylist(rows, schema(content=pa.list_(block))), tmp_path / "x.parquet")
    assert read_all([tmp_path / "x.parquet"]).codes == [code]


def test_limits_hold_for_rows(tmp_path: Path) -> None:
    """Without the limits for JSON Lines, Parquet could be used to bypass them."""
    three = [message(f"m{n}", content=None) for n in range(3)]
    path = parquet(tmp_path / "x.parquet", [record(messages=three), record(messages=[])])
    few = dataclasses.replace(CONTEXT, limits=Limits(max_messages=2))
    small = dataclasses.replace(CONTEXT, limits=Limits(max_record_bytes=200))
    assert read_all([path], context=few).codes == ["oversize_record"]
    assert read_all([path], context=small).codes == ["oversize_record"]


def test_a_file_that_is_no_parquet_or_is_cut_is_one_entry(tmp_path: Path) -> None:
    """A truncated file has no footer, so none of its rows can be trusted."""
    whole = parquet(tmp_path / "x.parquet", [record(messages=[])] * 50).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.parquet").write_bytes(b"hello\n")
    for name in ("cut.parquet", "text.parquet"):
        assert read_all([tmp_path / name]).codes == ["unreadable_file"]


def test_a_damaged_page_is_one_entry_and_no_crash(tmp_path: Path) -> None:
    """Bit rot inside a row group shows only when it is read."""
    records = [record(conversation_id=f"c{n}", messages=[]) for n in range(500)]
    path = parquet(tmp_path / "x.parquet", records, compression="zstd")
    data = bytearray(path.read_bytes())
    data[60:400] = bytes(340)
    path.write_bytes(data)
    (unit,) = [Unit(0, "canonical", "row_group", (str(path),), 0, 1, len(data))]
    batches = list(read_facts(unit, CONTEXT))
    assert [entry.code for batch in batches for entry in batch.quarantined] == ["truncated_input"]


def test_no_entry_of_the_quarantine_contains_text_of_a_row(tmp_path: Path) -> None:
    """The quarantine is written to disk in the clear."""
    bad = record(conversation_id="canary-id", messages=[message(role="canary-role", content=None)])
    found = read_all([parquet(tmp_path / "x.parquet", [bad])])
    assert found.codes == ["bad_field"]
    assert b"canary" not in msgspec.json.encode(found.quarantined)


def test_a_row_group_rewritten_between_the_passes_is_an_error(tmp_path: Path) -> None:
    """As for JSON Lines: decisions about one text must never be applied to another."""
    path = parquet(tmp_path / "x.parquet", [record(messages=[])])
    found = read_all([path])
    pointers = pointers_of(found.facts)
    parquet(path, [record(messages=[], created_at=None)])
    with pytest.raises(PipelineError, match="changed while it was read"):
        list(read_sessions(found.units[0], CONTEXT, pointers))
