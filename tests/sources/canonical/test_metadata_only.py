"""An audit of Parquet leaves texts unread, and decides as a run does that reads them."""

from __future__ import annotations

import dataclasses
import io
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.tables import TEXT_NOT_READ
from schemas.units import Quarantined
from tests.support.parquet_rows import parquet, random_record, schema
from tests.support.source_files import CONTEXT, RUN_KEY, Everything, message, read_all, record
from transforms.decide.merge import merge
from transforms.decide.size_tiebreak import with_sizes
from transforms.read.stage import DigestFiles
from transforms.shuffle.spill import Spill
from transforms.sources.base import InputFile
from transforms.sources.canonical import parquet_digest, parquet_layout
from transforms.sources.canonical.parquet_digest import extent, metadata_digest
from transforms.sources.registry import plan_tasks, plan_units, read_facts

AUDIT = dataclasses.replace(CONTEXT, metadata_only=True)
#: The leaves of a message's content with texts, tool calls or results.
TEXTS = ("content", "text", "thinking", "id", "name", "input", "tool_use_id", "is_error")
BLANKS = ["", " \n", "\u2003", "\x1c", None]
Range = tuple[int, int]


def talk(number: int, text: str | None = "Good.", **fields: Any) -> dict[str, Any]:
    """A question and an answer; texts as blocks."""
    contents = [[{"type": "text", "text": each}] for each in ("How?", text)]
    call = [{"type": "tool_use", "id": "t", "name": "look", "input": {"a": 1}}]
    messages = [
        message(f"{number}-0", content=contents[0]),
        message(f"{number}-1", role="assistant", content=contents[1] + call * (number % 2)),
    ]
    return record(**{"conversation_id": f"c{number}", "messages": messages} | fields)


def facts_of(path: Path, context: Any) -> tuple[list[dict[str, Any]], list[Quarantined]]:
    """The facts without the sizes and digests of texts, and the quarantine entries."""
    tables, faults = [], []
    for task in plan_tasks(0, "canonical", [InputFile(str(path), path.stat().st_size)]):
        for unit in plan_units(task)[0]:
            for batch in read_facts(unit, context):
                tables.append(batch.facts.drop_columns(["text_bytes", "digest"]))
                faults += batch.quarantined
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return rows, faults


def text_chunks(path: Path) -> list[Range]:
    """The byte ranges (start, end) of the text chunks."""
    found = []
    metadata = pq.read_metadata(path)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            steps = chunk.path_in_schema.split(".")
            if "content" in steps and steps[-1] in TEXTS:
                start, length = extent(chunk)
                found.append((start, start + length))
    assert found
    return found


def spoil(path: Path, seed: int = 3) -> None:
    """Overwrites every byte of the texts' chunks with noise."""
    data = bytearray(path.read_bytes())
    for start, end in text_chunks(path):
        data[start:end] = random.Random(seed).randbytes(end - start)
    path.write_bytes(data)


class Counting(io.FileIO):
    """A file that notes which ranges are read of it."""

    ranges: list[Range]

    def size(self) -> int:
        return self.seek(0, io.SEEK_END)

    def read(self, size: int | None = -1) -> bytes:
        start = self.tell()
        data = super().read(-1 if size is None else size)
        self.ranges.append((start, start + len(data)))
        return data or b""

    def readinto(self, buffer: Any) -> int:
        start = self.tell()
        count = super().readinto(buffer) or 0
        self.ranges.append((start, start + count))
        return count


@pytest.fixture
def ranges(monkeypatch: pytest.MonkeyPatch) -> list[Range]:
    """The ranges read of Parquet files, wherever the readers open one."""
    found: list[Range] = []

    def open_counting(path: str) -> Counting:
        file = Counting(path)
        file.ranges = found
        return file

    for module in (parquet_layout, parquet_digest):
        monkeypatch.setattr(module, "open_columns", open_counting)
    return found


def read_of(ranges: list[Range], chunks: list[Range]) -> int:
    """Bytes of the chunks that were read."""
    return sum(max(0, min(e, end) - max(s, start)) for s, e in ranges for start, end in chunks)


