"""A Parquet column or field that is in a file twice costs the file: which of them counts is not known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.test_ways import TIMED
from tests.support.source_files import read_all

AT = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
MESSAGE = {"message_id": ["m1"], "role": ["user"], "sent_at": [AT], "content": ["Hi"]}
TURN = {"role": ["user"], "content": ["Hi"]}


def listed(*fields: tuple[str, list[Any]]) -> pa.Array:
    """A column with one list of one struct of these fields."""
    struct = pa.StructArray.from_arrays([pa.array(each) for _, each in fields], [name for name, _ in fields])
    return pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), struct)


COLUMNS: dict[str, list[tuple[str, pa.Array]]] = {
    "canonical": [
        ("conversation_id", pa.array(["c1"])), ("user_id", pa.array(["u1"])), ("tier", pa.array(["free"])),
        ("created_at", pa.array([AT])), ("messages", listed(*MESSAGE.items())),
    ],
    "wildchat": [
        ("conversation_hash", pa.array(["c1"])), ("timestamp", pa.array([AT])),
        ("conversation", listed(*TURN.items())),
    ],
    "lmsys": [("conversation_id", pa.array(["c1"])), ("conversation", listed(*TURN.items()))],
}  # fmt: skip


def read(tmp_path: Path, form: str, columns: list[tuple[str, pa.Array]]) -> tuple[int, list[tuple[Any, ...]]]:
    """Sessions read, and faults."""
    path = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_arrays([each for _, each in columns], [name for name, _ in columns]), path)
    found = read_all([path], form, TIMED)
    faults = [(entry.code, entry.field, entry.kind, entry.locator) for entry in found.quarantined]
    return len(found.sessions), faults


@pytest.mark.parametrize(
    ("form", "name"), [(form, name) for form, columns in COLUMNS.items() for name, _ in columns]
)
def test_a_column_given_twice_costs_the_file(tmp_path: Path, form: str, name: str) -> None:
    """Parquet readers take one of them, or fail: a run must neither guess nor end."""
    columns = COLUMNS[form]
    twice = next(column for column in columns if column[0] == name)
    expected = (0, [("bad_field", name, "repeated", "file")])
    assert read(tmp_path, form, [*columns, twice]) == expected
    assert read(tmp_path, form, [twice, *columns]) == expected
    assert read(tmp_path, form, columns) == (1, [])


@pytest.mark.parametrize(
    ("form", "column", "fields"), [("canonical", "messages", MESSAGE), ("wildchat", "conversation", TURN),
                                   ("lmsys", "conversation", TURN)],
)  # fmt: skip
def test_a_field_of_a_message_given_twice_costs_the_file(
    tmp_path: Path, form: str, column: str, fields: dict[str, list[Any]]
) -> None:
    """The same for the fields of messages, each of which decides."""
    others = [each for each in COLUMNS[form] if each[0] != column]
    for name in fields:
        messages = listed(*fields.items(), (name, fields[name]))
        found = read(tmp_path, form, [*others, (column, messages)])
        assert found == (0, [("bad_field", f"{column}[].{name}", "repeated", "file")])


@pytest.mark.parametrize("form", COLUMNS)
def test_a_column_that_is_not_read_may_be_there_twice(tmp_path: Path, form: str) -> None:
    """Exports of tables have columns of their own."""
    more = [("note", pa.array(["a"])), ("note", pa.array(["b"])), ("Tier", pa.array(["x"]))]
    assert read(tmp_path, form, [*COLUMNS[form], *more]) == (1, [])


@pytest.mark.parametrize("spelling", [" {}", "{} ", "\u00a0{}", "{}\u200b", "\ufeff{}", "{}\n", "a\u0000{}"])
@pytest.mark.parametrize(
    ("form", "name"),
    [("canonical", "conversation_id"), ("canonical", "user_id"), ("wildchat", "conversation_hash"),
     ("lmsys", "conversation_id")],
)  # fmt: skip
def test_an_id_that_could_be_trimmed_is_refused_in_parquet(
    tmp_path: Path, form: str, name: str, spelling: str
) -> None:
    """A list would refuse it: untrimmed it matches neither a refusal nor a deletion."""
    bad = pa.array([spelling.format("x")])
    columns = [(each, bad if each == name else column) for each, column in COLUMNS[form]]
    sessions, faults = read(tmp_path, form, columns)
    assert (sessions, [fault[0] for fault in faults]) == (0, ["bad_field"])
    assert faults[0][1] in (name, "conversation_id")
