"""report.json as a reader checks it: every figure against a query, every sum, every state of consent."""

from __future__ import annotations

import collections
import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.reports.document import Report
from tests.support.command import TWO_WORKERS, Corpus, chatsieve, current, table_of
from tests.support.report_queries import check_ledger_figures, check_shard_figures, check_sums

pytestmark = pytest.mark.e2e
PACKS = Path("configs/policies").resolve()
Finished = tuple[Path, subprocess.CompletedProcess[str]]


def report_of(run: Path) -> dict[str, Any]:
    """The report as stored, read strictly first."""
    data = (current(run) / "report/report.json").read_bytes()
    msgspec.json.decode(data, type=Report)
    report: dict[str, Any] = json.loads(data)
    return report


def audit(corpus: Corpus, out: Path, *more: object, code: int = 0) -> dict[str, Any]:
    done = chatsieve("audit", "-c", corpus.config, "--output", out, "--quiet", *more)
    assert done.returncode == code, done.stderr
    return report_of(out)


def test_every_figure_of_a_run_equals_a_query(finished: Finished) -> None:
    """A number that a privacy officer cannot reproduce from the ledger has no value."""
    report = report_of(finished[0])
    check_ledger_figures(finished[0], report)
    check_shard_figures(finished[0], report)
    check_sums(report)
    assert report["counts"]["reasons"]["eligible"] > 20


@pytest.mark.parametrize("policy", ["", "-strict", "-keep-prior"])
@pytest.mark.parametrize("bucket", ["16MiB", "2KiB"])
def test_every_figure_of_an_audit_equals_a_query(
    corpus: Corpus, tmp_path: Path, policy: str, bucket: str
) -> None:
    """Whatever the policy and the shares that buckets are decided in."""
    pack = PACKS / f"consumer-terms-2025-09-28{policy}.yaml"
    limit = f"runner.max_bucket_bytes={bucket}"
    report = audit(corpus, tmp_path / "out", "--policy", pack, "--set", limit)
    check_ledger_figures(tmp_path / "out", report)
    check_sums(report)
    users = {t["user_id"] for t in corpus.truth() if t["user_id"]}
    assert report["consent"]["users"]["total"] == len(users)


def test_the_users_of_a_run_have_the_states_of_the_snapshots(corpus: Corpus, finished: Finished) -> None:
    """Counted in a third way: from the snapshot files, one user at a time."""
    import pyarrow.parquet as pq

    report = report_of(finished[0])
    events: dict[str, list[Any]] = collections.defaultdict(list)
    for file in sorted((corpus.path / "consent").glob("*.parquet")):
        for row in pq.read_table(file).to_pylist():
            moment = row["snapshot_at"].isoformat().replace("+00:00", "Z")
            if moment <= report["as_of"]:
                events[row["user_id"]].append((row["decided_at"], row["state"]))
    worst = {"granted": 0, None: 1, "refused": 2}

    def state_of(user: str) -> str:
        dated = [(at, worst[state]) for at, state in events.get(user, []) if at is not None]
        if user not in events:
            return "no_record"
        return ("granted", "undecided", "refused")[max(dated)[1] if dated else 1]

    users = {t["user_id"] for t in corpus.truth() if t["user_id"]}
    wanted = collections.Counter(map(state_of, users))
    found = {name: report["consent"]["users"][name] for name in wanted}
    assert found == dict(wanted)
    assert len(wanted) == 4


def test_no_session_of_a_user_who_refuses_is_eligible_unless_the_policy_names_it(
    corpus: Corpus, finished: Finished, tmp_path: Path
) -> None:
    """The most frequent question. The number is zero, or exactly the sessions that `keep` keeps."""
    strict = report_of(finished[0])["consent"]
    cells = {(r["state"], r["decision"]): r["sessions"] for r in strict["sessions"]}
    assert cells["refused", "excluded"] > 5
    assert ("refused", "eligible") not in cells
    assert strict["refused_eligible"] == {"sessions": 0, "exceptions": [], "unexplained": 0}
    pack = PACKS / "consumer-terms-2025-09-28-keep-prior.yaml"
    kept = audit(corpus, tmp_path / "keep", "--policy", pack)["consent"]["refused_eligible"]
    assert kept["sessions"] > 0
    assert [(e["name"], e["sessions"]) for e in kept["exceptions"]] == [
        ("prior_contributions", kept["sessions"])
    ]
    assert kept["unexplained"] == 0


def test_an_empty_input_gives_a_complete_report_with_a_warning(corpus: Corpus, tmp_path: Path) -> None:
    """A failed export must not look like a day with little traffic."""
    (tmp_path / "none.jsonl").write_text("")
    report = audit(corpus, tmp_path / "out", "--input", tmp_path / "none.jsonl")
    check_ledger_figures(tmp_path / "out", report)
    check_sums(report)
    assert report["counts"]["ledger_rows"] == 0
    assert report["warnings"][0]["code"] == "nothing_read"
    assert report["consent"]["users"]["total"] == 0


