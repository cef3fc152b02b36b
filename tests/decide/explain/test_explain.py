"""Explanations match the engine's decisions, and the conditions that they name have the stated effect."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from schemas.decisions import RULES
from schemas.policy import Policy
from schemas.records import Message, Session
from schemas.tables import DELETIONS, HUMAN
from tests.support import eligibility_buckets as buckets
from tests.support.eligibility_cases import CASES, POLICY, moments_of, policy_of, tables_of_case
from tests.support.eligibility_worlds import (
    AS_OF,
    KNOWN_UNTIL,
    SCHEMAS,
    TICK,
    Row,
    Tables,
    kept_ids,
    run,
    settled,
)
from tests.support.reference_eligibility import decide_all
from transforms.decide.explain.changes import changes
from transforms.decide.explain.messages import message_lines
from transforms.decide.explain.rule_sentences import EXPLAINED, RuleSentences
from transforms.decide.explain.world import World

#: Decided where all users' records of a conversation meet.
_SETTLED = {"subject_conflict"}


def world_of(tables: Tables, policy: Policy, **moments: object) -> World:
    arrow = {name: pa.Table.from_pylist(tables.get(name, []), schema=s) for name, s in SCHEMAS.items()}
    as_of = moments["as_of"]
    conversations = [row for row in tables.get("conversation_deletions", []) if row["deleted_at"] <= as_of]
    users = [row for row in tables["user_deletions"] if row["deleted_at"] <= as_of]
    arrow["user_deletions"] = pa.Table.from_pylist(users, schema=DELETIONS)
    deletions = pa.Table.from_pylist(conversations, schema=DELETIONS)
    return World(**arrow, conversation_deletions=deletions, policy=policy, **moments)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_a_case_is_explained_as_it_is_decided(case: Row) -> None:
    """An explanation that differs from the ledger is worse than none."""
    tables = tables_of_case(case)
    world = world_of(tables, policy_of(case), **moments_of(case))
    judged = world.judged()
    decisions = run(tables, world.policy, **moments_of(case))
    wanted = settled(tables, decisions, world.as_of).to_pylist()
    rows = world.settled(judged)
    assert rows == wanted
    order = [rule.reason for rule in RULES if rule.number < 15 and rule.reason not in _SETTLED]
    assert [name for name, _ in judged.rules] == order
    for number, row in enumerate(rows):
        fired = [name for name, fires in judged.rules if fires[number]]
        settled_later = row["reason"] in _SETTLED or row["reason"] == "deleted"
        assert settled_later or row["reason"] == (fired[0] if fired else "eligible")
        because = RuleSentences(world, judged, number, len(rows))
        sentences = {reason: because.of(reason) for reason in EXPLAINED}
        assert all(sentence.strip() for sentence in sentences.values())
        lines = message_lines(judged, number, row["decision"] == "eligible", _sessions(tables))
        kept = {line["message_id"] for line in lines if line["kept"]}
        assert kept == {str(message_id) for message_id in kept_ids(row, tables["facts"])}
        assert len(lines) == row["messages_seen"]


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case["expect"]["reason"] != "eligible"],
    ids=lambda case: str(case["id"]),
)
def test_each_refused_case_names_what_would_make_it_eligible(case: Row) -> None:
    """Readers look for "Eligible if ...". Every reason must have this sentence."""
    world = world_of(tables_of_case(case), policy_of(case), **moments_of(case))
    for row in world.settled(world.judged()):
        found = changes(world, row["user_key"])
        assert [change for change in found if change.decision == "eligible" and change.conditions]


def test_an_eligible_session_names_what_would_end_it() -> None:
    """A refusal and the end of retention; both are promises to a user."""
    world = world_of(tables_of_case({}), POLICY, as_of=AS_OF, known_until=KNOWN_UNTIL)
    (row,) = world.settled(world.judged())
    found = {change.reason: change.conditions for change in changes(world, row["user_key"])}
    assert found["opted_out"] == ["the user refuses"]
    assert found["retention_expired"] == ["it is decided at 2030-10-01T00:01:00Z or later"]


def test_the_promised_grant_is_the_latest_that_would_do() -> None:
    """ "Had accepted by T": a microsecond later must not do, as the plain reference decides it."""
    case = next(case for case in CASES if case["id"] == "old_a_tick_before_the_grant")
    tables = tables_of_case(case)
    world = world_of(tables, POLICY, as_of=AS_OF, known_until=KNOWN_UNTIL)
    (row,) = world.settled(world.judged())
    first = changes(world, row["user_key"])[0]
    asked = "2025-09-09T23:59:59.999999Z"
    assert first.conditions == [f"the user had accepted by {asked} and not refused since"]
    for shift, reason in ((0, "eligible"), (1, "not_resumed")):
        asked = min(tables["facts"][0]["message_sent_at"])
        tables["consent"] = [{**tables["consent"][0], "decided_at": asked + shift * TICK}]
        arrow = [pa.Table.from_pylist(tables[name], schema=schema) for name, schema in SCHEMAS.items()]
        (verdict,) = decide_all(*arrow, policy=POLICY, as_of=AS_OF, known_until=KNOWN_UNTIL).values()
        assert verdict.reason == reason


def test_random_sessions_are_explained_without_a_fault() -> None:
    """For any log, the explanation has sentences and agrees with the decision."""
    rng = random.Random(7)
    for _ in range(25):
        tables = buckets.random_bucket(rng, 3)
        policy = buckets.random_policy(rng, POLICY)
        known_until = rng.choice([KNOWN_UNTIL, None])
        whole = settled(tables, run(tables, policy, known_until=known_until), AS_OF).to_pylist()
        for conversation in {row["conversation_key"] for row in tables["facts"]}:
            own = {**tables, "facts": [r for r in tables["facts"] if r["conversation_key"] == conversation]}
            own["conversation_deletions"] = [
                d for d in tables["conversation_deletions"] if d["key"] == conversation
            ]
            world = world_of(own, policy, as_of=AS_OF, known_until=known_until)
            judged = world.judged()
            rows = world.settled(judged)
            assert [(r["user_key"], r["reason"]) for r in rows] == [
                (r["user_key"], r["reason"]) for r in whole if r["conversation_key"] == conversation
            ]
            for number, row in enumerate(rows):
                because = RuleSentences(world, judged, number, len(rows))
                assert all(because.of(reason) for reason in EXPLAINED)
                for change in changes(world, row["user_key"]):
                    assert change.conditions
                message_lines(judged, number, row["decision"] == "eligible", _sessions(own))


def _sessions(tables: Tables) -> dict[tuple[str, int], Session]:
    """The sessions of the facts, with the fields that an explanation uses."""
    return {
        (row["unit"], row["row"]): Session(
            conversation_id="c",
            created_at=row["created_at"],
            messages=[
                Message(str(message_id), "user" if flags & HUMAN else "assistant", sent_at)
                for message_id, flags, sent_at in zip(
                    row["message_id"], row["message_flags"], row["message_sent_at"], strict=True
                )
            ],
        )
        for row in tables["facts"]
    }
