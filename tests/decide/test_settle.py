"""Decisions that meet by conversation key."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from schemas.tables import DECISIONS, DELETIONS, NAMES, SETTLED
from transforms.decide.settle import settle
from transforms.decide.settled_rows import with_names
from transforms.output.ledger import Refusal, Stamp, ledger_rows, ledger_table
from transforms.read.quarantined import quarantined_table

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
A, B, U, V = (letter * 16 for letter in (b"a", b"b", b"u", b"v"))


def decision(conversation: bytes, user: bytes | None, reason: str = "eligible") -> dict[str, object]:
    eligible = reason == "eligible"
    pointer = {"unit": "x", "row": 0, "offset": 0, "length": 1}
    return {
        "conversation_key": conversation,
        "user_key": user,
        "decision": "eligible" if eligible else "excluded",
        "reason": reason,
        "basis": "user_consent" if eligible else None,
        "messages_seen": 2,
        "messages_kept": 2 if eligible else 0,
        "records": [pointer] if eligible else [],
        "kept": [{"record": 0, "index": 0, "thread": 0}] if eligible else [],
    }


def settled(rows: list[dict[str, object]], deleted: tuple[bytes, ...] = ()) -> list[dict[str, object]]:
    deletions = pa.Table.from_pylist([{"key": key, "deleted_at": AT} for key in deleted], schema=DELETIONS)
    return settle(pa.Table.from_pylist(rows, schema=DECISIONS), deletions).to_pylist()


@pytest.mark.parametrize("other", [V, None])
def test_one_conversation_under_two_users_quarantines_both(other: bytes | None) -> None:
    """The author of the messages is unknown, so no user's consent covers them."""
    rows = settled([decision(A, U), decision(B, U), decision(A, other, "opted_out")])
    assert [row["reason"] for row in rows] == ["subject_conflict", "subject_conflict", "eligible"]
    assert [row["decision"] for row in rows] == ["quarantined", "quarantined", "eligible"]
    assert rows[0]["records"] == rows[0]["kept"] == []
    assert rows[0]["messages_kept"] == 0


def test_a_deleted_conversation_is_excluded_whatever_else_it_is() -> None:
    """Deletion is the first rule; its text must not even be read."""
    rows = settled([decision(A, U), decision(B, U, "incognito")], (A, B))
    assert [(row["decision"], row["reason"]) for row in rows] == [("excluded", "deleted")] * 2
    assert rows[0]["records"] == []
    assert rows[0]["basis"] is None


def test_an_empty_range_settles_to_nothing() -> None:
    """Most ranges of a small run are empty."""
    assert settled([]) == []


def test_a_refusal_replaces_the_decision_in_the_ledger() -> None:
    """What the text pass refuses is excluded with its reason, and only what was eligible."""
    rows = pa.Table.from_pylist(settled([decision(A, U), decision(B, U, "incognito")]), schema=DECISIONS)
    stamp = Stamp("p", "0" * 64, AT, AT)
    refusals = [Refusal(A, "pii_density"), Refusal(B, "pii_density")]
    rows = rows.append_column(SETTLED.field("standing"), pa.nulls(rows.num_rows, pa.int8()))
    rows = with_names(rows, NAMES.empty_table())
    listed = ledger_rows(rows.select(SETTLED.names), quarantined_table([]), refusals)
    ledger = ledger_table(listed, stamp).to_pylist()
    assert [(row["decision"], row["reason"], row["clause"]) for row in ledger] == [
        ("excluded", "pii_density", "de-identify"),
        ("excluded", "incognito", None),
    ]
    assert ledger[0]["messages_kept"] == 0
