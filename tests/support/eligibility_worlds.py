"""Small inputs for the engine: rows by hand, and a grid of instants around every boundary."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa

from schemas.policy import Policy
from schemas.tables import (
    AUTHORIZATIONS,
    CONSENT,
    DECISIONS,
    DELETIONS,
    FACTS,
)
from transforms.decide.rules import decide
from transforms.decide.settle import settle

Row = dict[str, Any]
Tables = dict[str, list[Row]]
SCHEMAS = {
    "facts": FACTS,
    "consent": CONSENT,
    "user_deletions": DELETIONS,
    "authorizations": AUTHORIZATIONS,
}

AS_OF = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
EFFECTIVE_AT = dt.datetime(2025, 8, 28, tzinfo=dt.UTC)
KNOWN_UNTIL = AS_OF - dt.timedelta(hours=12)
TICK = dt.timedelta(microseconds=1)
DAY = dt.timedelta(days=1)

#: Every instant that a rule depends on, and one microsecond before and after it.
EDGES = [EFFECTIVE_AT, KNOWN_UNTIL, AS_OF, AS_OF + dt.timedelta(minutes=5), AS_OF - 30 * DAY]
GRID = [edge + step * TICK for edge in EDGES for step in (-1, 0, 1)]
GRID += [EFFECTIVE_AT + DAY * n for n in (-400, -1, 1, 2, 3, 60)]
USUAL = [instant for instant in GRID if EFFECTIVE_AT - DAY <= instant <= KNOWN_UNTIL]


def key(name: str) -> bytes:
    """A key of 16 bytes for a name."""
    return name.encode().ljust(16, b".")


def record(**given: Any) -> Row:
    """A FACTS row of user u1's conversation c1 on a free chat, with the given columns replaced."""
    row: Row = {
        "user_key": key("u1"),
        "conversation_key": key("c1"),
        "organization_key": None,
        "tier": "free",
        "surface": "chat",
        "created_at": EFFECTIVE_AT,
        "deleted_at": None,
        "incognito": False,
        "current_message": None,
        "text_bytes": 10,
        "unit": "a",
        "row": 0,
        "offset": 0,
        "length": 0,
    }
    lists: Row = {f.name: [] for f in FACTS if f.name.startswith("message_")}
    return row | lists | given


def messages(*listed: tuple[int, dt.datetime, int], parents: list[int] | None = None) -> Row:
    """List columns for (id, sent_at, flags) messages of the main thread; without parents unless given."""
    return {
        "message_id": [m[0] for m in listed],
        "message_sent_at": [m[1] for m in listed],
        "message_flags": [m[2] for m in listed],
        "message_parent": parents or [0] * len(listed),
        "message_thread": [0] * len(listed),
    }


def run(
    tables: Tables,
    policy: Policy,
    as_of: dt.datetime = AS_OF,
    known_until: dt.datetime | None = KNOWN_UNTIL,
) -> pa.Table:
    """The engine's DECISIONS for rows, their schema checked."""
    arrow = {name: pa.Table.from_pylist(tables.get(name, []), schema=s) for name, s in SCHEMAS.items()}
    decisions = decide(**arrow, policy=policy, as_of=as_of, known_until=known_until)
    decisions.validate(full=True)
    assert decisions.schema.equals(DECISIONS)
    return decisions


def settled(tables: Tables, decisions: pa.Table, as_of: dt.datetime) -> pa.Table:
    """The decisions settled by conversation key."""
    rows = [row for row in tables.get("conversation_deletions", []) if row["deleted_at"] <= as_of]
    return settle(decisions, pa.Table.from_pylist(rows, schema=DELETIONS))


def kept_ids(decision: Row, facts: list[Row]) -> list[int]:
    """The ids of the messages at a decision's pointers."""
    by_place = {(r["unit"], r["row"]): r for r in facts}
    found = [by_place[p["unit"], p["row"]] for p in decision["records"]]
    return [found[k["record"]]["message_id"][k["index"]] for k in decision["kept"]]


def by_session(decisions: pa.Table) -> dict[tuple[bytes | None, bytes], Row]:
    """Decision rows by (user_key, conversation_key)."""
    return {(r["user_key"], r["conversation_key"]): r for r in decisions.to_pylist()}
