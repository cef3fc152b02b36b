"""The shipped policy packs, their strict reading, and the page that explains them."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import isodate
import pytest
import yaml

from schemas.decisions import CLAUSE, RULES, Reason
from schemas.errors import PolicyError
from schemas.policy import Policy, canonical, iso_duration, load_pack, load_policy
from tests.support.eligibility_buckets import all_settings

PACK = Path("configs/policies/consumer-terms-2025-09-28.yaml")
PACKS = sorted(Path("configs/policies").glob("*.yaml"))
PAGE = Path("docs/reference/policy.md").read_text(encoding="utf-8")
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
TEXTS = {"clauses", "sources", "rules"}


def test_the_shipped_pack_has_the_published_values() -> None:
    """A slip in a list or a duration would change who is trained on."""
    policy, digest = load_policy(PACK)
    assert policy.model_dump(exclude=TEXTS) == SHIPPED
    assert digest == hashlib.sha256(PACK.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("strict", {"resumption_scope": "from_resumption", "partial_consent": "drop_session"}),
        ("keep-prior", {"prior_contributions": "keep"}),
    ],
)
def test_the_other_packs_differ_in_their_settings_alone(name: str, changed: dict[str, str]) -> None:
    """They are readings of the same terms; anything else that differed would be a slip."""
    policy, _ = load_policy(PACK.with_stem(f"{PACK.stem}-{name}"))
    assert policy.model_dump(exclude=TEXTS) == SHIPPED | {"id": f"{PACK.stem}-{name}"} | changed
    assert policy.model_dump(include=TEXTS) == load_policy(PACK)[0].model_dump(include=TEXTS)


@pytest.mark.parametrize("path", PACKS, ids=lambda path: str(path.stem))
def test_every_reason_of_a_pack_cites_a_clause_with_its_accounts(path: Path) -> None:
    """The ledger cites clauses; a citation that leads nowhere explains nothing."""
    policy, _ = load_policy(path)
    accounts = {clause.id: clause.accounts for clause in policy.clauses}
    both = {"scope", "commercial", "retention", "de-identify"}
    assert accounts == {name: ["A", "B"] if name in both else ["B"] for name in set(CLAUSE.values())}
    assert policy.clause_by_reason() == CLAUSE
    assert policy.rules.keys() == CLAUSE.keys()
    assert all(clause.summary for clause in policy.clauses)
    assert all(rule.summary for rule in policy.rules.values())
    assert policy.sources.keys() == {"A", "B"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prior_contribution", "keep"),
        ("partial_consent", "ignore"),
        ("resumption_scope", "all"),
        ("effective_at", "2025-08-28T00:00:00"),
        ("clock_skew", "5 minutes"),
        ("clock_skew", "P99999999999D"),
        ("retention", {"granted": "P5Y"}),
        ("tiers", {"included": "free", "excluded": []}),
        ("id", "../elsewhere"),
        ("id", ""),
    ],
)
def test_a_policy_that_is_not_understood_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    """A misspelt knob read as its default would decide against the author's will; the error names the key."""
    with pytest.raises(PolicyError, match=f"policy.yaml:[0-9]+: {key}"):
        load_policy(_written(tmp_path, {key: value}))


FAULTS = [
    ("decision_deadline", {"decision_deadline": "2025-08-27T23:59:59Z"}, "before effective_at"),
    ("tiers.excluded[1]", {"tiers": {"included": ["a", "b"], "excluded": ["c", "b"]}}, "'b' is in two lists"),
    ("tiers.included[1]", {"tiers": {"included": ["a", "a"], "excluded": []}}, "'a' is listed twice"),
    ("tiers.included[0]", {"tiers": {"included": ["unknown"], "excluded": []}}, "the ledger"),
    ("tiers.excluded[0]", {"tiers": {"included": ["a"], "excluded": [" b"]}}, "blanks"),
    ("tiers.excluded[0]", {"tiers": {"included": ["a"], "excluded": ["b\x1b[31m"]}}, "cannot be printed"),
    ("clauses[0].summary", {"clauses": [{"id": "scope", "summary": "s\x1b[2J"}]}, "should match"),
    ("tiers.included", {"tiers": {"included": [], "excluded": ["a"]}}, "is empty"),
    (
        "surfaces.excluded[0]",
        {"surfaces": {"included": ["chat"], "excluded": ["chat"], "authorizable": []}},
        "in two lists",
    ),
    (
        "surfaces.authorizable[0]",
        {"surfaces": {"included": ["chat"], "excluded": [], "authorizable": ["api"]}},
        "in neither list",
    ),
    (
        "surfaces.authorizable[0]",
        {
            "surfaces": {"included": ["chat"], "excluded": ["api"], "authorizable": ["chat"]},
            "tiers": {"included": ["free"], "excluded": []},
            "rules": {},
        },
        "nothing to authorise",
    ),
    ("retention.granted", {"retention": {"granted": "P0Y", "refused": "P30D"}}, "is zero"),
    ("retention.refused", {"retention": {"granted": "P5Y", "refused": "PT0S"}}, "is zero"),
    ("retention.refused", {"retention": {"granted": "P5Y", "refused": "-P30D"}}, "is negative"),
    ("retention.granted", {"retention": {"granted": "-P5Y", "refused": "P30D"}}, "is negative"),
    ("retention.granted", {"retention": {"granted": "P1.5Y", "refused": "P30D"}}, "a fraction of a year"),
    ("retention.granted", {"retention": {"granted": "P1001Y", "refused": "P30D"}}, "longer than 1,000 years"),
    ("clock_skew", {"clock_skew": "-PT1S"}, "is negative"),
    ("clock_skew", {"clock_skew": "P1.5M"}, "a fraction of a year"),
    ("max_snapshot_age", {"max_snapshot_age": "P0.5Y"}, "a fraction of a year"),
    ("max_snapshot_age", {"max_snapshot_age": "PT0S"}, "is zero"),
    ("clauses[1].id", {"clauses": [{"id": "scope", "summary": "s"}] * 2, "rules": {}}, "is listed twice"),
    ("clauses[7].id", {"clauses+": {"id": "appeal", "summary": "s"}}, "cited by no rule"),
    ("clauses[0].accounts[0]", {"sources": {"B": "b"}}, "'A' is not in sources"),
    ("rules.opted_in", {"rules+": {"opted_in": {"clause": "scope"}}}, "is not a reason"),
    ("rules.opted_out.clause", {"rules+": {"opted_out": {"clause": "nowhere"}}}, "which is not in clauses"),
    (
        "rules.tier_excluded",
        {
            "tiers": {"included": ["a"], "excluded": []},
            "surfaces": {"included": ["chat"], "excluded": ["api"], "authorizable": ["api"]},
        },
        "can never fire",
    ),
    (
        "rules.surface_excluded",
        {"surfaces": {"included": ["chat"], "excluded": [], "authorizable": []}},
        "can never fire",
    ),
]


