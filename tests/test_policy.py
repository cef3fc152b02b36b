"""The shipped policy pack, its strict reading, and the page that explains it."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import isodate
import pytest
import yaml

from schemas.decisions import CLAUSE, Reason
from schemas.errors import PolicyError
from schemas.policy import Policy, load_policy

PACK = Path("configs/policies/consumer-terms-2025-09-28.yaml")
PAGE = Path("docs/policy.md").read_text(encoding="utf-8")
SHIPPED: dict[str, Any] = {
    "id": "consumer-terms-2025-09-28",
    "effective_at": dt.datetime(2025, 8, 28, tzinfo=dt.UTC),
    "decision_deadline": dt.datetime(2025, 9, 28, 23, 59, 59, tzinfo=dt.UTC),
    "tiers": {
        "included": ["free", "pro", "max"],
        "excluded": ["team", "enterprise", "gov", "education", "api"],
    },
    "surfaces": {
        "included": ["chat", "code"],
        "excluded": ["api", "bedrock", "vertex"],
        "authorizable": ["chat", "code", "api"],
    },
    "separate_authorization": "honour",
    "resumption_scope": "whole_session",
    "prior_contributions": "exclude",
    "partial_consent": "truncate",
    "threads": "main",
    "retention": {"granted": isodate.parse_duration("P5Y"), "refused": dt.timedelta(days=30)},
    "clock_skew": dt.timedelta(minutes=5),
    "max_snapshot_age": dt.timedelta(hours=36),
}


def test_the_shipped_pack_has_the_published_values() -> None:
    """A slip in a list or a duration would change who is trained on."""
    policy, digest = load_policy(PACK)
    assert policy.model_dump(exclude={"clauses"}) == SHIPPED
    assert digest == hashlib.sha256(PACK.read_bytes()).hexdigest()


def test_every_clause_that_a_reason_cites_is_in_the_pack_with_its_accounts() -> None:
    """The ledger cites clauses; a citation that leads nowhere explains nothing."""
    policy, _ = load_policy(PACK)
    accounts = {clause.id: clause.accounts for clause in policy.clauses}
    assert accounts.keys() == set(CLAUSE.values())
    both = {"scope", "commercial", "retention", "de-identify"}
    assert accounts == {name: ["A", "B"] if name in both else ["B"] for name in accounts}
    assert all(clause.summary for clause in policy.clauses)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prior_contribution", "keep"),
        ("partial_consent", "ignore"),
        ("resumption_scope", "all"),
        ("effective_at", "2025-08-28T00:00:00"),
        ("clock_skew", "5 minutes"),
        ("retention", {"granted": "P5Y"}),
        ("tiers", {"included": "free", "excluded": []}),
    ],
)
def test_a_policy_that_is_not_understood_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    """A misspelt knob read as its default would decide against the author's will; the error names the key."""
    path = tmp_path / "policy.yaml"
    text = PACK.read_text(encoding="utf-8").replace("id: consumer", "id: c", 1)
    lines = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
    if key == "tiers":
        lines = text.replace("tiers:\n  included: [free, pro, max]", "tiers:\n  included: free").splitlines()
    else:
        lines.append(yaml.safe_dump({key: value}))
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(PolicyError, match=f"policy.yaml:[0-9]+: {key}"):
        load_policy(path)


def test_the_page_explains_every_knob() -> None:
    """A knob nobody can look up is set by guess."""
    missing = [name for name in Policy.model_fields if f"`{name}" not in PAGE]
    assert missing == []


def test_the_page_lists_every_reason_with_its_clause() -> None:
    """Whoever reads a ledger must find each of its words."""
    for reason in set(Reason) - {Reason.ELIGIBLE}:
        row = next(line for line in PAGE.splitlines() if line.startswith("|") and f"`{reason}`" in line)
        assert CLAUSE.get(reason, "-") in row
