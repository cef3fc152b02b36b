"""One conversation found in inputs of any format, and nothing else read of the others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from transforms.decide.explain.locate import find_conversation
from transforms.sources.base import InputFile, ReadContext
from transforms.sources.registry import plan_tasks

HASHER = KeyedHasher(bytes(range(32)))
WANTED = 'c-"7"\u00e4'
AT = "2025-10-01T00:00:00Z"


def record(conversation_id: str, number: int, **more: Any) -> dict[str, Any]:
    message = {"message_id": f"m{number}", "role": "user", "sent_at": AT, "content": f"mentions {WANTED}"}
    fields = {"conversation_id": conversation_id, "user_id": "u", "created_at": AT}
    return {**fields, "messages": [message], **more}


RECORDS = [
    record("a", 0),
    record(WANTED, 1),
    record("b", 2, tier="pro"),
    record(WANTED, 3, created_at="2025-10-01T00:00:00"),
    record(WANTED, 4),
]


def written(folder: Path, kind: str) -> Path:
    """The records as a file; ids are escaped in one of them, as JSON writers do."""
    if kind == "parquet":
        path = folder / "log.parquet"
        pq.write_table(pa.Table.from_pylist(RECORDS[:3] + RECORDS[4:]), path, row_group_size=1)
        return path
    ascii_only = kind == "escaped"
    lines = [json.dumps(r, ensure_ascii=ascii_only).encode() for r in RECORDS]
    lines.insert(2, b"{not json " + WANTED.encode())
    path = folder / ("log.jsonl.gz" if kind == "gzip" else "log.jsonl")
    data = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(data) if kind == "gzip" else data)
    return path


@pytest.mark.parametrize("kind", ["plain", "escaped", "gzip", "parquet"])
def test_a_conversation_is_found_whole_by_its_id_and_by_its_key(tmp_path: Path, kind: str) -> None:
    """Every record of it, the unreadable one too; a record that only mentions the id is another's."""
    path = written(tmp_path, kind)
    tasks = plan_tasks(0, "canonical", [InputFile(str(path), path.stat().st_size)])
    key = HASHER.conversation(WANTED)
    for only in (WANTED, None):
        found = find_conversation(tasks, key, ReadContext(HASHER, Limits(), (Defaults(),), only=only))
        assert [s.messages[0].message_id for s in found.sessions] == ["m1", "m4"]
        assert set(found.facts["conversation_key"].to_pylist()) == {key}
        codes = [entry.code for entry in found.quarantined]
        assert codes == ([] if kind == "parquet" else ["naive_timestamp"])


def test_a_row_group_without_the_conversation_is_not_read(tmp_path: Path) -> None:
    """The text columns may be terabytes. Here they are damaged, and the search still succeeds."""
    path = tmp_path / "log.parquet"
    rows = [record("a", 0), record(WANTED, 1)]
    pq.write_table(
        pa.Table.from_pylist(rows), path, row_group_size=1, compression="none", use_dictionary=False
    )
    data = path.read_bytes()
    at = pq.ParquetFile(path).metadata.row_group(0)
    columns = [at.column(n) for n in range(at.num_columns)]
    start = next(c.data_page_offset for c in columns if c.path_in_schema.endswith("content"))
    path.write_bytes(data[:start] + b"\xff" * 40 + data[start + 40 :])
    tasks = plan_tasks(0, "canonical", [InputFile(str(path), path.stat().st_size)])
    context = ReadContext(HASHER, Limits(), (Defaults(),), only=WANTED)
    found = find_conversation(tasks, HASHER.conversation(WANTED), context)
    assert [s.messages[0].message_id for s in found.sessions] == ["m1"]
    assert found.quarantined == []
