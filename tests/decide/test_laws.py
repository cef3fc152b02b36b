"""Metamorphic laws of docs/reference/policy.md: changes without effect, and changes that only remove."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.policy import load_policy
from schemas.tables import ANSWER, DECISIONS, GRANTED, HUMAN, REFUSED
from tests.support.eligibility_buckets import random_bucket, random_policy
from tests.support.eligibility_worlds import (
    AS_OF,
    DAY,
    GRID,
    KNOWN_UNTIL,
    SCHEMAS,
    TICK,
    Row,
    Tables,
    by_session,
    kept_ids,
    key,
    messages,
    record,
    run,
)
from transforms.decide.merge import merge
from transforms.decide.rules import decide

POLICY, _ = load_policy(Path("configs/policies/consumer-terms-2025-09-28.yaml"))
SEEDS = range(60)


def _world(seed: int) -> tuple[random.Random, Tables]:
    rng = random.Random(seed)
    return rng, random_bucket(rng)


def test_the_order_of_rows_changes_no_byte() -> None:
    """Runners deliver a bucket in any order; equal inputs must give equal bytes."""
    for seed in SEEDS:
        rng, tables = _world(seed)
        policy = random_policy(rng, POLICY)
        shuffled = {name: rng.sample(rows, len(rows)) for name, rows in tables.items()}
        assert run(shuffled, policy).equals(run(tables, policy))


def test_the_split_into_buckets_changes_no_decision() -> None:
    """The distribution of users over buckets may affect speed, never a decision."""
    for seed in SEEDS:
        rng, tables = _world(seed)
        policy = random_policy(rng, POLICY)
        whole = by_session(run(tables, policy))
        apart: dict[tuple[bytes | None, bytes], Row] = {}
        for user in {row["user_key"] for row in tables["facts"]}:
            own = {**tables, "facts": [r for r in tables["facts"] if r["user_key"] == user]}
            apart |= by_session(run(own, policy))
        assert apart == whole


def test_consent_rows_repeated_by_daily_snapshots_are_one_event() -> None:
    """A snapshot repeats history; reading two of them must not differ from reading one."""
    for seed in SEEDS:
        rng, tables = _world(seed)
        again = [row for row in tables["consent"] if rng.random() < 0.5]
        repeated = {**tables, "consent": [*again, *tables["consent"]]}
        assert run(repeated, POLICY).equals(run(tables, POLICY))


def test_an_unrelated_user_changes_no_other_decision() -> None:
    """The sessions, refusal and deletion of one user must not affect other users."""
    for seed in SEEDS:
        rng, tables = _world(seed)
        policy = random_policy(rng, POLICY)
        stranger = record(user_key=key("x"), conversation_key=key("x"), row=99)
        more = {
            **tables,
            "facts": [*tables["facts"], stranger],
            "consent": [*tables["consent"], _event(REFUSED, KNOWN_UNTIL, "x")],
            "user_deletions": [*tables["user_deletions"], {"key": key("x"), "deleted_at": AS_OF}],
        }
        got = by_session(run(more, policy))
        del got[key("x"), key("x")]
        assert got == by_session(run(tables, policy))


def test_another_refusal_never_helps_and_never_keeps_what_it_refuses() -> None:
    """Saying no, at any instant, must not bring a session in, nor leave a message it covers.

    One exception is in the rules themselves: a stretch without an exchange, once refused, gives way to the
    stretch after it (cases `granted_stretch_without_an_answer...`).
    """
    for seed in SEEDS:
        rng, tables = _world(seed)
        policy = random_policy(rng, POLICY).model_copy(update={"prior_contributions": "exclude"})
        refused_at = rng.choice(GRID)
        less = {**tables, "consent": [*tables["consent"], _event(REFUSED, refused_at, "u1")]}
        before, after = by_session(run(tables, policy)), by_session(run(less, policy))
        for session, row in after.items():
            if row["decision"] != "eligible" or row["basis"] == "separate_authorization":
                continue
            assert before[session]["reason"] in ("eligible", "no_exchange")
            assert before[session]["reason"] == "eligible" or policy.partial_consent == "truncate"
            if session[0] == key("u1"):
                until = _next_event(tables, refused_at)
                times = _earliest_times(tables, session)
                kept = kept_ids(row, tables["facts"])
                assert not [i for i in kept if refused_at <= times[i] < until]


def test_a_later_as_of_never_revives_an_expired_session() -> None:
    """Retention that has ended has ended."""
    for seed in SEEDS:
        rng, tables = _world(seed)
        policy = random_policy(rng, POLICY).model_copy(update={"prior_contributions": "keep"})
        # The snapshots do not change: no user decides anything after the first as_of.
        tables["consent"] = [r for r in tables["consent"] if not r["decided_at"] or r["decided_at"] <= AS_OF]
        now = by_session(run(tables, policy))
        later = by_session(run(tables, policy, as_of=AS_OF + rng.choice([1, 31, 4000]) * DAY))
        for session, row in now.items():
            if row["reason"] == "retention_expired":
                assert later[session]["decision"] != "eligible"


def test_the_file_and_row_of_a_record_decide_nothing() -> None:
    """The file and row of a record must affect only where it is read."""
    for seed in SEEDS:
        rng, tables = _world(seed)
        policy = random_policy(rng, POLICY)
        moved = {**tables, "facts": [{**r, "unit": "z", "row": 50 - r["row"]} for r in tables["facts"]]}
        first, second = run(tables, policy), run(moved, policy)
        assert first.drop_columns(["records"]).equals(second.drop_columns(["records"]))


def test_records_that_tie_are_ordered_by_their_content() -> None:
    """Two records of one time with different organizations or current messages: no file name decides."""
    start = KNOWN_UNTIL - DAY
    listed = messages((1, start, HUMAN), (2, start, ANSWER), (3, start, ANSWER), parents=[0, 1, 1])
    for different in (
        {"current_message": 2},
        {"organization_key": key("o2")},
        {"tier": "free", "surface": "code"},
    ):
        alike = [record(**listed), record(**listed | different)]
        verdicts = set()
        for first, second in ((0, 1), (1, 0)):
            facts = [{**alike[first], "row": 0}, {**alike[second], "row": 1}]
            (row,) = run({"facts": facts, "consent": [_event(GRANTED, start)]}, POLICY).to_pylist()
            verdicts.add((row["reason"], row["surface"], tuple(kept_ids(row, facts))))
        assert len(verdicts) == 1


def test_a_slice_of_a_bigger_table_is_decided_as_a_table_of_its_own() -> None:
    """Arrow slices share buffers. Without their offset, the keys of other rows would decide."""
    for seed in range(30):
        rng, tables = _world(seed)
        policy = random_policy(rng, POLICY)
        arrow = {name: pa.Table.from_pylist(tables[name], schema=schema) for name, schema in SCHEMAS.items()}
        around = [
            record(conversation_key=key("before"), row=90),
            record(conversation_key=key("after"), row=91),
        ]
        more = pa.Table.from_pylist(around, schema=SCHEMAS["facts"])
        wide = pa.concat_tables([more.slice(0, 1), arrow["facts"], more.slice(1)]).combine_chunks()
        fixed = {"policy": policy, "as_of": AS_OF, "known_until": KNOWN_UNTIL}
        sliced = decide(**{**arrow, "facts": wide.slice(1, arrow["facts"].num_rows)}, **fixed)
        assert sliced.equals(decide(**arrow, **fixed))


def test_a_null_in_a_required_column_is_refused() -> None:
    """A missing time or number, read as a value, would decide by accident; no reader writes one."""
    facts = pa.Table.from_pylist([record(text_bytes=None)], schema=SCHEMAS["facts"])
    with pytest.raises(ValueError, match=r"^the column has a null$"):
        merge(facts)


def test_no_facts_give_an_empty_table_of_the_schema() -> None:
    """A bucket can hold consent alone."""
    assert run({"consent": [_event(GRANTED, AS_OF)]}, POLICY).equals(DECISIONS.empty_table())


def test_times_of_the_year_9999_do_not_overflow() -> None:
    """A nonsense clock must end in quarantine, not in an exception or a date no one can read."""
    end = dt.datetime(9999, 12, 31, 23, 59, 59, 999999, dt.UTC)
    facts = [record(**messages((1, end, HUMAN)))]
    (row,) = run({"facts": facts}, POLICY).to_pylist()
    assert (row["reason"], row["retain_until"]) == ("future_timestamp", dt.date(9999, 12, 31))


def test_a_branch_of_many_messages_is_walked_to_its_root() -> None:
    """The longest allowed session must not exceed a recursion or depth limit."""
    count = 20_000
    start = KNOWN_UNTIL - DAY
    listed = [(i, start + i * TICK, HUMAN if i % 2 else ANSWER) for i in range(1, count + 1)]
    facts = [record(**messages(*listed, parents=list(range(count))))]
    tables: Tables = {"facts": facts, "consent": [_event(GRANTED, start)]}
    (row,) = run(tables, POLICY).to_pylist()
    assert kept_ids(row, facts) == list(range(1, count + 1))


def test_pointers_lead_to_the_text_of_the_newest_copy() -> None:
    """A wrong pointer would put text of another message, or of a stale copy, into the dataset."""
    start = KNOWN_UNTIL - DAY
    old = record(row=0, **messages((1, start, HUMAN), (2, start + TICK, ANSWER)))
    new = record(row=1, **messages((2, start + TICK, ANSWER), (3, start + 2 * TICK, HUMAN)))
    (row,) = run({"facts": [old, new], "consent": [_event(GRANTED, start)]}, POLICY).to_pylist()
    assert [r["row"] for r in row["records"]] == [1, 0]
    assert [(k["record"], k["index"]) for k in row["kept"]] == [(1, 0), (0, 0), (0, 1)]


def _event(state: int, decided_at: dt.datetime, user: str = "u1") -> Row:
    return {"user_key": key(user), "state": state, "decided_at": decided_at}


def _next_event(tables: Tables, instant: dt.datetime) -> dt.datetime:
    """The next time at which u1 changes the decision."""
    return min(
        (
            row["decided_at"]
            for row in tables["consent"]
            if row["user_key"] == key("u1") and row["decided_at"] and row["decided_at"] > instant
        ),
        default=dt.datetime.max.replace(tzinfo=dt.UTC),
    )


def _earliest_times(tables: Tables, session: tuple[bytes | None, bytes]) -> dict[int, dt.datetime]:
    times: dict[int, dt.datetime] = {}
    for row in tables["facts"]:
        if (row["user_key"], row["conversation_key"]) == session:
            for message_id, sent_at in zip(row["message_id"], row["message_sent_at"], strict=True):
                times[message_id] = min(sent_at, times.get(message_id, sent_at))
    return times
