"""Lists in a run: rows that match nothing are counted, and a row that cannot be read ends it with exit 2."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.test_refusals import one_line
from tests.support.command import TWO_WORKERS, Corpus, chatsieve, current

pytestmark = pytest.mark.e2e
CANARY = "canary-4711"
WORKERS = [(), TWO_WORKERS]


def copied(corpus: Corpus, folder: Path) -> Corpus:
    shutil.copytree(corpus.path, folder)
    return Corpus(folder)


def audited(corpus: Corpus, out: Path, *arguments: object) -> dict[str, Any]:
    done = chatsieve("audit", "-c", corpus.config, "--output", out, *arguments)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads((current(out) / "report/report.json").read_text())
    return report


def records(corpus: Corpus) -> list[dict[str, Any]]:
    files = sorted((corpus.path / "logs").iterdir())
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [record for record in found if isinstance(record, dict)]


def test_rows_that_match_no_record_are_counted_for_any_number_of_workers(
    corpus: Corpus, tmp_path: Path
) -> None:
    """A list with ids of another system matches nothing, and nobody would notice that it has no effect."""
    own = copied(corpus, tmp_path / "corpus")
    with (own.path / "deletions.csv").open("a") as file:
        file.write(
            f"user,{CANARY},2025-10-01T00:00:00Z\nuser,{CANARY},2025-10-01T00:00:00Z\n"
            f"conversation,{CANARY},2025-10-01T00:00:00Z\nuser,{CANARY},2199-01-01T00:00:00Z\n"
        )
    with (own.path / "authorizations.csv").open("a") as file:
        file.write(f"{CANARY},,2025-10-01T00:00:00Z,,x\n")
    reports = [audited(own, tmp_path / f"out{n}", *workers) for n, workers in enumerate(WORKERS)]
    lists = reports[0]["lists"]
    assert lists == reports[1]["lists"]
    read = records(own)
    ids = {
        kind: {record.get(f"{kind}_id") for record in read}
        for kind in ("user", "conversation", "organization")
    }
    with (own.path / "deletions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["deleted_at"] < reports[0]["as_of"]]
    matched = sum(row["id"] in ids[row["kind"]] for row in rows)
    assert lists["deletions"] == {"given": len(rows), "matched": matched, "unmatched": len(rows) - matched}
    assert lists["deletions"]["unmatched"] >= 3
    with (own.path / "authorizations.csv").open() as file:
        organizations = [row["organization_id"] for row in csv.DictReader(file)]
    matched = sum(name in ids["organization"] for name in organizations)
    assert lists["authorizations"] == {
        "given": len(organizations), "matched": matched, "unmatched": len(organizations) - matched
    }  # fmt: skip
    users = set(pq.read_table(own.path / "consent", columns=["user_id"])["user_id"].to_pylist())
    states = reports[0]["consent"]["users"]
    assert lists["consent_users"]["given"] == len(users)
    assert lists["consent_users"]["matched"] == states["total"] - states["no_record"]
    assert lists["consent_users"]["matched"] == len(users & ids["user"])


def test_a_shareable_report_has_no_counts_of_lists(corpus: Corpus, tmp_path: Path) -> None:
    """Three deletions that match would show that three persons are in the logs."""
    report = audited(corpus, tmp_path / "out", "--shareable")
    assert report["lists"] is None
    assert "lists" in report["shareable"]["left_out"]


def spoiled(column: str, value: str | None, table: pa.Table) -> pa.Table:
    """The table with a bad cell in its last row, and texts in that column."""
    texts = [item if isinstance(item, str | None) else item.isoformat() for item in table[column].to_pylist()]
    place = table.schema.get_field_index(column)
    return table.set_column(place, column, pa.array([*texts[:-1], value], pa.string()))


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("user_id", f" {CANARY}", "column user_id has white space or an invisible character"),
        pytest.param("user_id", None, "a row has no user_id", marks=pytest.mark.faults),
        pytest.param(
            "decided_at",
            CANARY,
            "column decided_at holds a value that is not an RFC 3339 time",
            marks=pytest.mark.faults,
        ),
        pytest.param(
            "decided_at",
            "2300-01-01T00:00:00Z",
            "column decided_at: expected times from 1970 to 2199",
            marks=pytest.mark.faults,
        ),
        pytest.param(
            "state",
            f"{CANARY} ",
            "column state holds a value that is neither granted, refused nor null",
            marks=pytest.mark.faults,
        ),
        pytest.param("snapshot_at", None, "a row has no snapshot_at", marks=pytest.mark.faults),
    ],
)
def test_a_bad_row_of_consent_is_refused_alike_by_one_worker_and_two(
    corpus: Corpus, tmp_path: Path, column: str, value: str | None, why: str
) -> None:
    """Workers read ids and times of decisions; their error is a refusal as if the driver had found it."""
    own = copied(corpus, tmp_path / "corpus")
    path = sorted((own.path / "consent").glob("*.parquet"))[0]
    table = pq.read_table(path)
    pq.write_table(spoiled(column, value, table), path)
    lines = []
    for workers in WORKERS:
        done = chatsieve("audit", "-c", own.config, "--output", tmp_path / "out", *workers)
        assert done.returncode == 2, done.stderr
        lines.append(one_line(done.stderr))
        assert not [*tmp_path.glob("out/v*")]
    assert lines[0] == lines[1]
    assert f"{path.name}: row {table.num_rows}: {why}" in lines[0]
    assert CANARY not in lines[0]
