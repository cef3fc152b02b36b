"""Canonical Parquet files for tests, from JSON records."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.source_files import Everything, message, record

UTC = pa.timestamp("us", tz="UTC")
BLOCK = pa.struct(
    [
        ("type", pa.string()),
        ("text", pa.string()),
        ("thinking", pa.string()),
        ("id", pa.string()),
        ("name", pa.string()),
        ("input", pa.string()),
        ("tool_use_id", pa.string()),
        ("content", pa.string()),
        ("is_error", pa.bool_()),
    ]
)


def schema(
    instant: pa.DataType = UTC, text: pa.DataType | None = None, content: pa.DataType | None = None
) -> pa.Schema:
    text = text or pa.string()
    fields = [(name, text) for name in ("message_id", "role", "origin", "parent_id", "thread")]
    inner = pa.struct([*fields, ("sent_at", instant), ("content", content or pa.list_(BLOCK))])
    names = ("conversation_id", "user_id", "organization_id", "tier", "surface", "current_message_id")
    return pa.schema(
        [
            *((name, text) for name in names),
            ("created_at", instant),
            ("deleted_at", instant),
            ("incognito", pa.bool_()),
            ("messages", pa.list_(inner)),
            ("extra", pa.string()),
        ]
    )


def typed(value: Any, instant: pa.DataType) -> Any:
    """A JSON record with Arrow times, and with tool inputs as JSON text."""
    if isinstance(value, list):
        return [typed(item, instant) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for name, item in value.items():
        if name in ("created_at", "sent_at", "deleted_at") and item and pa.types.is_timestamp(instant):
            moment = dt.datetime.fromisoformat(item)
            made[name] = moment if instant.tz else moment.replace(tzinfo=None)
        elif name == "input":
            made[name] = json.dumps(item)
        else:
            made[name] = typed(item, instant)
    return made


def parquet(path: Path, records: list[dict[str, Any]], kind: pa.Schema | None = None, **options: Any) -> Path:
    kind = kind or schema()
    rows = typed(records, kind.field("created_at").type)
    pq.write_table(pa.Table.from_pylist(rows, kind), path, **options)
    return path


def facts(found: Everything) -> list[dict[str, Any]]:
    """The facts without what depends on the place and the bytes of a record."""
    places = ["unit", "row", "offset", "length", "digest"]
    rows: list[dict[str, Any]] = found.facts.drop_columns(places).to_pylist()
    return rows


def random_record(rng: random.Random, number: int) -> dict[str, Any]:
    def maybe(*values: Any) -> Any:
        return rng.choice([None, *values])

    def block() -> dict[str, Any]:
        kind = rng.choice(["text", "thinking", "tool_use", "tool_result", "image", "odd"])
        body = {
            "text": {"text": rng.choice(["", " \n", "\u2003", "hi", "日本", "\x1c"])},
            "thinking": {"thinking": "hm"},
            "tool_use": {"id": "t", "name": "n", "input": rng.choice([{"a": [1, "x"]}, "s", None, 5, {}])},
            "tool_result": {"tool_use_id": "t", "content": rng.choice(["", "out"]), "is_error": maybe(True)},
        }.get(kind, {})
        return {"type": kind} | body

    def one(n: int) -> dict[str, Any]:
        return message(
            f"{number}-{n}",
            role=rng.choice(["system", "user", "assistant", "tool"]),
            origin=maybe("human", "model", "tool", "harness", "summary"),
            parent_id=maybe("", f"{number}-{n - 1}"),
            thread=maybe("", "main", "agent-1", "agent-2"),
            sent_at=f"2025-10-0{rng.randint(1, 9)}T10:00:00.{rng.randint(0, 999_999):06}Z",
            content=rng.choice([None, [], [block() for _ in range(rng.randint(1, 4))]]),
        )

    return record(
        conversation_id=f"c{number}",
        user_id=maybe("u1", "", "ü"),
        organization_id=maybe("o", " "),
        tier=maybe("pro", "max"),
        current_message_id=maybe(f"{number}-0", "gone", ""),
        deleted_at=maybe("2025-11-01T00:00:00Z"),
        incognito=maybe(True, False),
        messages=[each for n in range(rng.randint(0, 5)) for each in [one(n)] * rng.choice([1, 1, 1, 2])],
    )
