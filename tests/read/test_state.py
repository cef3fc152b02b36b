"""Facts and units as state files hold them: equal after the way there and back, whatever was read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inputs.globs import input_files
from schemas.records import Defaults, Limits
from schemas.tables import FACTS
from tests.support.logs_of_formats import FAMILIES, logs_of
from tests.support.source_files import HASHER
from transforms.read.state.facts import from_state, to_state
from transforms.read.state.files import rewrite_state, write_state
from transforms.read.state.keys import (
    file_keys,
    part_of_key,
    parts_of,
    parts_of_rows,
    parts_of_unit,
    planned,
    unit_bytes,
)
from transforms.read.state.known import FACTS as FACTS_KIND
from transforms.read.state.known import UNITS
from transforms.read.state.units import UnitReading, placed, recalled, units_table
from transforms.sources.base import ReadContext
from transforms.sources.file_state import state_of
from transforms.sources.registry import plan_tasks, plan_units, read_facts

KEYS = st.binary(min_size=16, max_size=16)
DIGESTS = st.integers(-(2**63), 2**63 - 1).filter(bool)
INSTANTS = st.one_of(
    st.integers(0, 4_000_000_000).map(lambda seconds: seconds * 1_000_000),
    st.integers(-(10**15), 253_402_300_799_999_999),
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, object]:
    """One row of FACTS: messages that repeat, follow each other or do not, times that are missing."""
    ids = draw(st.lists(DIGESTS | st.sampled_from([1, 2, 3]), max_size=6))
    known = st.sampled_from(ids) if ids else st.nothing()
    count = len(ids)
    parents = [draw(st.just(0) | known | DIGESTS | st.just(ids[max(0, at - 1)])) for at in range(count)]
    some = st.one_of
    return {
        "user_key": draw(some(st.none(), KEYS)),
        "conversation_key": draw(KEYS),
        "organization_key": draw(some(st.none(), KEYS)),
        "tier": draw(st.sampled_from([None, "pro", "free\x1fpro", ""])),
        "surface": draw(st.sampled_from([None, "chat"])),
        "created_at": draw(some(st.none(), INSTANTS)),
        "deleted_at": draw(some(st.none(), INSTANTS)),
        "incognito": draw(st.booleans()),
        "current_message": draw(some(st.none(), known, DIGESTS)),
        "text_bytes": draw(st.integers(-1, 2**40)),
        "unit": draw(st.sampled_from(["one", "two", "three"])),
        "row": draw(st.integers(0, 2**31)),
        "offset": draw(st.integers(0, 2**42)),
        "length": draw(st.integers(0, 2**30)),
        "digest": draw(some(st.none(), DIGESTS)),
        "message_id": ids,
        "message_parent": parents,
        "message_sent_at": [draw(some(st.none(), INSTANTS)) for _ in ids],
        "message_flags": draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)),
        "message_thread": draw(st.lists(st.just(0) | DIGESTS, min_size=count, max_size=count)),
    }


def there_and_back(facts: pa.Table, folder: Path) -> pa.Table:
    """Through a file."""
    units = facts["unit"].combine_chunks()
    keys = pa.array(
        [HASHER.state(str(name).encode()) for name in units.dictionary.to_pylist()], pa.binary(16)
    )
    state = to_state(facts, keys.take(units.indices))
    written = rewrite_state(state, "state.parquet", str(folder))
    read = pq.read_table(folder / "state.parquet")
    assert read.schema.equals(state.schema)
    assert written.rows == facts.num_rows
    return from_state(read, units)


@given(rows=st.lists(records(), max_size=8))
def test_any_facts_come_back_as_they_were(
    rows: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Parents that are no message of the record, equal ids, missing times, records without messages."""
    facts = pa.Table.from_pylist(rows, schema=FACTS)
    assert there_and_back(facts, tmp_path_factory.mktemp("state")).equals(facts)


