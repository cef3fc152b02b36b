"""Cases of tests/cases/eligibility_*.yaml as rows of the engine's tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from schemas.policy import Policy, canonical, load_policy
from schemas.tables import ANSWER, GRANTED, HUMAN, REFUSED, UNDECIDED
from schemas.yaml_tree import load_tree
from tests.support.eligibility_worlds import AS_OF, KNOWN_UNTIL, Row, Tables, key, messages, record

POLICY, _ = load_policy(Path("configs/policies/consumer-terms-2025-09-28.yaml"))
FLAGS = {"human": HUMAN, "answer": ANSWER, "other": 0}
STATES = {"granted": GRANTED, "undecided": UNDECIDED, "refused": REFUSED}
CASES: list[Row] = [
    case for path in sorted(Path("tests/cases").glob("eligibility_*.yaml")) for case in load_tree(path)[0]
]


def policy_of(case: Row) -> Policy:
    """The shipped policy with the case's settings."""
    return Policy.model_validate(canonical(POLICY) | case.get("policy", {}))


def moments_of(case: Row) -> dict[str, Any]:
    """`as_of` and `known_until`."""
    return {"as_of": _instant(case.get("as_of")) or AS_OF, "known_until": _known_until(case)}


def tables_of_case(case: Row) -> Tables:
    """The rows of a case, defaults filled in."""
    records = case.get("records") or [case.get("session") or {}]
    consent = case.get("consent", [["granted", "2025-09-10"]])
    return {
        "facts": [_record(given, number) for number, given in enumerate(records)],
        "consent": [
            {"user_key": key("u1"), "state": STATES[state], "decided_at": _instant(at)}
            for state, at in consent
        ],
        "user_deletions": [
            {"key": key(d["user"]), "deleted_at": _instant(d["at"])}
            for d in case.get("deletions", [])
            if "user" in d
        ],
        "conversation_deletions": [
            {"key": key(d["conversation"]), "deleted_at": _instant(d["at"])}
            for d in case.get("deletions", [])
            if "conversation" in d
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