def test_equal_input_gives_an_equal_report(corpus: Corpus, tmp_path: Path) -> None:
    """No clock, no order of workers, no cut of buckets."""
    first = audit(corpus, tmp_path / "a")
    second = audit(corpus, tmp_path / "b", *TWO_WORKERS, "--set", "runner.max_bucket_bytes=2KiB")
    assert first == second


def test_a_report_compares_with_another_run(corpus: Corpus, finished: Finished, tmp_path: Path) -> None:
    """Then and now are those of the two ledgers, and a reason that moved is warned of."""
    pack = PACKS / "consumer-terms-2025-09-28-strict.yaml"
    report = audit(corpus, tmp_path / "strict", "--policy", pack, "--compare", finished[0])
    then = collections.Counter(row["reason"] for row in table_of(finished[0], "ledger"))
    now = collections.Counter(row["reason"] for row in table_of(tmp_path / "strict", "ledger"))
    rows = {row["reason"]: row for row in report["previous"]["reasons"]}
    assert set(rows) == {*then, *now}
    for reason, row in rows.items():
        assert (row["then"], row["now"]) == (then[reason], now[reason])
        assert row["then_share"] == pytest.approx(then[reason] / then.total(), abs=1e-6)
        assert row["now_share"] == pytest.approx(now[reason] / now.total(), abs=1e-6)
        assert row["moved"] == pytest.approx(row["now_share"] - row["then_share"], abs=2e-6)
    assert (report["previous"]["kind"], report["previous"]["sessions"]) == ("run", then.total())
    moved = {row["reason"] for row in rows.values() if abs(row["moved"]) > 0.1}
    assert {w["subject"] for w in report["warnings"] if w["code"] == "reason_moved"} == moved


def test_a_tier_never_seen_before_is_warned_of(corpus: Corpus, tmp_path: Path) -> None:
    """Using a new, unannounced tier could break a contract."""
    line = json.dumps(record("c-1", "free"))
    (tmp_path / "then.jsonl").write_text(line + "\n")
    (tmp_path / "now.jsonl").write_text(line + "\n" + json.dumps(record("c-2", "team")) + "\n")
    audit(corpus, tmp_path / "a", "--input", tmp_path / "then.jsonl")
    report = audit(corpus, tmp_path / "b", "--input", tmp_path / "now.jsonl", "--compare", tmp_path / "a")
    assert report["previous"]["new_tiers"] == ["team"]
    new = [w for w in report["warnings"] if w["code"] == "tier_new"]
    assert [(w["subject"], w["count"], w["share"]) for w in new] == [("team", 1, 0.5)]
    again = audit(corpus, tmp_path / "c", "--input", tmp_path / "now.jsonl", "--compare", tmp_path / "b")
    assert again["previous"]["new_tiers"] == []


def test_a_new_version_is_compared_with_the_one_before(corpus: Corpus, tmp_path: Path) -> None:
    """The comparison is automatic: the earlier run is in the same folder."""
    out = tmp_path / "out"
    assert audit(corpus, out)["previous"] is None
    done = chatsieve(
        "audit", "-c", corpus.config, "--output", out, "--quiet", "--set", "output.on_exists=new_version"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((current(out) / "report/report.json").read_text())
    assert report["previous"]["dataset_version"] == 1
    assert {row["moved"] for row in report["previous"]["reasons"]} == {0.0}


def test_thresholds_turn_numbers_into_an_exit_code(corpus: Corpus, tmp_path: Path) -> None:
    """A scheduler stops a release by the exit code. The output stays and names the cause."""
    out = tmp_path / "out"
    more = [
        "audit.fail_if.max_share={opted_out: 0.0001}",
        "audit.fail_if.min_eligible_share=0.99",
        "audit.fail_if.max_snapshot_age=PT1S",
        "audit.fail_if.warnings=[tier_unlisted]",
    ]
    arguments = [argument for text in more for argument in ("--set", text)]
    done = chatsieve("audit", "-c", corpus.config, "--output", out, "--quiet", *arguments)
    assert done.returncode == 1
    failed = [failure["threshold"].removeprefix("audit.fail_if.") for failure in report_of(out)["failed"]]
    assert failed == ["min_eligible_share", "max_share.opted_out", "max_snapshot_age", "warnings"]
    lines = done.stderr.splitlines()
    assert len(lines) == len(failed)
    for line, name in zip(lines, failed, strict=True):
        assert line.startswith("chatsieve: ")
        assert line.endswith(f"(audit.fail_if.{name})")
    assert chatsieve("verify", out).returncode == 0


def record(conversation: str, tier: str) -> dict[str, Any]:
    """A small readable session of an unknown user."""
    return {
        "conversation_id": conversation,
        "user_id": "user-of-no-snapshot",
        "organization_id": None,
        "tier": tier,
        "surface": "chat",
        "created_at": "2026-01-05T10:00:00Z",
        "messages": [
            {"message_id": "m1", "role": "user", "sent_at": "2026-01-05T10:00:00Z", "content": "hello"},
            {"message_id": "m2", "role": "assistant", "sent_at": "2026-01-05T10:00:05Z", "content": "hi"},
        ],
    }
