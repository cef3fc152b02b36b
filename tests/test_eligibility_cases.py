"""Cases of eligibility.md as data: each side of each boundary, decided by the engine and by the reference."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from eligibility_worlds import (
    AS_OF,
    KNOWN_UNTIL,
    SCHEMAS,
    Row,
    Tables,
    kept_ids,
    key,
    messages,
    record,
    run,
)
from reference_eligibility import decide_all

from schemas.decisions import TEXT_REASONS, Reason, decision_of
from schemas.policy import load_policy
from schemas.strict_yaml import load_tree
from schemas.tables import ANSWER, GRANTED, HUMAN, REFUSED, UNDECIDED

POLICY, _ = load_policy(Path("configs/policies/consumer-terms-2025-09-28.yaml"))
FLAGS = {"human": HUMAN, "answer": ANSWER, "other": 0}
STATES = {"granted": GRANTED, "undecided": UNDECIDED, "refused": REFUSED}
CASES: list[Row] = [
    case for path in sorted(Path("tests/cases").glob("eligibility_*.yaml")) for case in load_tree(path)[0]
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_case_is_decided_as_written(case: Row) -> None:
    """A case is a sentence of the policy; decision, reason, basis and every kept message must be its own."""
    tables = _tables(case)
    policy = POLICY.model_copy(update=case.get("policy", {}))
    fixed = {"as_of": _instant(case.get("as_of")) or AS_OF, "known_until": _known_until(case)}
    (row,) = run(tables, policy, **fixed).to_pylist()
    expect = case["expect"]
    assert row["reason"] == expect["reason"]
    assert row["decision"] == expect.get("decision", decision_of(expect["reason"]))
    assert kept_ids(row, tables["facts"]) == expect.get("kept", [])
    if "basis" in expect or row["reason"] != "eligible":
        assert row["basis"] == expect.get("basis")
    for column in ("tier", "surface"):
        if column in expect:
            assert row[column] == expect[column]
    for column in ("retain_until", "row_retain_until"):
        if column in expect:
            assert row[column] == dt.date.fromisoformat(expect[column])
    assert len(row["records"]) == expect.get("records", len(row["records"]))
    assert row["messages_seen"] == expect.get("seen", row["messages_seen"])
    arrow = [pa.Table.from_pylist(tables[name], schema=schema) for name, schema in SCHEMAS.items()]
    (verdict,) = decide_all(*arrow, policy=policy, **fixed).values()
    assert (verdict.reason, verdict.kept) == (row["reason"], expect.get("kept", []))


def test_every_reason_of_the_rules_has_a_case() -> None:
    """A rule without a case can be lost without anyone noticing."""
    wanted = {str(reason) for reason in set(Reason) - TEXT_REASONS} | {"future_timestamp", "cyclic_messages"}
    assert {case["expect"]["reason"] for case in CASES} == wanted


def test_case_ids_are_unique() -> None:
    """Two cases of one name hide each other in a report."""
    assert len({case["id"] for case in CASES}) == len(CASES)


def _tables(case: Row) -> Tables:
    records = case.get("records") or [case.get("session") or {}]
    consent = case.get("consent", [["granted", "2025-09-10"]])
    return {
        "facts": [_record(given, number) for number, given in enumerate(records)],
        "consent": [
            {"user_key": key("u1"), "state": STATES[state], "decided_at": _instant(at)}
            for state, at in consent
        ],
        "user_deletions": [
            {"key": key(d["user"]), "deleted_at": _instant(d["at"])} for d in case.get("deletions", [])
        ],
        "authorizations": [
            {
                "organization_key": key(a["organization"]),
                "surface": a.get("surface"),
                "valid_from": _instant(a["from"]),
                "valid_to": _instant(a.get("to")),
            }
            for a in case.get("authorizations", [])
        ],
    }


def _record(given: Row, number: int) -> Row:
    given = dict(given)
    listed = given.pop("messages", [[1, "human", "2025-10-01"], [2, "answer", "2025-10-01T00:01:00Z"]])
    full = [[*m, 0, 0][:5] if len(m) < 5 else m for m in listed]
    lists = messages(*((m[0], _required(m[2]), FLAGS[m[1]]) for m in full), parents=[m[3] for m in full])
    row = record(row=number, **lists | {"message_thread": [m[4] for m in full]})
    if "user" in given:
        user = given.pop("user")
        row["user_key"] = user and key(user)
    if "organization" in given:
        row["organization_key"] = key(given.pop("organization"))
    row["current_message"] = given.pop("current", None)
    for column in ("deleted_at", "created_at"):
        if column in given:
            row[column] = _instant(given.pop(column))
    return row | given


def _known_until(case: Row) -> dt.datetime | None:
    return _instant(case["known_until"]) if "known_until" in case else KNOWN_UNTIL


def _instant(value: Any) -> dt.datetime | None:
    return None if value is None else _required(value)


def _required(value: str) -> dt.datetime:
    instant = dt.datetime.fromisoformat(value)
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
