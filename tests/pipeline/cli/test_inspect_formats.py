"""`inspect` and `convert` over each format: detected, counted like a run, converted without loss."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.commands.convert import convert
from pipeline.commands.inspect import inspect
from schemas.records import Defaults, Limits
from schemas.tables import FACTS
from tests.support.records_of_formats import GOOD, MORE, damaged
from tests.support.samples import sample, sample_files
from tests.support.source_files import CONTEXT, read_all
from transforms.sources.peek import peek_of
from transforms.sources.recognize import formats_of

TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),))
ARRAYS = ("claude-export", "chatgpt-export")
SAMPLES = {
    "claude_code/ccl_unit": "claude-code",
    "claude_code/inspect_scout": "claude-code",
    "claude_ai/osteele/testdata": "claude-export",
    "claude_ai/logactyl/conversations.json": "claude-export",
    "claude_ai/logactyl/claude-synthetic-export.zip": "claude-export",
    "claude_ai/claude_export_html/conversations.json": "claude-export",
    "claude_ai/chat_history_pkg/claude_2026_sample.json": "claude-export",
    "chatgpt/logactyl/conversations-000.json": "chatgpt-export",
    "chatgpt/logactyl/chatgpt-synthetic-export.zip": "chatgpt-export",
    "chatgpt/chat_history_pkg/chatgpt_2026_sample.json": "chatgpt-export",
    "chat_datasets/sharegpt_fastchat/dummy_conversation.json": "sharegpt",
}


def written(folder: Path, name: str) -> Path:
    """A made-up log of a format: the good records of the tests, and one that cannot be read."""
    records: list[Any] = [GOOD[name], *MORE.get(name, []), {"unreadable": 1}]
    if name == "openai-messages":
        # With the id of a conversation it is a canonical record.
        records = [
            {field: record[field] for field in record if field != "conversation_id"} for record in records
        ]
    if name in ARRAYS:
        path = folder / "conversations.json"
        path.write_text(json.dumps(records))
    else:
        path = folder / "log.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize("name", GOOD)
def test_each_format_is_detected_from_file_contents(tmp_path: Path, name: str) -> None:
    """Users often do not know the format of a file they received."""
    check_detected(written(tmp_path, name), name)


@pytest.mark.samples
@pytest.mark.parametrize(("path", "name"), SAMPLES.items())
def test_public_samples_are_detected_from_file_contents(path: str, name: str) -> None:
    """Files that other people wrote have what made-up ones lack."""
    check_detected(sample(path), name)


@pytest.mark.parametrize("name", GOOD)
def test_inspect_counts_what_a_run_reads(tmp_path: Path, name: str) -> None:
    """Sessions, messages and faults are those of the pipeline's own readers."""
    check_counted(written(tmp_path, name), name)


@pytest.mark.samples
@pytest.mark.parametrize("path", [name for name in SAMPLES if name != "claude_ai/osteele/testdata"])
def test_inspect_counts_what_a_run_reads_of_public_samples(path: str) -> None:
    """The same over files that other people wrote."""
    check_counted(sample(path), SAMPLES[path])


@pytest.mark.parametrize("name", GOOD)
def test_converted_logs_decide_like_their_originals(tmp_path: Path, name: str) -> None:
    """Every fact but its place is equal, so every decision is; and equal input gives equal bytes."""
    (tmp_path / "in").mkdir()
    check_converted([written(tmp_path / "in", name)], name, tmp_path)


@pytest.mark.samples
@pytest.mark.parametrize(("path", "name"), SAMPLES.items())
def test_converted_public_samples_decide_like_their_originals(tmp_path: Path, path: str, name: str) -> None:
    """The same over files that other people wrote."""
    given = sample(path)
    files = [given] if given.is_file() else sorted(p for p in given.rglob("*") if p.is_file())
    if given.is_dir() and name == "claude-export":
        files = sorted(given.rglob("conversations*.json"))
    check_converted(files, name, tmp_path)


