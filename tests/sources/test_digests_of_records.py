"""Each record has a digest of its own, also where it is read together with others."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.records import Defaults
from tests.support.source_files import CONTEXT, message, read_all, record, utc, write_lines
from transforms.sources.canonical import parquet


def digests(path: Path, name: str, **options: Any) -> list[int]:
    """The digests of all facts in order; `read_all` reads each session again and compares its digest."""
    context = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=utc("2026-01-01T00:00:00Z")),))
    found: list[int] = read_all([path], name, context, **options).facts["digest"].to_pylist()
    return found


def turns(number: int) -> dict[str, Any]:
    said = [{"from": "human", "value": f"question {number % 2}"}, {"from": "gpt", "value": "answer"}]
    return {"id": f"c{number}", "conversations": said}


def array(path: Path) -> Path:
    path.write_text(json.dumps([turns(number) for number in range(6)]))
    return path


def compressed_array(path: Path) -> Path:
    path = path.with_suffix(".json.gz")
    path.write_bytes(gzip.compress(json.dumps([turns(number) for number in range(6)]).encode()))
    return path


def rows(path: Path) -> Path:
    listed = [record(conversation_id=f"c{number}") for number in range(6)]
    pq.write_table(pa.Table.from_pylist(listed), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def spans(path: Path) -> Path:
    said = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "ho"}]}]
    each = {
        "startTimeUnixNano": "1767600000000000000",
        "attributes": [
            {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps(said)}},
            {"key": "gen_ai.output.messages", "value": {"stringValue": json.dumps(answer)}},
        ],
    }
    return write_lines(path, [{"resourceSpans": [{"scopeSpans": [{"spans": [each] * 3}]}]}] * 2)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        pytest.param(array, "sharegpt", id="array"),
        pytest.param(compressed_array, "sharegpt", id="compressed array"),
        pytest.param(rows, "canonical", id="Parquet batch"),
    ],
)
def test_records_that_are_read_together_have_different_digests(
    tmp_path: Path, write: Callable[[Path], Path], name: str
) -> None:
    """With one digest for all, a session's text digest would not tell which of them it was read from."""
    found = digests(write(tmp_path / "a.json"), name)
    assert len(found) == len(set(found)) == 6


def test_records_of_one_line_have_different_digests_and_equal_lines_equal_ones(tmp_path: Path) -> None:
    """A line of spans holds several calls. A line that is copied keeps the digests of its records."""
    found = digests(spans(tmp_path / "a.jsonl"), "otel-genai")
    assert len(found) == 6
    assert found[:3] == found[3:]
    assert len(set(found)) == 3


def test_sessions_of_one_group_of_files_have_different_digests(tmp_path: Path) -> None:
    """All files of a group are digested together."""
    lines = [
        {
            "type": "user",
            "uuid": f"u{session}",
            "parentUuid": None,
            "sessionId": f"s{session}",
            "timestamp": "2026-01-01T00:00:00Z",
            "message": {"role": "user", "content": "hi"},
        }
        for session in range(3)
    ]
    found = digests(write_lines(tmp_path / "a.jsonl", lines), "claude-code")
    assert len(found) == len(set(found)) > 1


def test_the_digest_of_a_line_does_not_depend_on_its_place(tmp_path: Path) -> None:
    """Logs are moved, copied and appended to; their sessions need not be masked again."""
    one, two = record(conversation_id="a"), record(conversation_id="b", messages=[message("m2")])
    first = digests(write_lines(tmp_path / "a.jsonl", [one, two]), "canonical")
    moved = digests(write_lines(tmp_path / "b.jsonl", [two, two, one]), "canonical", unit_bytes=64)
    assert moved == [first[1], first[1], first[0]]
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "b.jsonl").read_bytes()))
    assert digests(tmp_path / "c.jsonl.gz", "canonical") == moved


def test_batches_of_a_row_group_are_digested_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal batches at other rows have equal digests, and a record keeps its place within its batch."""
    listed = [record(conversation_id=f"c{number % 2}") for number in range(4)]
    pq.write_table(pa.Table.from_pylist(listed), tmp_path / "a.parquet")

    def pairs(file: Any, group: int, columns: Any = None) -> Any:
        for first, batch in whole(file, group, columns):
            yield from ((first + start, batch.slice(start, 2)) for start in range(0, batch.num_rows, 2))

    whole = parquet.batches_of
    monkeypatch.setattr(parquet, "batches_of", pairs)
    found = digests(tmp_path / "a.parquet", "canonical")
    assert found[:2] == found[2:]
    assert found[0] != found[1]
