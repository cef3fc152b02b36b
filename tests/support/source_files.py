"""Small inputs for the tests of source formats, and everything read from a file."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits, Session
from schemas.tables import FACTS
from schemas.units import Quarantined, Unit
from transforms.sources.base import InputFile, Pointer, ReadContext
from transforms.sources.registry import plan_tasks, plan_units, read_facts, read_sessions

HASHER = KeyedHasher(bytes(range(32)))
CONTEXT = ReadContext(HASHER, Limits(), (Defaults(),))


class Everything(NamedTuple):
    """Everything read from a set of files; `sessions` are read by the pointers of the facts."""

    facts: pa.Table
    sessions: list[Session]
    quarantined: list[Quarantined]
    units: list[Unit]

    @property
    def codes(self) -> list[str]:
        """The quarantine codes, sorted."""
        return sorted(entry.code for entry in self.quarantined)


def read_all(
    paths: Sequence[Path | InputFile],
    source_format: str = "canonical",
    context: ReadContext = CONTEXT,
    unit_bytes: int = 32 << 20,
) -> Everything:
    """Everything in the files, read as in a run: plan, facts, then each session by pointer."""
    files = [
        path if isinstance(path, InputFile) else InputFile(str(path), path.stat().st_size) for path in paths
    ]
    tables, sessions, faults, units = [FACTS.empty_table()], [], [], []
    for task in plan_tasks(0, source_format, files):
        planned, unreadable = plan_units(task, unit_bytes)
        faults += unreadable
        units += planned
    for unit in units:
        for batch in read_facts(Unit.decode(unit.encode()), context):
            tables.append(batch.facts)
            faults += batch.quarantined
            assert batch.records == batch.facts.num_rows + len(batch.quarantined)
        rows = [table for table in tables if table.num_rows and table["unit"][0].as_py() == unit.encode()]
        pointers = [pointer for table in rows for pointer in pointers_of(table)]
        found = list(read_sessions(unit, context, pointers))
        assert [row for row, _ in found] == [pointer.row for pointer in pointers]
        sessions += [session for _, session in found]
    return Everything(pa.concat_tables(tables), sessions, faults, units)


def pointers_of(facts: pa.Table) -> list[Pointer]:
    """The pointers of FACTS rows, with their digests."""
    return [Pointer(**row) for row in facts.select([*Pointer._fields]).to_pylist()]


def message(message_id: str = "m1", **fields: Any) -> dict[str, Any]:
    """A canonical message in JSON."""
    return {
        "message_id": message_id,
        "role": "user",
        "sent_at": "2025-10-01T10:00:00Z",
        "content": "hi",
    } | fields


def record(**fields: Any) -> dict[str, Any]:
    """A canonical session in JSON; a field given as `...` is left out."""
    whole = {
        "conversation_id": "c1",
        "user_id": "u1",
        "tier": "pro",
        "surface": "chat",
        "created_at": "2025-10-01T10:00:00Z",
        "messages": [message()],
    } | fields
    return {name: value for name, value in whole.items() if value is not ...}


def write_lines(path: Path, records: Sequence[Any]) -> Path:
    """A JSON Lines file of these records; bytes are written unchanged."""
    lines = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in records]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def utc(text: str) -> dt.datetime:
    """An instant from ISO text with an offset."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
