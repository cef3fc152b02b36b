"""Buckets, shares and blobs on disk: none may change a decision or leak an id."""

from __future__ import annotations

import collections
import random
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.exceptions import InvalidTag

from schemas.tables import DECISIONS
from tests.support import eligibility_buckets as buckets
from tests.support.eligibility_cases import POLICY
from tests.support.eligibility_worlds import AS_OF, KNOWN_UNTIL, SCHEMAS, Tables, key, record
from tests.support.source_files import RUN_KEY
from transforms.decide.consent_status import ConsentStatus, count_users
from transforms.decide.rules import decide
from transforms.shuffle.blobs import to_blob
from transforms.shuffle.buckets import Buckets, facts_to_buckets, shares_of, tables_of_share, users_to_buckets
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.spill import Spill, size_of
from transforms.shuffle.user_activity import newest_human


def decided(arrow: dict[str, pa.Table]) -> pa.Table:
    tables = {name: arrow[name] for name in SCHEMAS}
    return decide(**tables, policy=POLICY, as_of=AS_OF, known_until=KNOWN_UNTIL)


def figures(users: pa.Table, consent: pa.Table) -> collections.Counter[str]:
    found = count_users(users, ConsentStatus(users["user_key"], consent, AS_OF), POLICY, KNOWN_UNTIL)
    late = {"late": found.undecided_after_deadline, "stale": found.stale}
    return collections.Counter({**found.statuses, **late})


def tables_with_other_users(rng: random.Random) -> Tables:
    """A bucket's rows under keys that spread over all buckets, as HMAC's do."""
    tables = buckets.random_bucket(rng, 12)
    names = [f"u{n}" for n in range(3)] + [f"c{n}" for n in range(12)]
    spread = {key(name): rng.randbytes(16) for name in names}
    for row in (row for rows in tables.values() for row in rows):
        for column in ("user_key", "conversation_key", "key"):
            if row.get(column) in spread:
                row[column] = spread[row[column]]
    return tables


@pytest.mark.parametrize("spilled", [False, True])
@pytest.mark.parametrize("max_bytes", [600, 3000, 16 << 20])
def test_buckets_decided_in_shares_are_decided_as_one_table(
    tmp_path: Path, spilled: bool, max_bytes: int
) -> None:
    """A user with a million sessions is cut over workers; each needs whole sessions and all consent."""
    rng = random.Random(3)
    spill = Spill.below(str(tmp_path), RUN_KEY) if spilled else Spill(None, RUN_KEY)
    plan = Buckets(rng.randint(1, 5), spill, max_bytes)
    for _ in range(25):
        tables = tables_with_other_users(rng)
        arrow = {name: pa.Table.from_pylist(tables[name], schema=schema) for name, schema in SCHEMAS.items()}
        by_bucket: dict[int, list[bytes]] = {}
        half = arrow["facts"].num_rows // 2
        pieces = [arrow["facts"].slice(0, half), arrow["facts"].slice(half)]
        pairs = [pair for piece in pieces for pair in facts_to_buckets(piece, plan)]
        pairs += users_to_buckets(arrow["consent"], "user_key", "consent", plan)
        pairs += users_to_buckets(arrow["user_deletions"], "key", "user_deletions", plan)
        for bucket, blob in pairs:
            by_bucket.setdefault(bucket, []).append(blob)
        parts = [DECISIONS.empty_table()]
        users: collections.Counter[str] = collections.Counter()
        for blobs in by_bucket.values():
            shares = shares_of(blobs, plan)
            assert len(shares) == max(1, -(-sum(map(size_of, blobs)) // max_bytes))
            for share in shares:
                own = tables_of_share(share, spill)
                parts.append(decided({**own, "authorizations": arrow["authorizations"]}))
                users.update(figures(own["users"], own["consent"]))
        order = [("conversation_key", "ascending"), ("user_key", "ascending")]
        assert pa.concat_tables(parts).sort_by(order).to_pylist() == decided(arrow).sort_by(order).to_pylist()
        assert users == figures(newest_human(arrow["facts"]), arrow["consent"])


def test_a_spilled_blob_comes_back_and_cannot_be_read_without_the_key(tmp_path: Path) -> None:
    """A killed run leaves the file behind; it names input files, and those can name people."""
    spill = Spill.below(str(tmp_path), RUN_KEY)
    rows = [record(unit="/home/alice.example/logs/private.jsonl", row=n) for n in range(400)]
    facts = pa.Table.from_pylist(rows, schema=SCHEMAS["facts"])
    ((_, pointer),) = facts_to_buckets(facts, Buckets(1, spill))
    blob = to_blob(facts, "facts")
    assert len(pointer) < 200
    assert size_of(pointer) >= size_of(blob) > 1024
    assert spill.get(pointer) == blob
    written = b"".join(path.read_bytes() for path in (tmp_path / "spill").iterdir())
    assert b"alice" in blob
    assert b"alice" not in written
    assert key("c1") not in written
    assert (tmp_path / "spill").stat().st_mode & 0o077 == 0
    assert spill.folder
    with pytest.raises(InvalidTag):
        Spill(spill.folder, RunKey.new(RUN_KEY.reference)).get(pointer)


def test_a_small_blob_is_passed_inline(tmp_path: Path) -> None:
    """Its pointer would have the same length."""
    spill = Spill.below(str(tmp_path), RUN_KEY)
    assert spill.put(b"small") == b"small"
    assert spill.get(b"small") == b"small"
    assert size_of(b"small") == 5
    assert not (tmp_path / "spill").exists()


def test_blobs_of_several_runs_do_not_mix(tmp_path: Path) -> None:
    """One process may run twice; the folder of the first run is then deleted."""
    first, second = (Spill.below(str(tmp_path / name), RUN_KEY) for name in "ab")
    blobs = [bytes([n]) * 2000 for n in range(4)]
    pointers = [spill.put(blob) for blob, spill in zip(blobs, (first, second, first, second), strict=True)]
    got = [spill.get(p) for p, spill in zip(pointers, (first, second, first, second), strict=True)]
    assert got == blobs