@pytest.mark.parametrize(
    ("key", "changed", "words"), FAULTS, ids=[f"{key}: {words}" for key, _, words in FAULTS]
)
def test_a_pack_that_contradicts_itself_is_refused(
    tmp_path: Path, key: str, changed: dict[str, Any], words: str
) -> None:
    """Each would decide by accident: a slip of a date, a rule its author believes in that never fires."""
    with pytest.raises(PolicyError) as caught:
        load_policy(_written(tmp_path, changed))
    message = str(caught.value)
    assert f": {key}: " in message
    assert words in message
    assert all(line.startswith(str(tmp_path)) for line in caught.value.lines)


def test_durations_just_inside_the_limits_are_accepted(tmp_path: Path) -> None:
    """The other side of each limit: no skew at all, a second of retention, a thousand years."""
    inside = {"clock_skew": "PT0S", "retention": {"granted": "P1000Y", "refused": "PT1S"}}
    policy, _ = load_policy(_written(tmp_path, inside))
    assert policy.clock_skew == dt.timedelta(0)
    assert policy.retention.refused == dt.timedelta(seconds=1)


def test_files_that_mean_the_same_have_one_canonical_digest(tmp_path: Path) -> None:
    """A comment, an order of lists or another spelling of a duration is no other policy; a setting is."""
    pack = load_pack(PACK)
    respelt = {
        "tiers": {
            "included": ["max", "free", "pro"],
            "excluded": ["api", "gov", "team", "education", "enterprise"],
        },
        "retention": {"granted": "P60M", "refused": "PT720H"},
        "max_snapshot_age": "P1DT12H",
        "decision_deadline": "2025-09-29T01:59:59+02:00",
    }
    same = load_pack(_written(tmp_path, respelt))
    assert same.sha256 != pack.sha256
    assert same.canonical_sha256 == pack.canonical_sha256
    other = load_pack(_written(tmp_path, respelt | {"clock_skew": "PT4M"}))
    assert other.canonical_sha256 != pack.canonical_sha256


@pytest.mark.parametrize(
    "path", [*PACKS, Path("tests/policies/other-provider.yaml")], ids=lambda p: str(p.stem)
)
def test_a_canonical_form_is_a_policy_again(path: Path) -> None:
    """A manifest carries it, and a decision must be explainable from it alone."""
    pack = load_pack(path)
    again = Policy.model_validate(canonical(pack.policy))
    assert canonical(again) == canonical(pack.policy)
    assert again.clause_by_reason() == pack.policy.clause_by_reason()


@pytest.mark.parametrize(
    ("text", "iso"),
    [("P60M", "P5Y"), ("PT36H", "P1DT12H"), ("P14M3D", "P1Y2M3D"), ("PT0S", "P0D"), ("P5Y", "P5Y")],
)
def test_durations_have_one_spelling(text: str, iso: str) -> None:
    """Digests compare spellings."""
    assert iso_duration(isodate.parse_duration(text)) == iso


def test_the_page_explains_every_knob() -> None:
    """Without documentation, users guess the value of a setting."""
    missing = [name for name in Policy.model_fields if f"`{name}" not in PAGE]
    assert missing == []


def test_the_page_lists_every_reason_with_its_number_and_clause() -> None:
    """Whoever reads a ledger must find each of its words."""
    for rule in RULES:
        if rule.reason in set(Reason):
            row = next(
                line for line in PAGE.splitlines() if line.startswith("|") and f"`{rule.reason}`" in line
            )
            assert row.startswith(f"| {rule.number} |")
            assert (rule.clause or "-") in row


def _written(folder: Path, changed: dict[str, Any]) -> Path:
    """The shipped pack with keys changed (`key+` adds to a list or mapping), as a file."""
    tree = yaml.safe_load(PACK.read_text(encoding="utf-8"))
    for name in ("effective_at", "decision_deadline"):
        tree[name] = tree[name].isoformat().replace("+00:00", "Z")
    for key, value in changed.items():
        if key.endswith("+"):
            held = tree[key[:-1]]
            tree[key[:-1]] = [*held, value] if isinstance(held, list) else held | value
        else:
            tree[key] = value
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return path


def test_every_combination_of_knobs_is_accepted(tmp_path: Path) -> None:
    """A pack is tried under other settings by changing them alone."""
    for knobs in all_settings():
        policy, _ = load_policy(_written(tmp_path, dict(knobs)))
        assert policy.model_dump(include=set(knobs)) == knobs
