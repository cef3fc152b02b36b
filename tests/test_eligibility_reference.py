"""The vectorised engine against the plain reference, on random buckets under random knobs."""

from __future__ import annotations

import random
from pathlib import Path

import eligibility_worlds as worlds
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_eligibility import decide_all

from schemas.policy import load_policy

POLICY, _ = load_policy(Path("configs/policies/consumer-terms-2025-09-28.yaml"))


@settings(
    derandomize=True,
    deadline=None,
    max_examples=300,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False))
def test_engine_and_reference_agree_on_every_session_of_a_random_bucket(rng: random.Random) -> None:
    """A vectorised rule that reads eligibility.md differently would train on what it must not."""
    _compare(rng, worlds.random_bucket(rng))


def test_engine_and_reference_agree_on_many_evenly_drawn_buckets() -> None:
    """Hypothesis favours small draws; evenly drawn ones reach the long mixed timelines."""
    rng = random.Random(20250928)
    reasons: set[str] = set()
    for _ in range(600):
        reasons |= _compare(rng, worlds.random_bucket(rng))
    assert {"eligible", "opted_out", "retention_expired", "consent_unknown", "cyclic_messages"} <= reasons


def test_engine_and_reference_agree_on_sessions_that_hang_on_consent_alone() -> None:
    """Truncation, threads and merged records decide only where no earlier rule does."""
    rng = random.Random(20250828)
    reasons: set[str] = set()
    for _ in range(1500):
        reasons |= _compare(rng, worlds.telling_bucket(rng))
    assert {"eligible", "consent_gap", "opted_out_then", "not_resumed", "no_exchange"} <= reasons


def _compare(rng: random.Random, tables: worlds.Tables) -> set[str]:
    policy = worlds.random_policy(rng, POLICY)
    known_until = rng.choice(
        [worlds.KNOWN_UNTIL] * 6 + [worlds.KNOWN_UNTIL + worlds.TICK, worlds.AS_OF, None]
    )
    arrow = [pa.Table.from_pylist(tables[name], schema=schema) for name, schema in worlds.SCHEMAS.items()]
    wanted = decide_all(*arrow, policy=policy, as_of=worlds.AS_OF, known_until=known_until)
    got = worlds.by_session(worlds.run(tables, policy, known_until=known_until))
    assert got.keys() == wanted.keys()
    for session, verdict in wanted.items():
        row = got[session]
        assert (row["decision"], row["reason"], row["basis"]) == (
            verdict.decision,
            verdict.reason,
            verdict.basis,
        )
        assert worlds.kept_ids(row, tables["facts"]) == verdict.kept
        assert (row["messages_seen"], row["messages_kept"]) == (verdict.seen, len(verdict.kept))
        assert (row["retain_until"], row["row_retain_until"]) == (
            verdict.retain_until,
            verdict.row_retain_until,
        )
    return {verdict.reason for verdict in wanted.values()}
