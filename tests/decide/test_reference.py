"""The vectorised engine against the plain reference, on random buckets under random knobs."""

from __future__ import annotations

import collections
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.policy import load_policy
from tests.prove.engine_against_reference import PACK, compare, with_knobs
from tests.support import eligibility_buckets as buckets

POLICY, _ = load_policy(PACK)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False))
def test_engine_and_reference_agree_on_every_session_of_a_random_bucket(rng: random.Random) -> None:
    """A wrong vectorised rule would put data into the dataset that the policy excludes."""
    compare(buckets.random_bucket(rng), buckets.random_policy(rng, POLICY), rng)


@pytest.mark.parametrize("knobs", buckets.all_settings(), ids=lambda knobs: "-".join(knobs.values()))
def test_engine_and_reference_agree_under_every_combination_of_knobs(knobs: dict[str, str]) -> None:
    """A knob that is read right alone can be read wrong beside another."""
    rng = random.Random("-".join(knobs.values()))
    reasons: collections.Counter[str] = collections.Counter()
    for number in range(16):
        policy = with_knobs(buckets.random_policy(rng, POLICY), knobs)
        bucket = buckets.mixed_consent_bucket(rng) if number % 2 else buckets.random_bucket(rng, 30)
        reasons += compare(bucket, policy, rng)
    assert {"eligible", "not_resumed", "no_exchange"} <= reasons.keys()


def test_engine_and_reference_agree_on_sessions_that_hang_on_consent_alone() -> None:
    """Truncation, threads and merged records decide only where no earlier rule does."""
    rng = random.Random(20250828)
    reasons: collections.Counter[str] = collections.Counter()
    for _ in range(300):
        reasons += compare(buckets.mixed_consent_bucket(rng), buckets.random_policy(rng, POLICY), rng)
    assert {"eligible", "consent_gap", "opted_out_then", "not_resumed", "no_exchange"} <= reasons.keys()


@pytest.mark.parametrize("count", [1, 2, 100, 10_000])
def test_engine_and_reference_agree_on_sessions_of_any_length(count: int) -> None:
    """Sorting, walking and truncating work alike on one message and on ten thousand."""
    rng = random.Random(count)
    for _ in range(3 if count > 1000 else 20):
        compare(buckets.long_bucket(rng, count), buckets.random_policy(rng, POLICY), rng)
