"""A record is read alike alone, among others, in parts of a file, and by column or by record."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Defaults, Limits
from tests.support.records_of_formats import FAST, GOOD, MORE, damaged, records
from tests.support.source_files import CONTEXT, Everything, read_all, write_lines
from transforms.sources import files
from transforms.sources.facts.messages import text_bytes
from transforms.sources.facts.table import Facts, ReadRecord, facts_table
from transforms.sources.json import item_source

TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),))


ACCOUNTING = dataclasses.replace(TIMED, accounting=True)
COLUMN_FORMATS = ["sharegpt", "openai-messages", "anthropic-messages", "otel-genai"]


def everything_of(found: Everything) -> Any:
    """All that was read, to compare."""
    return found.facts.to_pylist(), found.sessions, found.quarantined


@pytest.mark.parametrize("form", COLUMN_FORMATS)
def test_facts_by_column_are_the_facts_of_each_record(tmp_path: Path, form: str) -> None:
    """Which records are read by column depends on their neighbours: the result must not."""
    paths = [tmp_path / f"{n}.jsonl" for n in range(len(records(form)))]
    for path, record in zip(paths, records(form), strict=True):
        write_lines(path, [record])
    paths.append(write_lines(tmp_path / "all.jsonl", records(form)))
    found = [everything_of(read_all([path], form, TIMED)) for path in paths]
    assert [everything_of(read_all([path], form, ACCOUNTING)) for path in paths] == found
    assert sum(bool(facts) for facts, *_ in found) > 20


@pytest.mark.parametrize("form", COLUMN_FORMATS)
def test_facts_by_column_are_the_facts_of_each_record_of_damaged_files(tmp_path: Path, form: str) -> None:
    """A damaged line costs itself, and the lines around it are read alike."""
    lines = damaged(form)
    paths = damaged_files(tmp_path, lines)
    short = Limits(max_record_bytes=len(lines[0]) + 20)
    found, each = [], []
    for context in (TIMED, dataclasses.replace(TIMED, limits=short)):
        accounting = dataclasses.replace(context, accounting=True)
        found += [everything_of(read_all([path], form, context)) for path in paths]
        each += [everything_of(read_all([path], form, accounting)) for path in paths]
    assert each == found
    assert sum(bool(facts) for facts, *_ in found) > 3


def damaged_files(folder: Path, lines: list[bytes]) -> list[Path]:
    """The lines in one file, in files of five, and with a byte order mark, CRLF and no newline at the end."""
    paths = [write_lines(folder / "all.jsonl", lines)]
    some = [lines[number : number + 5] for number in range(0, len(lines), 5)]
    paths += [write_lines(folder / f"{number}.jsonl", each) for number, each in enumerate(some)]
    paths.append(folder / "windows.jsonl")
    paths[-1].write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    return paths


@pytest.mark.parametrize("form", ["canonical", "claude-export"])
def test_a_record_is_read_alike_alone_and_among_others(tmp_path: Path, form: str) -> None:
    """Good and bent records: a session or a quarantine code, whatever is next to it."""

    def read(name: str, some: list[Any]) -> tuple[list[Any], list[Any]]:
        path = write_lines(tmp_path / name, some)
        if form == "claude-export":
            path.write_text(json.dumps(some))
        found = read_all([path], form, TIMED)
        return found.sessions, [(entry.code, entry.conversation_key) for entry in found.quarantined]

    alone = [read(f"{number}.jsonl", [record]) for number, record in enumerate(records(form))]
    sessions, codes = read("all.jsonl", records(form))
    assert sessions == [session for found, _ in alone for session in found]
    assert codes == [code for _, found in alone for code in found]
    assert len(sessions) > 20
    assert len(codes) > 20


def test_a_damaged_canonical_line_costs_itself_alone(tmp_path: Path) -> None:
    """Lines after power cuts and bad disks: each is a session or one entry, whatever is next to it."""
    lines = damaged("canonical")
    for limit in (Limits().max_record_bytes, len(lines[0]) + 20):
        context = dataclasses.replace(TIMED, limits=Limits(max_record_bytes=limit))
        alone = [
            read_all([write_lines(tmp_path / "x.jsonl", [b"{}", line])], "canonical", context)
            for line in lines
        ]
        for path in (damaged_files(tmp_path, lines)[0], tmp_path / "windows.jsonl"):
            found = read_all([path], "canonical", context)
            assert found.sessions == [session for each in alone for session in each.sessions]
            codes = [entry.code for each in alone for entry in each.quarantined[1:]]
            assert [entry.code for entry in found.quarantined] == codes
        assert len(found.sessions) > 10
        assert len(found.quarantined) > 50


@pytest.mark.parametrize(
    "form", ["canonical", "sharegpt", "openai-messages", "anthropic-messages", "otel-genai"]
)
def test_how_finely_a_file_is_cut_changes_nothing(tmp_path: Path, form: str) -> None:
    """A file of lines is split into byte ranges: each record is in one range, and its pointer finds it."""
    lines = [json.dumps(GOOD[form]).encode(), *damaged(form), json.dumps(GOOD[form]).encode()]
    path = write_lines(tmp_path / "all.jsonl", lines)
    whole = read_all([path], form, TIMED)
    assert len(whole.units) == 1
    for size in (100, 1_000, 7_777):
        parts = read_all([path], form, TIMED, size)
        assert len(parts.units) == -(-path.stat().st_size // size)
        at = sorted(parts.facts.to_pylist(), key=lambda row: (json.loads(row["unit"])["start"], row["row"]))
        assert [{**row, "unit": "", "row": 0} for row in at] == [
            {**row, "unit": "", "row": 0} for row in whole.facts.to_pylist()
        ]
        assert sorted(map(msgspec.json.encode, parts.sessions)) == sorted(
            map(msgspec.json.encode, whole.sessions)
        )
        assert {*parts.quarantined} == {*whole.quarantined}


@pytest.mark.parametrize("form", COLUMN_FORMATS)
def test_good_records_are_read_by_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Otherwise the tests above compare one way of reading with itself."""

    def never(*_: Any) -> Any:
        raise AssertionError("read record by record")

    path = write_lines(tmp_path / "log.jsonl", [GOOD[form], *MORE.get(form, [])[: FAST.get(form, 0)]])
    monkeypatch.setattr(item_source, "read_record", never)
    assert not read_all([path], form, TIMED).quarantined


