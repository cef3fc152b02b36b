"""Two ways to read one record, a fast and a careful one: what comes out must not tell which it was."""

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
from tests.support.records_of_formats import FAST, GOOD, LINES, MORE, damaged, records
from tests.support.source_files import CONTEXT, Everything, read_all, write_lines
from transforms.sources import files
from transforms.sources.canonical import lines as canonical_json
from transforms.sources.exports import claude_conversation as claude_export_items
from transforms.sources.facts.messages import text_bytes
from transforms.sources.facts.table import Facts, ReadRecord, facts_table
from transforms.sources.json import item_source as item_file

TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),))


def carefully(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the fast ways out."""
    monkeypatch.setattr(canonical_json, "decode_sessions", lambda *_: None)
    monkeypatch.setattr(item_file, "is_kept", lambda: True)
    monkeypatch.setattr(claude_export_items, "_instants", lambda chat: [None] * len(chat))


def told(found: Everything) -> Any:
    """All that can be told of what was read."""
    return found.facts.to_pylist(), found.sessions, found.quarantined


@pytest.mark.parametrize("form", [*LINES, "claude-export"])
def test_both_ways_give_the_same_of_good_and_of_bent_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """The fast way is taken or not by what stands beside a record: its result must be the same."""
    paths = [tmp_path / f"{n}.jsonl" for n in range(len(records(form)))]
    for path, record in zip(paths, records(form), strict=True):
        write_lines(path, [record])
        if form == "claude-export":
            path.write_text(json.dumps([record]))
    together = write_lines(tmp_path / "all.jsonl", records(form))
    if form == "claude-export":
        together.write_text(json.dumps(records(form)))
    fast = [told(read_all([path], form, TIMED)) for path in [*paths, together]]
    carefully(monkeypatch)
    assert [told(read_all([path], form, TIMED)) for path in [*paths, together]] == fast
    assert sum(bool(facts) for facts, *_ in fast) > 20


@pytest.mark.parametrize("form", LINES)
def test_both_ways_give_the_same_of_damaged_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A line that is broken costs itself, and what stands before and behind it is read alike."""
    lines = damaged(form)
    paths = [write_lines(tmp_path / "all.jsonl", lines)]
    some = [lines[number : number + 5] for number in range(0, len(lines), 5)]
    paths += [write_lines(tmp_path / f"{number}.jsonl", each) for number, each in enumerate(some)]
    # No newline at the end, a mark at the beginning, and ends of lines as Windows has them.
    paths.append(tmp_path / "other.jsonl")
    paths[-1].write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    short = dataclasses.replace(TIMED, limits=Limits(max_record_bytes=len(lines[0]) + 20))
    contexts = [TIMED, short]
    fast = [told(read_all([path], form, context)) for path in paths for context in contexts]
    carefully(monkeypatch)
    assert [told(read_all([path], form, context)) for path in paths for context in contexts] == fast
    assert sum(bool(facts) for facts, *_ in fast) > 3


@pytest.mark.parametrize(
    "form", ["canonical", "sharegpt", "openai-messages", "anthropic-messages", "otel-genai"]
)
def test_how_finely_a_file_is_cut_changes_nothing(tmp_path: Path, form: str) -> None:
    """A file of lines is shared out in ranges of bytes: each record is in one, and found at its place."""
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


@pytest.mark.parametrize("form", LINES)
def test_good_records_are_read_the_fast_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Else the test above compares the careful way with itself."""
    path = write_lines(tmp_path / "log.jsonl", [GOOD[form], *MORE.get(form, [])[: FAST.get(form, 0)]])
    monkeypatch.setattr(canonical_json, "_one_by_one", _never)
    monkeypatch.setattr(item_file, "read_record", _never)
    assert not read_all([path], form, TIMED).quarantined


def _never(*_: Any) -> Any:
    raise AssertionError("the careful way")


@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b" ", b"\xef\xbb\xbf", b"x" * 12]), max_size=12),
    st.integers(0, 40),
    st.one_of(st.none(), st.integers(0, 40)),
    st.sampled_from([1, 2, 5, 1000]),
)
def test_lines_do_not_depend_on_how_the_bytes_come(
    parts: list[bytes], start: int, end: int | None, chunk: int
) -> None:
    """A record belongs to one range of bytes whatever a read gives at once."""
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
    """How many sessions are held before their facts are taken follows their sizes, and nothing else may."""
    path = write_lines(tmp_path / "log.jsonl", [r for r in records("canonical") if isinstance(r, dict)])
    sessions = read_all([path], "canonical", TIMED).sessions
    reads = [ReadRecord(n, n * 7, 7, session, None) for n, session in enumerate(sessions)]
    parts = Facts(CONTEXT.hasher)
    for n in range(0, len(reads), 3):
        parts.add(reads[n : n + 3], placed=True)
    whole = facts_table(reads, "unit", CONTEXT.hasher)
    assert parts.table("unit").equals(whole)
    assert whole["text_bytes"].to_pylist() == [sum(map(text_bytes, each.messages)) for each in sessions]
