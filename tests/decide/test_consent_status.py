"""The consent status of users, computed without the code of the decisions."""

from __future__ import annotations

import datetime as dt
import random

import pyarrow as pa
import pytest

from schemas.tables import CONSENT, GRANTED, HUMAN, REFUSED, UNDECIDED
from tests.support import eligibility_buckets as buckets
from tests.support.eligibility_cases import POLICY
from tests.support.eligibility_worlds import (
    AS_OF,
    DAY,
    EFFECTIVE_AT,
    KNOWN_UNTIL,
    SCHEMAS,
    TICK,
    Row,
    key,
    messages,
    record,
)
from transforms.consent.timelines import Timelines
from transforms.decide.consent_status import CONSENT_STATUSES, ConsentStatus, UserCounts, count_users
from transforms.shuffle.instants import micros
from transforms.shuffle.user_activity import newest_human


def status(rows: list[Row], user: bytes | None = key("u1"), as_of: dt.datetime = AS_OF) -> str:
    table = pa.Table.from_pylist(rows, schema=CONSENT)
    users = pa.array([user], pa.binary(16))
    return CONSENT_STATUSES[ConsentStatus(users, table, as_of).statuses(users, EFFECTIVE_AT)[0]]


def counted(users: pa.Table, consent: pa.Table, known_until: dt.datetime | None) -> UserCounts:
    return count_users(users, ConsentStatus(users["user_key"], consent, AS_OF), POLICY, known_until)


def event(state: int, decided_at: dt.datetime | None, user: str = "u1") -> Row:
    return {"user_key": key(user), "state": state, "decided_at": decided_at}


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([], "no_record"),
        ([event(GRANTED, AS_OF, "u2")], "no_record"),
        ([event(UNDECIDED, None)], "undecided"),
        ([event(GRANTED, AS_OF), event(UNDECIDED, None)], "granted"),
        ([event(GRANTED, AS_OF - DAY), event(REFUSED, AS_OF)], "refused"),
        ([event(REFUSED, AS_OF - DAY), event(GRANTED, AS_OF)], "granted"),
        ([event(GRANTED, AS_OF - DAY), event(REFUSED, AS_OF + TICK)], "granted"),
        ([event(REFUSED, AS_OF), event(GRANTED, AS_OF), event(UNDECIDED, AS_OF)], "refused"),
        ([event(GRANTED, AS_OF), event(UNDECIDED, AS_OF)], "undecided"),
        ([event(REFUSED, dt.datetime(1, 1, 1, tzinfo=dt.UTC)), event(UNDECIDED, None)], "refused"),
    ],
)
def test_a_user_has_the_last_known_state(rows: list[Row], wanted: str) -> None:
    """The newest state up to as_of counts, the worst of one instant. No record is a status of its own."""
    assert status(rows) == wanted
    assert status(rows[::-1]) == wanted


def test_a_grant_does_not_count_before_the_policy_does() -> None:
    """A user cannot agree to terms before they are in force. A refusal counts at any time."""
    before = EFFECTIVE_AT - TICK
    assert status([event(GRANTED, before - DAY)], as_of=before) == "undecided"
    assert status([event(GRANTED, before - DAY)], as_of=EFFECTIVE_AT) == "granted"
    assert status([event(REFUSED, before - DAY)], as_of=before) == "refused"


def test_a_session_without_a_user_has_its_own_status() -> None:
    """A session without a user differs from one with a user who is missing from the snapshots."""
    assert status([event(GRANTED, AS_OF)], user=None) == "no_user_id"


def test_both_ways_agree_on_random_timelines() -> None:
    """Two programs for one definition: where they differ, one of them is wrong."""
    rng = random.Random(5)
    seen: set[str] = set()
    for _ in range(200):
        rows = buckets.random_bucket(rng, 8)["consent"]
        table = pa.Table.from_pylist(rows, schema=CONSENT)
        users = pa.array(sorted({key(f"u{n}") for n in range(4)}), pa.binary(16))
        as_of = rng.choice([AS_OF, KNOWN_UNTIL, EFFECTIVE_AT - TICK, EFFECTIVE_AT])
        lines = Timelines(users, table, as_of=as_of, effective_at=EFFECTIVE_AT)
        states = lines.states(*(pa.array(v).to_numpy() for v in ([0, 1, 2, 3], [micros(as_of)] * 4)))
        other = [
            CONSENT_STATUSES[state] if known else "no_record"
            for state, known in zip(states, lines.in_snapshot, strict=True)
        ]
        status_of_users = ConsentStatus(users, table, as_of)
        found = [CONSENT_STATUSES[number] for number in status_of_users.statuses(users, EFFECTIVE_AT)]
        assert found == other
        seen |= set(found)
    assert seen == {"granted", "undecided", "refused", "no_record"}


def test_users_who_wrote_too_late_are_counted_once() -> None:
    """Both sides of the deadline and of the newest snapshot. Answers do not count."""
    deadline = POLICY.decision_deadline
    sent = {
        "on": [(1, deadline, HUMAN)],
        "after": [(1, deadline, HUMAN), (2, deadline + TICK, HUMAN)],
        "answered": [(1, deadline, HUMAN), (2, KNOWN_UNTIL + DAY, 0)],
        "known": [(1, KNOWN_UNTIL, HUMAN)],
        "stale": [(1, KNOWN_UNTIL + TICK, HUMAN)],
        "silent": [],
    }
    facts = [
        record(user_key=key(user), conversation_key=key(f"{user}{n}"), **messages(*listed))
        for user, listed in sent.items()
        for n in range(2)
    ]
    facts.append(record(user_key=None, **messages((1, AS_OF, HUMAN))))
    users = newest_human(pa.Table.from_pylist(facts, schema=SCHEMAS["facts"]))
    consent = pa.Table.from_pylist([event(UNDECIDED, None, user) for user in sent], schema=CONSENT)
    figures = counted(users, consent, KNOWN_UNTIL)
    assert figures.statuses == {
        "granted": 0,
        "undecided": len(sent),
        "refused": 0,
        "no_record": 0,
        "no_user_id": 0,
    }
    assert figures.undecided_after_deadline == len({"after", "known", "stale"})
    assert figures.stale == len({"stale"})
    no_users = counted(users.slice(0, 0), consent.slice(0, 0), None)
    assert (sum(no_users.statuses.values()), no_users.stale) == (0, 0)
