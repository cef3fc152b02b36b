"""A shareable report, read by an attacker who wants to derive the suppressed values."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.reports.document import Report
from tests.support.command import Corpus, chatsieve, current, table_of

pytestmark = pytest.mark.e2e
LEAST = 10
#: Numbers that count no sessions, records, users or entities, by the last name on their path.
NO_COUNTS = {
    "format_version",
    "files",
    "bytes",
    "age_seconds",
    "weight",
    "number",
    "min_cell",
    "dataset_version",
    "characters",
    "limit",
    "actual",
}
SHARES = {"share", "then_share", "now_share", "moved", "per_thousand_characters"}


def shared(corpus: Corpus, out: Path, *more: object, kind: str = "audit", code: int = 0) -> dict[str, Any]:
    done = chatsieve(kind, "-c", corpus.config, "--output", out, "--quiet", "--shareable", *more)
    assert done.returncode == code, done.stderr
    data = (current(out) / "report/report.json").read_bytes()
    msgspec.json.decode(data, type=Report)
    report: dict[str, Any] = json.loads(data)
    return report


def numbers(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every number of a document, with its path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from numbers(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


@pytest.fixture(scope="module")
def reports(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Any], Path]]:
    """One run and two audits over a corpus small enough that most cells of it are small."""
    root = tmp_path_factory.mktemp("shareable")
    strict = Path("configs/policies/consumer-terms-2025-09-28-strict.yaml").resolve()
    return [
        (shared(corpus, root / "run", kind="run"), root / "run"),
        (shared(corpus, root / "audit"), root / "audit"),
        (
            shared(corpus, root / "strict", "--policy", strict, "--compare", root / "audit"),
            root / "strict",
        ),
    ]


def test_the_corpus_has_small_cells_to_hide(reports: list[tuple[dict[str, Any], Path]]) -> None:
    """Else the tests here would hold of any report."""
    for _, run in reports:
        cells: dict[tuple[Any, ...], int] = {}
        for row in table_of(run, "ledger"):
            key = (row["reason"], row["tier"], row["surface"])
            cells[key] = cells.get(key, 0) + 1
        assert sum(0 < number < LEAST for number in cells.values()) > 10


def test_no_small_count_is_published(reports: list[tuple[dict[str, Any], Path]]) -> None:
    """No count has a value from 1 to 9."""
    for report, _ in reports:
        assert report["shareable"]["min_cell"] == LEAST
        small = [
            (path, number)
            for path, number in numbers(report)
            if 0 < number < LEAST and path[-1] not in NO_COUNTS | SHARES
        ]
        assert small == []


def test_no_small_count_is_left_by_subtraction(reports: list[tuple[dict[str, Any], Path]]) -> None:
    """Any two numbers of sessions of which one may be part of the other: what is between them is large.

    Whoever passes a table on passes its total on, too; so does each pair of neighbors of the funnel.
    """
    for report, _ in reports:
        total = report["counts"]["ledger_rows"]
        tables = [
            [row["sessions"] for row in report[name]]
            for name in ("by_month", "by_tier", "by_surface", "reasons")
        ]
        tables += [list(report["counts"][name].values()) for name in ("decisions", "reasons")]
        tables.append([row["sessions"] for row in report["consent"]["sessions"]])
        for table in tables:
            published = [number for number in table if isinstance(number, int)]
            assert_large(total - sum(published))
        for row in itertools.chain(report["by_month"], report["by_tier"], report["by_surface"]):
            parts = [row[name] for name in ("eligible", "excluded", "deferred", "quarantined")]
            if isinstance(row["sessions"], int):
                assert_large(row["sessions"] - sum(part for part in parts if isinstance(part, int)))
        left = [step["left"] for step in report["funnel"] if isinstance(step["left"], int)]
        for before, after in itertools.pairwise(left):
            assert_large(before - after)
        users = report["consent"]["users"]
        published = [n for name, n in users.items() if name != "total" and isinstance(n, int)]
        if isinstance(users["total"], int):
            assert_large(users["total"] - sum(published))


def assert_large(number: int) -> None:
    assert number == 0 or number >= LEAST


def test_the_share_of_a_hidden_count_is_not_published(reports: list[tuple[dict[str, Any], Path]]) -> None:
    """A share times the total is a count."""
    for report, _ in reports:
        total = report["counts"]["ledger_rows"]
        for path, share in numbers(report):
            if path[-1] == "share" and path[-2] == "warnings" and share > 0:
                assert share * total >= LEAST - 0.5 or share < 0


def test_published_numbers_are_true(reports: list[tuple[dict[str, Any], Path]]) -> None:
    """Suppression must not falsify: each number given as exact equals that of the ledger."""
    for report, run in reports:
        found: dict[str, int] = {}
        for row in table_of(run, "ledger"):
            found[row["reason"]] = found.get(row["reason"], 0) + 1
        for reason, number in report["counts"]["reasons"].items():
            if isinstance(number, int) and reason != "*":
                assert number == found.get(reason, 0)
            elif isinstance(number, str):
                assert found.get(reason, 0) < LEAST
        assert report["counts"]["ledger_rows"] == sum(found.values())


def test_thresholds_also_apply_to_suppressed_counts(corpus: Corpus, tmp_path: Path) -> None:
    """The exit code is for the operator, the report for other readers."""
    fail_if = "audit.fail_if.max_share={cyclic_messages: 0, naive_timestamp: 0, missing_field: 0}"
    report = shared(corpus, tmp_path / "out", "--set", fail_if, code=1)
    assert [row for row in report["failed"] if "naive_timestamp" in row["text"]] == []


def test_the_threshold_is_the_configured_one(corpus: Corpus, tmp_path: Path) -> None:
    """An organisation with a stricter rule sets it."""
    report = shared(corpus, tmp_path / "out", "--set", "audit.min_cell=50")
    small = [
        (path, number)
        for path, number in numbers(report)
        if 0 < number < 50 and path[-1] not in NO_COUNTS | SHARES
    ]
    assert small == []
