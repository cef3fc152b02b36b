"""Cases of docs/reference/policy.md: each side of each boundary, decided by the engine and the reference."""

from __future__ import annotations

import datetime as dt
import typing

import pyarrow as pa
import pytest

from schemas.decisions import TEXT_REASONS, Reason, RecordFault, decision_of
from schemas.policy import Policy
from tests.support.eligibility_cases import CASES, moments_of, policy_of, tables_of_case
from tests.support.eligibility_worlds import SCHEMAS, Row, Tables, kept_ids, run, settled
from tests.support.reference_eligibility import decide_all, settle_all


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_case_is_decided_as_written(case: Row) -> None:
    """A case is a sentence of the policy; decision, reason, basis and every kept message must be its own."""
    tables, policy, fixed = tables_of_case(case), policy_of(case), moments_of(case)
    rows = settled(tables, run(tables, policy, **fixed), fixed["as_of"]).to_pylist()
    expect = case["expect"]
    assert len(rows) == expect.get("sessions", 1)
    for row in rows:
        _check(row, expect, tables)
    arrow = [pa.Table.from_pylist(tables[name], schema=schema) for name, schema in SCHEMAS.items()]
    verdicts = decide_all(*arrow, policy=policy, **fixed)
    for verdict in settle_all(verdicts, tables["conversation_deletions"], fixed["as_of"]).values():
        assert (verdict.reason, verdict.kept) == (expect["reason"], expect.get("kept", []))


def _check(row: Row, expect: Row, tables: Tables) -> None:
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
    # Only eligible sessions have pointers to their text.
    assert bool(row["records"]) == (row["reason"] == "eligible")
    assert len(row["records"]) == expect.get("records", len(row["records"]))
    assert row["messages_seen"] == expect.get("seen", row["messages_seen"])


def test_every_case_has_a_why() -> None:
    """A lawyer reads the sentence, and checks the dates against it."""
    assert [case["id"] for case in CASES if not str(case.get("why") or "").strip()] == []


def test_every_knob_has_a_pair_of_cases_that_it_alone_decides() -> None:
    """If no two cases differ only by a setting, the engine could ignore the setting."""
    knobs = {
        name: set(typing.get_args(field.annotation))
        for name, field in Policy.model_fields.items()
        if typing.get_origin(field.annotation) is typing.Literal
    }
    for name, settings in knobs.items():
        by_value = {}
        for case in CASES:
            if case["id"].startswith(f"knob_{name}_"):
                inputs = {k: v for k, v in case.items() if k not in ("id", "why", "policy", "expect")}
                by_value[case["policy"][name]] = (inputs, case["expect"])
        assert by_value.keys() == settings
        (inputs, expect), (other_inputs, other_expect) = by_value.values()
        assert inputs == other_inputs
        assert expect != other_expect


def test_every_reason_of_the_rules_has_a_case() -> None:
    """A rule without a case can be lost without anyone noticing."""
    wanted = {str(reason) for reason in set(Reason) - TEXT_REASONS} | {str(code) for code in RecordFault}
    assert {case["expect"]["reason"] for case in CASES} == wanted


def test_case_ids_are_unique() -> None:
    """Two cases of one name hide each other in a report."""
    assert len({case["id"] for case in CASES}) == len(CASES)
