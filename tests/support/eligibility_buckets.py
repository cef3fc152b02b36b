"""Random buckets and policies for the engine, with instants around every boundary."""

from __future__ import annotations

import datetime as dt
import itertools
import random

from schemas.policy import KNOBS, Policy, canonical
from schemas.tables import ANSWER, GRANTED, HUMAN, REFUSED, UNDECIDED
from tests.support.eligibility_worlds import (
    AS_OF,
    DAY,
    EFFECTIVE_AT,
    GRID,
    KNOWN_UNTIL,
    TICK,
    USUAL,
    Row,
    Tables,
    key,
    messages,
    record,
)


def random_bucket(rng: random.Random, sessions: int = 4) -> Tables:
    """A few users with sessions of one or more records, forks, threads and every kind of consent."""
    facts = [row for number in range(rng.randint(1, sessions)) for row in _session(rng, number)]
    for number, row in enumerate(facts):
        row["row"] = number
    rng.shuffle(facts)
    return {
        "facts": facts,
        "consent": [row for user in ("u0", "u1", "u2") for row in _consent(rng, user)],
        "user_deletions": [{"key": key("u2"), "deleted_at": rng.choice(GRID)}] * rng.choice([0, 0, 0, 0, 1]),
        "conversation_deletions": [
            {"key": key(f"c{rng.randrange(sessions)}"), "deleted_at": rng.choice(GRID)}
            for _ in range(rng.choice([0, 0, 0, 1]))
        ],
        "authorizations": [_authorization(rng) for _ in range(rng.randint(0, 4))],
    }


def mixed_consent_bucket(rng: random.Random) -> Tables:
    """One user who grants in the end, with sessions that only consent, branches or threads can exclude.

    The messages are of a few days, between which the consent changes. The records are overlapping parts of
    one history.
    """
    facts = [row for number in range(rng.choice([1, 1, 2, 3])) for row in _mixed_consent_session(rng, number)]
    for number, row in enumerate(facts):
        row["row"] = number
    states = [rng.choice([GRANTED, UNDECIDED, REFUSED]) for _ in range(rng.randint(0, 4))]
    events = [(state, rng.choice(_DAYS)) for state in states] + [
        (GRANTED, rng.choice(_DAYS[:4])),
        (GRANTED, AS_OF),
    ]
    consent = [{"user_key": key("u1"), "state": state, "decided_at": at} for state, at in events]
    return {"facts": facts, "consent": consent, "user_deletions": [], "authorizations": []}


_DAYS = [EFFECTIVE_AT + DAY * n for n in range(6)]


def _mixed_consent_session(rng: random.Random, number: int) -> list[Row]:
    ids = list(range(1, rng.randint(3, 12)))
    times = sorted(rng.choice(_DAYS) + rng.choice([-1, 0, 0, 1]) * TICK for _ in ids)
    thread = [0 if rng.random() < 0.7 else rng.choice([7, -8]) for _ in ids]
    flags = [rng.choice([HUMAN, ANSWER, HUMAN if i % 2 else ANSWER, 0]) for i in ids]
    linked = rng.random() < 0.6
    records = []
    for row in range(rng.choice([1, 1, 2, 3])):
        part = ids if row == 0 and rng.random() < 0.5 else ids[rng.randint(0, 2) : rng.randint(2, len(ids))]
        listed = [(i, times[i - 1] + rng.choice([0, 0, 0, 1]) * DAY, flags[i - 1]) for i in part]
        parents = [max((j for j in ids[: i - 1] if thread[j - 1] == thread[i - 1]), default=0) for i in part]
        lists = messages(*listed, parents=parents if linked else None)
        lists["message_thread"] = [thread[i - 1] for i in part]
        records.append(record(conversation_key=key(f"c{number}"), **lists))
    return records


def long_bucket(rng: random.Random, count: int) -> Tables:
    """One session of `count` messages over a year of changing consent, shuffled, with parents."""
    start = EFFECTIVE_AT - 30 * DAY
    step = (KNOWN_UNTIL - start) / count
    ids = list(range(1, count + 1))
    parent = {i: (i - 1 if rng.random() < 0.999 else max(i - 2, 0)) for i in ids}
    flags = {i: rng.choice([HUMAN, ANSWER, HUMAN if i % 2 else ANSWER, 0]) for i in ids}
    thread = {i: 0 if rng.random() < 0.98 else rng.choice([7, -8]) for i in ids}
    listed = rng.sample(ids, count)
    lists = messages(*((i, start + i * step, flags[i]) for i in listed), parents=[parent[i] for i in listed])
    facts = [record(**lists | {"message_thread": [thread[i] for i in listed]})]
    states = rng.choices([GRANTED, UNDECIDED, REFUSED], [2, 1, 1], k=8)
    events = [(state, start + rng.randrange(count) * step) for state in states]
    events.append((GRANTED, KNOWN_UNTIL))
    consent = [{"user_key": key("u1"), "state": state, "decided_at": at} for state, at in events]
    return {"facts": facts, "consent": consent, "user_deletions": [], "authorizations": []}


