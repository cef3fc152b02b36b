"""Compares the vectorised engine with the plain reference on the same rows. Every difference is an error.

As a script, it compares a number of sessions under every combination of knobs:

    python tests/prove/engine_against_reference.py --sessions 200000
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time
from pathlib import Path

import pyarrow as pa

from schemas.decisions import Basis, Decision
from schemas.policy import Policy, canonical, load_policy
from tests.support import eligibility_buckets as buckets
from tests.support import eligibility_worlds as worlds
from tests.support.reference_eligibility import decide_all, settle_all
from transforms.decide.consent_status import CONSENT_STATUSES, ConsentStatus

PACK = Path(__file__).resolve().parents[2] / "configs/policies/consumer-terms-2025-09-28.yaml"


def compare(tables: worlds.Tables, policy: Policy, rng: random.Random) -> collections.Counter[str]:
    """The number of equal decisions by reason; AssertionError on the first difference."""
    known = [worlds.KNOWN_UNTIL] * 6 + [worlds.KNOWN_UNTIL + worlds.TICK, worlds.AS_OF, None]
    known_until = rng.choice(known)
    arrow = [pa.Table.from_pylist(tables[name], schema=schema) for name, schema in worlds.SCHEMAS.items()]
    wanted = decide_all(*arrow, policy=policy, as_of=worlds.AS_OF, known_until=known_until)
    wanted = settle_all(wanted, tables.get("conversation_deletions", []), worlds.AS_OF)
    decisions = worlds.run(tables, policy, known_until=known_until)
    check_refusals(decisions, arrow[list(worlds.SCHEMAS).index("consent")], policy)
    got = worlds.by_session(worlds.settled(tables, decisions, worlds.AS_OF))
    assert got.keys() == wanted.keys()
    for session, verdict in wanted.items():
        row = got[session]
        expected = (row["decision"], row["reason"], row["basis"], row["messages_seen"], row["messages_kept"])
        expected += (row["retain_until"], row["row_retain_until"])
        assert expected == (
            verdict.decision,
            verdict.reason,
            verdict.basis,
            verdict.seen,
            len(verdict.kept),
            verdict.retain_until,
            verdict.row_retain_until,
        )
        assert worlds.kept_ids(row, tables["facts"]) == verdict.kept
    return collections.Counter(verdict.reason for verdict in wanted.values())


def check_refusals(decisions: pa.Table, consent: pa.Table, policy: Policy) -> None:
    """Asserts that no session of a refusing user is eligible, except those that `keep` allows.

    It counts like the report. A run with such a session fails, so the rules must never produce one.
    """
    users = decisions["user_key"]
    status = ConsentStatus(users, consent, worlds.AS_OF).statuses(users, policy.effective_at)
    refused = status == CONSENT_STATUSES.index("refused")
    for decision, basis, refuses in zip(
        decisions["decision"].to_pylist(), decisions["basis"].to_pylist(), refused, strict=True
    ):
        kept = policy.prior_contributions == "keep" and basis == Basis.USER_CONSENT
        assert kept or not refuses or decision != Decision.ELIGIBLE


def with_knobs(policy: Policy, knobs: dict[str, str]) -> Policy:
    """The policy with these settings."""
    return Policy.model_validate(canonical(policy) | knobs)


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--sessions", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=20250928)
    arguments = parser.parse_args()
    base, _ = load_policy(PACK)
    rng = random.Random(arguments.seed)
    reasons: collections.Counter[str] = collections.Counter()
    start, settings = time.monotonic(), buckets.all_settings()
    while reasons.total() < arguments.sessions:
        for knobs in settings:
            policy = with_knobs(buckets.random_policy(rng, base), knobs)
            bucket = (
                buckets.random_bucket(rng, 40) if rng.random() < 0.5 else buckets.mixed_consent_bucket(rng)
            )
            reasons += compare(bucket, policy, rng)
    seconds = time.monotonic() - start
    listed = ", ".join(f"{reason} {number}" for reason, number in reasons.most_common())
    sys.stdout.write(
        f"{reasons.total()} sessions under {len(settings)} combinations of knobs in {seconds:.0f} s: "
        f"no difference\n{listed}\n"
    )


if __name__ == "__main__":
    main()
