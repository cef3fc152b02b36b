"""Comparison of runs and audits: diff, several policies in one pass, and past moments."""

from __future__ import annotations

import collections
import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.reference.documents import WHAT_IF
from tests.support.command import TWO_WORKERS, Corpus, chatsieve, current, table_of

PACKS = Path("configs/policies").resolve()
NAMES = [f"consumer-terms-2025-09-28{suffix}" for suffix in ("", "-strict", "-keep-prior")]


def audit(corpus: Corpus, out: Path, *more: object) -> Path:
    done = chatsieve("audit", "-c", corpus.config, "--output", out, *more)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def compared(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The corpus under three policies in one pass: the output folder and the command's JSON."""
    out = tmp_path_factory.mktemp("what-if") / "out"
    policies = [argument for name in NAMES for argument in ("--policy", PACKS / f"{name}.yaml")]
    done = chatsieve("audit", "-c", corpus.config, "--output", out, "--json", *TWO_WORKERS, *policies)
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


@pytest.mark.e2e
@pytest.mark.parametrize("name", NAMES)
def test_one_pass_over_several_policies_decides_as_one_pass_over_each(
    corpus: Corpus, compared: tuple[Path, dict[str, Any]], name: str, tmp_path: Path
) -> None:
    """If a what-if differed from the audit, a policy would be chosen on wrong numbers."""
    alone = audit(corpus, tmp_path / "alone", "--policy", PACKS / f"{name}.yaml")
    part = "part-00000-of-00001"
    for file in (f"ledger/{part}.parquet", f"quarantine/{part}.jsonl", "report/report.json"):
        assert (current(alone) / file).read_bytes() == (current(compared[0] / name) / file).read_bytes()
    assert chatsieve("verify", compared[0] / name).returncode == 0


@pytest.mark.e2e
def test_the_page_of_files_has_every_field_of_the_comparison(compared: tuple[Path, dict[str, Any]]) -> None:
    """The document has no schema, so the page is compared with one that was written."""
    found = list[str]()
    for name, value in compared[1].items():
        found.append(name)
        if isinstance(value, list):
            found += [f"{name}[].{inner}" for inner in value[0]]
    assert found == list(WHAT_IF.columns)


@pytest.mark.e2e
def test_the_comparison_has_the_counts_of_each_ledger(compared: tuple[Path, dict[str, Any]]) -> None:
    """Every count equals that of a query over the ledgers."""
    out, document = compared
    assert json.loads((out / "what-if.json").read_text()) == document
    assert [policy["id"] for policy in document["policies"]] == NAMES
    for place, name in enumerate(NAMES):
        query = f"select reason, count(*) from '{current(out / name)}/ledger/*.parquet' group by 1"
        wanted = dict(duckdb.sql(query).fetchall())
        got = {row["reason"]: row["sessions"][place] for row in document["reasons"] if row["sessions"][place]}
        assert got == wanted


@pytest.mark.e2e
def test_a_diff_equals_a_join_of_the_ledgers(compared: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Matrix, changed sessions, tiers and keys, against a full outer join."""
    a, b = (compared[0] / name for name in NAMES[:2])
    changed_file = tmp_path / "changed.parquet"
    done = chatsieve("diff", a, b, "--json", "--keys", 1000, "--out", changed_file)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    nth = "row_number() over (partition by conversation_key order by reason) as nth"
    side = f"select *, {nth} from '{{}}/ledger/*.parquet'"
    left, right = side.format(current(a)), side.format(current(b))
    joined = (
        "select a.reason ra, b.reason rb, coalesce(b.tier, a.tier) tier, conversation_key "
        f"from ({left}) a full join ({right}) b using (conversation_key, nth) "
        "where conversation_key is not null"
    )
    pairs = duckdb.sql(f"select ra, rb, count(*) from ({joined}) group by 1, 2").fetchall()
    assert {(r["a_reason"], r["b_reason"]): r["sessions"] for r in document["matrix"]} == {
        (ra, rb): n for ra, rb, n in pairs
    }
    changed = duckdb.sql(f"select conversation_key, ra, rb, tier from ({joined}) where ra <> rb").fetchall()
    assert changed
    assert document["sessions"]["changed"] == len(changed)
    assert {key for row in document["changed"] for key in row["keys"]} == {key for key, *_ in changed}
    assert {row["rule"] for row in document["changed"]} == {"consent_gap"}
    by_tier = collections.Counter(tier for *_, tier in changed)
    assert {row["value"]: row["changed"] for row in document["by_tier"] if row["changed"]} == by_tier
    written = pq.read_table(changed_file).to_pylist()
    assert sorted((r["conversation_key"], r["a_reason"], r["b_reason"]) for r in written) == sorted(
        (key, ra, rb) for key, ra, rb, _ in changed
    )
    page = chatsieve("diff", a, b)
    assert f"{len(changed)} with another decision" in " ".join(page.stdout.split())
    assert max(map(len, page.stdout.splitlines())) <= 80


@pytest.mark.e2e
def test_a_ledger_does_not_differ_from_itself(compared: tuple[Path, dict[str, Any]]) -> None:
    """This includes records without a key, which cannot be paired."""
    run = compared[0] / NAMES[0]
    document = json.loads(chatsieve("diff", run, run, "--json").stdout)
    assert document["changed"] == []
    assert document["sessions"]["only_in_a"] == document["sessions"]["only_in_b"] == 0


@pytest.mark.e2e
def test_runs_under_different_keys_are_not_compared(
    corpus: Corpus, compared: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Every session would seem to be in one of the two only."""
    other = audit(corpus, tmp_path / "other", "--set", "key_file=null", "--set", f"key={'a7' * 32}")
    done = chatsieve("diff", compared[0] / NAMES[0], other)
    assert done.returncode == 2
    assert "different keys" in done.stderr


@pytest.mark.e2e
def test_policies_of_one_name_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    """They would share a folder, and readers could not distinguish them."""
    pack = PACKS / f"{NAMES[0]}.yaml"
    twice = ("--policy", pack, "--policy", pack)
    done = chatsieve("audit", "-c", corpus.config, "--output", tmp_path / "o", *twice)
    assert done.returncode == 2
    assert "two policies have the id" in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.e2e
def test_several_policies_are_not_written_into_a_foreign_folder(corpus: Corpus, tmp_path: Path) -> None:
    """Nor is anything left where one of them cannot be decided by."""
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("mine")
    both = [argument for name in NAMES[:2] for argument in ("--policy", PACKS / f"{name}.yaml")]
    done = chatsieve("audit", "-c", corpus.config, "--output", out, *both)
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert [path.name for path in out.iterdir()] == ["letter.txt"]
    stale = tmp_path / "stale"
    too_late = ("--as-of", "2026-06-01T00:00:00Z")
    done = chatsieve("audit", "-c", corpus.config, "--output", stale, *both, *too_late)
    assert done.returncode == 2
    assert "stale" in done.stderr
    assert not stale.exists()


@pytest.mark.e2e
def test_later_snapshots_do_not_change_decisions_for_a_past_moment(corpus: Corpus, tmp_path: Path) -> None:
    """Later rows, such as an opt-out or an unknown state, were not known at the moment."""
    snapshots = tmp_path / "consent"
    snapshots.mkdir()
    for path in (corpus.path / "consent").glob("*2025*"):
        shutil.copy(path, snapshots)
    as_of = "2025-10-01T12:00:00Z"
    arguments = ("--as-of", as_of, "--consent", snapshots / "*", "--set", "limits.max_quarantined_fraction=1")
    before = audit(corpus, tmp_path / "before", *arguments)
    users = sorted({str(row["user_id"]) for row in corpus.truth() if row["user_id"]})
    early = dt.datetime(2025, 9, 1, tzinfo=dt.UTC)
    late = dt.datetime(2025, 11, 1, tzinfo=dt.UTC)
    columns = {"user_id": users, "state": ["refused"] * len(users), "decided_at": [early] * len(users)}
    pq.write_table(pa.table({**columns, "snapshot_at": [late] * len(users)}), snapshots / "later.parquet")
    strange = snapshots / "snapshot_at=2025-11-02"
    strange.mkdir()
    (strange / "new-words.csv").write_text("user_id,state,decided_at\nu,perhaps,2025-09-01T00:00:00Z\n")
    arguments = (*arguments, "--consent", strange / "*")
    after = audit(corpus, tmp_path / "after", *arguments)
    assert table_of(after, "ledger") == table_of(before, "ledger")
    for name in ("manifest.json",):
        manifests = [json.loads((current(run) / name).read_text()) for run in (before, after)]
        for manifest in manifests:
            manifest["arguments"].pop("consent")
            manifest["arguments"].pop("output")
            manifest["arguments"].pop("audit")
            # The page names the time and the digest of the whole manifest.
            manifest["files"] = [file for file in manifest["files"] if file["path"] != "report/report.html"]
            del manifest["digest"], manifest["hmac"], manifest["made_at"]
        assert manifests[0] == manifests[1]


@pytest.mark.e2e
def test_another_provider_needs_a_policy_file_and_no_code(corpus: Corpus, tmp_path: Path) -> None:
    """Tiers, surfaces and clauses of a made-up provider, through the whole program."""
    pack = Path("tests/policies/other-provider.yaml").resolve()
    policy = yaml.safe_load(pack.read_text())
    assert not set(policy["tiers"]["included"]) & {"free", "pro", "max"}
    consent = tmp_path / "consent.csv"
    consent.write_text(
        "user_id,state,decided_at,snapshot_at\n"
        "ann,granted,2026-01-05T00:00:00Z,2026-03-01T00:00:00Z\n"
        "ben,refused,2026-01-05T00:00:00Z,2026-03-01T00:00:00Z\n"
    )

    def session(name: str, user: str, tier: str, surface: str, **more: Any) -> str:
        asked, answered = "2026-02-01T10:00:00Z", "2026-02-01T10:00:09Z"
        messages = [
            {"message_id": "1", "role": "user", "sent_at": asked, "content": "How do I boil an egg?"},
            {
                "message_id": "2",
                "role": "assistant",
                "sent_at": answered,
                "content": "In water.",
            },
        ]
        fields = {"conversation_id": name, "user_id": user, "tier": tier, "surface": surface}
        return json.dumps({**fields, "created_at": asked, "messages": messages, **more})

    lines = {
        "eligible": session("c1", "ann", "starter", "messenger"),
        "opted_out": session("c2", "ben", "plus", "ide"),
        "tier_excluded": session("c3", "ann", "business", "messenger"),
        "tier_unknown": session("c4", "ann", "pro", "messenger"),
        "surface_excluded": session("c5", "ann", "plus", "gateway"),
        "incognito": session("c6", "ann", "plus", "ide", incognito=True),
    }
    (tmp_path / "log.jsonl").write_text("\n".join(lines.values()) + "\n")
    out = tmp_path / "out"
    done = chatsieve(
        *("run", "-c", corpus.config, "--input", tmp_path / "log.jsonl", "--consent", consent),
        *("--output", out),
        *("--policy", pack, "--as-of", "2026-03-01T12:00:00Z", "--set", "authorizations=null"),
        *("--set", "deletions=null"),
    )
    assert done.returncode == 0, done.stderr
    rows = {row["reason"]: row for row in table_of(out, "ledger")}
    assert rows.keys() == lines.keys()
    clauses = {reason: row["clause"] for reason, row in rows.items()}
    assert clauses == {
        "eligible": "§4.1",
        "opted_out": "§4.3",
        "tier_excluded": "§4.2",
        "tier_unknown": "§4.1",
        "surface_excluded": "§4.2",
        "incognito": "§11",
    }
    assert [row["policy_id"] for row in table_of(out, "data")] == ["northwind-2026"]
    assert rows["eligible"]["retain_until"] == dt.date(2027, 8, 1)