NO_LOG = {
    "empty": b"",
    "zeros": bytes(100),
    "nested": b"[" * 100_000,
    "cut.json": b'[{"conversation_id": "c", "mess',
    "latin1.txt": "Gr\u00fc\u00dfe".encode("latin-1"),
    "utf16.json": '{"a": 1}'.encode("utf-16"),
    "lone.json": rb'{"a": "\ud800"}',
    "number.json": b"1e999999",
    "text.jsonl": b'{"text": "I am Ann", "label": []}\n',
    "packed.gz": b"\x1f\x8b\x08broken",
    "packed.zip": b"PK\x03\x04broken",
    "columns.parquet": b"PAR1broken",
}


@pytest.mark.parametrize("name", NO_LOG)
def test_a_file_that_is_no_log_has_no_format(tmp_path: Path, name: str) -> None:
    """Malformed, nested, cut, in no encoding: no format is found, and no error is raised."""
    (tmp_path / name).write_bytes(NO_LOG[name])
    assert formats_of(peek_of(str(tmp_path / name))) == []


@pytest.mark.parametrize("name", GOOD)
def test_a_damaged_record_raises_no_error(tmp_path: Path, name: str) -> None:
    """Whatever happened to a line, its file has this format or none."""
    for number, data in enumerate(damaged(name)):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(data)
        formats_of(peek_of(str(path)))


@pytest.mark.samples
@pytest.mark.parametrize(
    "path",
    [
        *sample_files("bad_input/JSONTestSuite/test_parsing/*.json"),
        *sample_files("bad_input/utf8tests/*.*"),
        *sample_files("pii/*.jsonl"),
    ],
    ids=lambda path: path.name,
)
def test_a_public_file_that_is_no_log_has_no_format(path: Path) -> None:
    """The same over suites of broken JSON and of broken UTF-8, and over labelled texts."""
    assert formats_of(peek_of(str(path))) == []


def check_detected(path: Path, name: str) -> None:
    """The format is found; a single file has no other."""
    found = inspect(str(path))
    assert found["formats"][0]["format"] == name
    if path.is_file():
        assert len(found["formats"]) == 1
        assert found["formats"][0]["also_possible"] == []


def check_counted(path: Path, name: str) -> None:
    """The counts of `inspect` are those of the readers."""
    (found,) = inspect(str(path), name)["formats"]
    files = [path] if path.is_file() else sorted(path.rglob("*.jsonl"))
    timed = TIMED if name in ("sharegpt", "openai-messages") else CONTEXT
    read = read_all(files, name, timed)
    assert found["records"] == len(read.sessions) + len(read.quarantined)
    ids = {(session.conversation_id, m.message_id) for session in read.sessions for m in session.messages}
    assert found["messages"] == len(ids)
    assert sum(found["quarantined"].values()) == len(read.quarantined)
    assert found["sessions"] == len(set(read.facts["conversation_key"].to_pylist()))


def check_converted(files: list[Path], name: str, folder: Path) -> None:
    """Both files have the same facts, and a second conversion has the same bytes."""
    output, again = folder / "a.parquet", folder / "b.parquet"
    paths, defaults = [str(file) for file in files], TIMED.defaults[0]
    done = convert(paths, output, name, defaults, Limits())
    before, after = read_all(files, name, TIMED), read_all([output], "canonical", TIMED)
    assert done.sessions == len(before.sessions) == len(after.sessions)
    assert sum(done.quarantined.values()) == len(before.quarantined)
    assert after.codes == []
    assert facts_of(after.facts) == facts_of(before.facts)
    convert(paths, again, name, defaults, Limits())
    assert output.read_bytes() == again.read_bytes()
    assert output.stat().st_mode & 0o777 == 0o600


def facts_of(table: pa.Table) -> list[dict[str, Any]]:
    """The facts that decide, of every record, sorted; the size of texts is an estimate for shards."""
    places = {"unit", "row", "offset", "length", "digest", "text_bytes"}
    rows = table.select([name for name in FACTS.names if name not in places]).to_pylist()
    return sorted(rows, key=repr)
