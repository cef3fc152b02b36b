"""Small worlds for the engine: rows by hand, and random buckets on a grid of telling instants."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pyarrow as pa

from schemas.policy import Policy
from schemas.tables import (
    ANSWER,
    AUTHORIZATIONS,
    CONSENT,
    DECISIONS,
    DELETIONS,
    FACTS,
    GRANTED,
    HUMAN,
    REFUSED,
    UNDECIDED,
)
from transforms.eligibility import decide

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

#: Instants at, and one tick either side of, everything that decides.
EDGES = [EFFECTIVE_AT, KNOWN_UNTIL, AS_OF, AS_OF + dt.timedelta(minutes=5), AS_OF - 30 * DAY]
GRID = [edge + step * TICK for edge in EDGES for step in (-1, 0, 1)]
GRID += [EFFECTIVE_AT + DAY * n for n in (-400, -1, 1, 2, 3, 60)]
USUAL = [instant for instant in GRID if EFFECTIVE_AT - DAY <= instant <= KNOWN_UNTIL]


def key(name: str) -> bytes:
    """16 bytes that name something of a test."""
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
    """The list columns of (id, sent_at, flags) messages of the main thread; without parents unless given."""
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


def kept_ids(decision: Row, facts: list[Row]) -> list[int]:
    """Message ids that a decision's pointers lead to."""
    by_place = {(r["unit"], r["row"]): r for r in facts}
    found = [by_place[p["unit"], p["row"]] for p in decision["records"]]
    return [found[k["record"]]["message_id"][k["index"]] for k in decision["kept"]]


def by_session(decisions: pa.Table) -> dict[tuple[bytes | None, bytes], Row]:
    """Decision rows by (user_key, conversation_key)."""
    return {(r["user_key"], r["conversation_key"]): r for r in decisions.to_pylist()}


def random_bucket(rng: random.Random) -> Tables:
    """A few users with sessions of one or several records, forks, threads and consent of every kind."""
    facts = [row for number in range(rng.randint(1, 4)) for row in _session(rng, number)]
    for number, row in enumerate(facts):
        row["row"] = number
    rng.shuffle(facts)
    return {
        "facts": facts,
        "consent": [row for user in ("u0", "u1", "u2") for row in _consent(rng, user)],
        "user_deletions": [{"key": key("u2"), "deleted_at": rng.choice(GRID)}] * rng.choice([0, 0, 0, 0, 1]),
        "authorizations": [_authorization(rng) for _ in range(rng.randint(0, 2))],
    }


def telling_bucket(rng: random.Random) -> Tables:
    """One user who grants in the end, and a session that only consent, branches and threads can keep out.

    Its messages lie on a few days, between which the user changes their mind; its records are overlapping
    pieces of one history.
    """
    days = [EFFECTIVE_AT + DAY * n for n in range(6)]
    ids = list(range(1, rng.randint(3, 12)))
    times = sorted(rng.choice(days) + rng.choice([-1, 0, 0, 1]) * TICK for _ in ids)
    thread = [0 if rng.random() < 0.7 else rng.choice([7, -8]) for _ in ids]
    flags = [rng.choice([HUMAN, ANSWER, HUMAN if i % 2 else ANSWER, 0]) for i in ids]
    linked = rng.random() < 0.6
    facts = []
    for row in range(rng.choice([1, 1, 2, 3])):
        part = ids if row == 0 and rng.random() < 0.5 else ids[rng.randint(0, 2) : rng.randint(2, len(ids))]
        listed = [(i, times[i - 1] + rng.choice([0, 0, 0, 1]) * DAY, flags[i - 1]) for i in part]
        parents = [max((j for j in ids[: i - 1] if thread[j - 1] == thread[i - 1]), default=0) for i in part]
        lists = messages(*listed, parents=parents if linked else None)
        facts.append(record(row=row, **lists | {"message_thread": [thread[i - 1] for i in part]}))
    states = [rng.choice([GRANTED, UNDECIDED, REFUSED]) for _ in range(rng.randint(0, 4))]
    events = [(state, rng.choice(days)) for state in states] + [
        (GRANTED, rng.choice(days[:4])),
        (GRANTED, AS_OF),
    ]
    consent = [{"user_key": key("u1"), "state": state, "decided_at": at} for state, at in events]
    return {"facts": facts, "consent": consent, "user_deletions": [], "authorizations": []}


def random_policy(rng: random.Random, base: Policy) -> Policy:
    """The policy with its knobs set at random."""
    return base.model_copy(
        update={
            "separate_authorization": rng.choice(["honour", "honour", "ignore"]),
            "resumption_scope": rng.choice(["whole_session", "from_resumption"]),
            "prior_contributions": rng.choice(["exclude", "keep"]),
            "partial_consent": rng.choice(["truncate", "truncate", "drop_session"]),
            "threads": rng.choice(["main", "all"]),
        }
    )


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
        "organization_key": key("o1") if commercial else None,
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
    odd: Row = {}
    if rng.random() < 0.1:
        odd = rng.choice(
            [
                {"tier": "mystery"},
                {"tier": None},
                {"surface": "mystery"},
                {"tier": "team"},
                {"incognito": True},
                {"incognito": None},
                {"deleted_at": rng.choice(GRID)},
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
            | odd
        )
    )


def _authorization(rng: random.Random) -> Row:
    return {
        "organization_key": key(rng.choice(["o1", "o1", "o2"])),
        "surface": rng.choice([None, "", "chat", "api", "bedrock"]),
        "valid_from": rng.choice([EFFECTIVE_AT - 500 * DAY] * 20 + GRID),
        "valid_to": rng.choice([None] * 20 + GRID),
    }