@pytest.mark.parametrize("family", FAMILIES)
def test_units_of_every_format_come_back_as_they_were_read(family: str, tmp_path: Path) -> None:
    """Facts, quarantined records with their places, further ids and counts, under paths and inputs of now."""
    made = logs_of(family, tmp_path / "logs")
    context = ReadContext(HASHER, Limits(), (Defaults(user_id="someone"),))
    found = input_files(str(tmp_path / "logs" / made.pattern).rstrip("/"), made.format)
    tasks = plan_tasks(0, made.format, found)
    states = {file.path: state_of(file.path) for file in found}
    keys = file_keys(context, [made.format], [(0, n, file.path) for n, file in enumerate(found)], states)
    compared = 0
    for each in tasks:
        task = planned(context, each, keys)
        units, _ = plan_units(each, unit_bytes(sum(each.sizes)))
        for unit in placed(units, task, HASHER):
            reading = UnitReading(unit)
            batches = list(read_facts(unit.unit, context))
            for batch in batches:
                reading.add(batch)
                assert there_and_back(batch.facts, tmp_path).equals(batch.facts)
            if not reading.is_kept:
                continue
            write_state(units_table([reading.row()]), UNITS, 0, 1, str(tmp_path))
            (file,) = (tmp_path / "restricted/state").glob("units-*")
            (back,) = recalled(pq.read_table(file), [task])
            assert back.placed.unit == unit.unit
            assert back.quarantined == [entry for batch in batches for entry in batch.quarantined]
            names = [row for batch in batches if batch.names for row in batch.names.to_pylist()]
            assert back.names.to_pylist() == names
            assert back.read == reading.count
            compared += 1
    assert compared


@given(key=KEYS, rows=st.integers(0, 400_000), parts=st.integers(1, 500))
def test_the_parts_of_a_unit_are_those_of_its_rows(key: bytes, rows: int, parts: int) -> None:
    """The driver asks for just these parts; facts in another one would be lost without an error."""
    numbers = np.arange(0, rows, 1000) if rows else np.zeros(0, np.int64)
    numbers = np.append(numbers, rows - 1) if rows else numbers
    columns = (pa.chunked_array([pa.array([key] * len(numbers), pa.binary(16))]), pa.chunked_array([numbers]))
    found = parts_of_rows(*columns, parts)
    assert set(found.tolist()) == parts_of_unit(key, rows, parts)
    assert all(0 <= part < parts for part in found)
    assert 0 <= part_of_key(key, parts) < parts


@given(sizes=st.lists(st.integers(0, 2**40), max_size=20))
def test_units_and_parts_depend_on_sizes_alone(sizes: list[int]) -> None:
    """A rebuild with other workers has the same units, so it writes the same state."""
    assert parts_of(sum(sizes)) >= 1
    for size in sizes:
        assert 1 << 20 <= unit_bytes(size) <= 32 << 20


def test_a_key_changes_with_everything_that_facts_depend_on(tmp_path: Path) -> None:
    """Content (by identity), path, defaults, root, limits and the number of the input."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    context = ReadContext(HASHER, Limits(), (Defaults(), Defaults(user_id="u")), roots=("/r", "/r"))
    paths = [str(tmp_path / name) for name in ("a", "b")]
    states = {path: state_of(path) for path in paths}
    files = [(number, 0, path) for number in (0, 1) for path in paths]

    def keys(context: ReadContext = context, format_of: str = "canonical") -> list[bytes]:
        return list(file_keys(context, [format_of, format_of], files, states).values())

    others = [
        keys(),
        keys(dataclasses.replace(context, limits=Limits(max_messages=3))),
        keys(dataclasses.replace(context, roots=("/s", "/s"))),
        keys(dataclasses.replace(context, defaults=(Defaults(tier="x"), Defaults(tier="y")))),
        keys(format_of="sharegpt"),
    ]
    (tmp_path / "a").write_text("y")
    states[paths[0]] = state_of(paths[0])
    changed = keys()
    assert changed[1] == others[0][1]
    assert len({key for some in (*others, [changed[0]]) for key in some}) == 4 * 5 + 1
    assert keys() == changed


def test_rows_of_a_part_are_sorted_whatever_their_order(tmp_path: Path) -> None:
    """Workers hand rows over in any order; the bytes of the file are the same."""
    rows = [
        dict.fromkeys(FACTS.names) | {"row": number, "offset": 0, "length": 0, "text_bytes": 1}
        for number in range(50)
    ]
    lists = {name: [] for name in FACTS.names if name.startswith("message_")}
    facts = pa.Table.from_pylist(
        [{**row, **lists, "unit": "u", "conversation_key": bytes(16), "incognito": False} for row in rows],
        schema=FACTS,
    )
    state = to_state(facts, pa.array([bytes([n % 3]) * 16 for n in range(50)], pa.binary(16)))
    order = np.random.default_rng(5).permutation(50)
    ways = [write_state(table, FACTS_KIND, 0, 1, str(tmp_path)) for table in (state, state.take(order))]
    assert ways[0] == ways[1]