def test_not_one_byte_of_a_text_is_read(tmp_path: Path, ranges: list[Range]) -> None:
    """Unread texts cannot slow an audit down or leak from it."""
    bad = [talk(98, conversation_id=""), talk(99, created_at=None)]
    path = parquet(tmp_path / "x.parquet", [talk(n) for n in range(90)] + bad, row_group_size=40)
    chunks = text_chunks(path)
    rows, faults = facts_of(path, AUDIT)
    assert (len(rows), [fault.code for fault in faults]) == (90, ["missing_field"] * 2)
    (_,) = DigestFiles(RUN_KEY, True, Spill(None, RUN_KEY)).process(RUN_KEY.seal((0, 0, str(path))))
    assert read_of(ranges, chunks) == 0
    assert sum(end - start for start, end in ranges) > 0
    ranges.clear()
    facts_of(path, CONTEXT)
    assert read_of(ranges, chunks) >= sum(end - start for start, end in chunks)


@pytest.mark.parametrize("content", [None, pa.string()], ids=["blocks", "plain"])
def test_damaged_texts_change_no_fact(tmp_path: Path, content: pa.DataType | None) -> None:
    """Facts, faults and the digest in the manifest depend only on the other columns."""
    records = [talk(n) for n in range(60)] + [talk(99, created_at=None)]
    if content is not None:
        for each in (m for r in records for m in r["messages"]):
            each["content"] = each["content"][0]["text"]
    path = parquet(tmp_path / "x.parquet", records, schema(content=content))
    wanted, faults = facts_of(path, CONTEXT)
    digest = metadata_digest(str(path))
    spoil(path)
    assert facts_of(path, AUDIT) == (wanted, faults)
    assert metadata_digest(str(path)) == digest
    assert digest is not None
    assert facts_of(path, CONTEXT)[0] == []


@pytest.mark.parametrize("seed", range(6))
def test_an_audit_has_the_facts_of_a_run(tmp_path: Path, seed: int) -> None:
    """Blank texts, copies of messages, times as text: whatever the texts decide, they still decide."""
    rng = random.Random(seed)
    records = [random_record(rng, number) for number in range(60)]
    path = parquet(tmp_path / "x.parquet", records, row_group_size=25)
    assert facts_of(path, AUDIT) == facts_of(path, CONTEXT)


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("others", [["Good."], ["Good.", "Ünd?", "\nWell"]], ids=["plain", "wild"])
def test_a_blank_answer_is_none_in_an_audit_too(tmp_path: Path, blank: str | None, others: list[str]) -> None:
    """One blank text among many must not be missed because the others are valid."""
    records = [talk(2 * n, others[n % len(others)]) for n in range(20)] + [talk(50, blank)]
    path = parquet(tmp_path / "x.parquet", records)
    rows, _ = facts_of(path, AUDIT)
    assert rows == facts_of(path, CONTEXT)[0]
    assert rows[-1]["message_flags"][1] == 0


def test_where_texts_are_needed_and_cannot_be_read_the_rest_decides(tmp_path: Path) -> None:
    """Whether damage is seen must not hang on whether some text begins with a letter."""
    records = [talk(n, "Äh.") for n in range(30)]
    path = parquet(tmp_path / "x.parquet", records)
    wanted = facts_of(path, CONTEXT)
    spoil(path)
    assert facts_of(path, AUDIT) == wanted


def test_texts_are_read_where_two_records_tie_and_differ(tmp_path: Path) -> None:
    """The size of the texts decides which of two records is newer, in audits as in runs."""
    pairs = [
        talk(1, "long enough to win", tier="max"),
        talk(1, "short", tier="free"),
        *(talk(2, text) for text in ("same but for its text", "same")),
        talk(3),
    ]
    path = parquet(tmp_path / "x.parquet", pairs)
    audit: Everything = read_all([path], context=AUDIT)
    run = read_all([path])
    assert audit.facts["text_bytes"].to_pylist() == [TEXT_NOT_READ] * 5
    sized = with_sizes(audit.facts, AUDIT)
    assert sized["text_bytes"].to_pylist() == run.facts["text_bytes"].to_pylist()[:2] + [TEXT_NOT_READ] * 3
    newest = [
        merge(facts).records["tier"].take(pa.array(merge(facts).newest)) for facts in (sized, run.facts)
    ]
    assert newest[0].to_pylist() == newest[1].to_pylist()
    spoil(path)
    assert with_sizes(audit.facts, AUDIT)["text_bytes"].to_pylist() == [TEXT_NOT_READ] * 5


def test_other_files_than_parquet_are_digested_whole(tmp_path: Path) -> None:
    """In JSON Lines an audit also reads every byte."""
    path = tmp_path / "x.jsonl"
    path.write_text("{}\n")
    (entry,) = DigestFiles(RUN_KEY, True, Spill(None, RUN_KEY)).process(RUN_KEY.seal((0, 0, str(path))))
    assert b'"sha256":"' in Spill(None, RUN_KEY).get(entry)
    assert metadata_digest(str(path)) is None