def all_settings() -> list[dict[str, str]]:
    """Every combination of the knobs."""
    return [dict(zip(KNOBS, settings, strict=True)) for settings in itertools.product(*KNOBS.values())]


def random_policy(rng: random.Random, base: Policy) -> Policy:
    """The policy with random knobs."""
    granted, refused = rng.choice(["P5Y", "P5Y", "P5Y", "P6M", "P158D"]), rng.choice(["P30D", "P1M"])
    retention = {"granted": granted, "refused": refused}
    skew = rng.choice(["PT5M", "PT5M", "PT0S", "P1D"])
    knobs = {name: rng.choice(settings) for name, settings in KNOBS.items()}
    return Policy.model_validate(canonical(base) | knobs | {"retention": retention, "clock_skew": skew})


def _consent(rng: random.Random, user: str) -> list[Row]:
    if rng.random() < 0.05:
        return []
    states = rng.choice(
        [[GRANTED], [GRANTED], [GRANTED, REFUSED], [GRANTED, UNDECIDED, REFUSED], [UNDECIDED, REFUSED]]
    )
    rows = [
        {"user_key": key(user), "state": rng.choice(states), "decided_at": rng.choice(GRID)}
        for _ in range(rng.randint(0, 4))
    ]
    if rng.random() < 0.6:
        rows.append(
            {
                "user_key": key(user),
                "state": rng.choice([GRANTED, GRANTED, REFUSED]),
                "decided_at": KNOWN_UNTIL - TICK,
            }
        )
    rows += rng.sample(rows, len(rows) // 2)
    return [*rows, {"user_key": key(user), "state": UNDECIDED, "decided_at": None}]


def _session(rng: random.Random, number: int) -> list[Row]:
    commercial = rng.random() < 0.15
    shared: Row = {
        "user_key": rng.choice([*map(key, ("u0", "u1", "u2")), None]) if rng.random() < 0.2 else key("u1"),
        "conversation_key": key(f"c{number}"),
        "organization_key": key("o1") if commercial or rng.random() < 0.1 else None,
        "tier": rng.choice(["team", "api"]) if commercial else rng.choice(["pro", "free"]),
        "surface": rng.choice(["chat", "chat", "code", "api", "bedrock"])
        if commercial
        else rng.choice(["chat", "code"]),
    }
    pool = list(range(1, rng.randint(2, 11)))
    times = sorted(rng.choice(USUAL if rng.random() < 0.993 else GRID) for _ in pool)
    if rng.random() < 0.2:
        rng.shuffle(times)
    return [_record(rng, shared, pool, times) for _ in range(rng.choice([1, 1, 2, 2, 3]))]


def _record(rng: random.Random, shared: Row, pool: list[int], times: list[dt.datetime]) -> Row:
    cut = sorted((rng.randint(0, len(pool)), rng.choice([0, 0, len(pool)])))
    cut = cut if rng.random() < 0.4 else [0, len(pool)]
    ids = pool[slice(*cut)] + rng.choices(pool or [1], k=rng.choice([0, 0, 0, 0, 1]))
    links = rng.choice(["none", *["chain"] * 6, "fork", "fork", "wild"])
    parent = {
        "none": lambda _: 0,
        "chain": lambda i: i - 1,
        "fork": lambda i: rng.randint(max(i - 2, 0), i - 1) if i > 1 else 0,
        "wild": lambda _: rng.choice([0, 99, *pool]),
    }[links]
    threads = rng.random() < 0.3
    changes: Row = {}
    if rng.random() < 0.1:
        changes = rng.choice(
            [
                {"tier": "mystery"},
                {"tier": None},
                {"surface": "mystery"},
                {"tier": "team"},
                {"incognito": True},
                {"incognito": None},
                {"deleted_at": rng.choice(GRID)},
                {"user_key": key("u2")},
            ]
        )
    return record(
        **(
            shared
            | {
                "created_at": rng.choice(USUAL),
                "current_message": rng.choice([None] * 9 + [*ids, 99]),
                "text_bytes": rng.randint(0, 3),
                "unit": rng.choice("ab"),
                "message_id": ids,
                "message_parent": [parent(i) for i in ids],
                "message_sent_at": [times[i - 1] if times else USUAL[0] for i in ids],
                "message_flags": [(HUMAN if i % 2 else ANSWER) if rng.random() < 0.9 else 0 for i in ids],
                "message_thread": [rng.choice([0, 0, 0, 7, -8]) if threads else 0 for _ in ids],
            }
            | changes
        )
    )


def _authorization(rng: random.Random) -> Row:
    return {
        "organization_key": key(rng.choice(["o1", "o1", "o2"])),
        "surface": rng.choice([None, "", "chat", "api", "bedrock"]),
        "valid_from": rng.choice([EFFECTIVE_AT - 500 * DAY] * 20 + GRID),
        "valid_to": rng.choice([None] * 20 + GRID),
    }