@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b" ", b"\xef\xbb\xbf", b"x" * 12]), max_size=12),
    st.integers(0, 40),
    st.one_of(st.none(), st.integers(0, 40)),
    st.sampled_from([1, 2, 5, 1000]),
)
def test_lines_do_not_depend_on_how_the_bytes_come(
    parts: list[bytes], start: int, end: int | None, chunk: int
) -> None:
    """A record belongs to one byte range, however many bytes a read returns."""
    data = b"".join(parts)
    start = min(start, len(data))
    expected, offset = [], 0
    for number, line in enumerate(io.BytesIO(data).readlines()):
        body = line.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf" if offset == 0 else b"")
        fits = len(line.rstrip(b"\r\n")) <= 10 and len(line) <= 12
        if offset >= start and (end is None or offset < end) and (body.strip() or not fits):
            expected.append((number, offset, len(line), body if fits else None))
        offset += len(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_CHUNK", chunk)
        patch.setattr(files, "_HEAD_BYTES", 1)
        found = list(files.lines(io.BytesIO(data), start, end, 10))
    skipped = data[:start].count(b"\n") + bool(start and data[start - 1 : start] != b"\n")
    assert [(line.number - 1 + skipped, *line[1:]) for line in found] == expected


def test_facts_taken_in_parts_are_those_taken_at_once(tmp_path: Path) -> None:
    """How many sessions are converted to facts at once depends on their sizes; the facts must not."""
    path = write_lines(tmp_path / "log.jsonl", [r for r in records("canonical") if isinstance(r, dict)])
    sessions = read_all([path], "canonical", TIMED).sessions
    reads = [ReadRecord(n, n * 7, 7, session, None) for n, session in enumerate(sessions)]
    parts = Facts(CONTEXT.hasher)
    for n in range(0, len(reads), 3):
        parts.add(reads[n : n + 3], placed=True)
    whole = facts_table(reads, "unit", CONTEXT.hasher)
    assert parts.table("unit").equals(whole)
    assert whole["text_bytes"].to_pylist() == [sum(map(text_bytes, each.messages)) for each in sessions]
