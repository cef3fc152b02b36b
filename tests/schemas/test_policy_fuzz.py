"""Random policy packs and snapshots: a clear refusal or a right answer, never a traceback."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import ConsentError, PolicyError
from schemas.keys import KeyedHasher
from schemas.policy import Pack, load_pack
from schemas.yaml_tree import load_tree
from tests.prove.engine_against_reference import PACK, compare
from tests.support import eligibility_buckets as buckets
from transforms.consent.snapshots import inspect_snapshot, read_events, read_snapshot

TREE: dict[str, Any] = load_tree(PACK)[0]
WORDS = ["free", "pro", "team", "api", "chat", "code", "bedrock", "unknown", "", " ", "ä", "x" * 300]
DURATIONS = "P5Y P1M P30D PT0S P0Y -P1D P1.5Y P9999Y P99999999999D PT1S 5_years P".split()
INSTANTS = "2025-08-28T00:00:00Z 2025-09-28 9999-12-31T23:59:59Z 0001-01-01T00:00:00Z soon 2025-13-01".split()
FUZZ = settings(
    max_examples=300, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
HASHER = KeyedHasher(bytes(32))
JUNK = [None, True, 0, -1, 1e308, float("nan"), [], {}, [None], {"a": 1}, "", "yes", "\x00", "2025-01-01"]
BY_KEY: dict[str, list[Any]] = {
    "effective_at": INSTANTS,
    "decision_deadline": INSTANTS,
    "clock_skew": DURATIONS,
    "max_snapshot_age": DURATIONS,
    "separate_authorization": ["honour", "ignore", "Honour"],
    "resumption_scope": ["whole_session", "from_resumption"],
    "prior_contributions": ["exclude", "keep"],
    "partial_consent": ["truncate", "drop_session"],
    "threads": ["main", "all"],
}


def random_pack(rng: random.Random) -> Any:
    """The shipped pack with a few things changed, most of them plausibly."""
    tree = yaml.safe_load(yaml.safe_dump(TREE))
    for _ in range(rng.randint(0, 4)):
        kind = rng.choice(["value", "value", "words", "words", "retention", "drop", "junk", "extra", "rules"])
        if kind == "value":
            key = rng.choice([*BY_KEY])
            tree[key] = rng.choice(BY_KEY[key])
        elif kind == "words":
            group, name = rng.choice(
                [
                    ("tiers", "included"),
                    ("tiers", "excluded"),
                    ("surfaces", "excluded"),
                    ("surfaces", "authorizable"),
                ]
            )
            if isinstance(tree.get(group), dict):
                tree[group][name] = rng.sample(WORDS, rng.randint(0, 4))
        elif kind == "retention":
            tree["retention"] = {"granted": rng.choice(DURATIONS), "refused": rng.choice(DURATIONS)}
        elif kind == "drop":
            tree.pop(rng.choice([*TREE]), None)
        elif kind == "junk":
            tree[rng.choice([*TREE])] = rng.choice(JUNK)
        elif kind == "rules":
            tree[rng.choice(["rules", "clauses", "sources"])] = rng.choice(
                [{}, [], {"opted_out": {"clause": "x"}}]
            )
        else:
            tree[rng.choice(["tier", "Tiers", "id ", "notes"])] = rng.choice(JUNK)
    return tree


def loaded(tree: Any, folder: Path) -> Pack | PolicyError:
    """The pack, or why it is refused; any other exception is a traceback to the user."""
    path = folder / "fuzzed.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    try:
        return load_pack(path)
    except PolicyError as error:
        return error


@FUZZ
@given(st.integers(0, 2**32))
def test_a_random_pack_is_refused_in_one_line_or_decides_as_the_reference_does(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """A pack that slips through half-read decides by accident."""
    rng = random.Random(seed)
    found = loaded(random_pack(rng), tmp_path_factory.getbasetemp())
    if isinstance(found, Pack):
        compare(buckets.random_bucket(rng, 8), found.policy, rng)
    else:
        assert all("fuzzed.yaml:" in line and "\n" not in line for line in found.lines)


def test_the_fuzzer_reaches_both_ends(tmp_path: Path) -> None:
    """A fuzzer with only refused packs, or only valid ones, tests too little."""
    accepted = sum(
        isinstance(loaded(random_pack(random.Random(seed)), tmp_path), Pack) for seed in range(200)
    )
    assert 40 < accepted < 160


CELLS = ["granted", "refused", "", "true", "FALSE", "Granted", "perhaps", "\x00", "1", "null", "ä" * 40]
TIMES = ["2025-10-01T00:00:00Z", "2025-10-01T00:00:00+14:00", "2025-10-01", "9999-12-31T23:59:59Z", "x", ""]


@FUZZ
@given(st.integers(0, 2**32))
def test_a_random_snapshot_is_refused_in_one_line_or_read_in_full(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """A row that is skipped could be an opt-out."""
    rng = random.Random(seed)
    usual = rng.random() < 0.7
    rows = []
    for number in range(rng.randint(0, 6)):
        state = rng.choice(CELLS[:4]) if usual else rng.choice(CELLS)
        decided = rng.choice([TIMES[0], TIMES[1], ""]) if usual else rng.choice(TIMES)
        rows.append(
            (f"u{number % 3}", state, decided, "2025-12-01T00:00:00Z" if usual else rng.choice(TIMES))
        )
    header = ["user_id", "state", "decided_at", "snapshot_at"]
    rng.shuffle(order := [0, 1, 2, 3])
    lines = [",".join(row[i] for i in order) for row in [header, *rows]]
    path = tmp_path_factory.getbasetemp() / "fuzzed.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        inspect_snapshot(str(path), buckets.AS_OF)
        tables = [*read_snapshot(str(path), HASHER, buckets.AS_OF)]
        events = [*read_events(str(path), ["u0", "u1", "u2"], buckets.AS_OF)]
    except ConsentError as error:
        refused = str(error)
    else:
        read = {tuple(row.values()) for table in tables for row in table.to_pylist()}
        assert read == {(HASHER.user(e.user_id), e.state, e.decided_at) for e in events}
        assert len(events) == len(rows) or not usual
        return
    assert str(path) in refused
    assert "\n" not in refused
