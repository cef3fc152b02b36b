"""Checks the report of a committed run or audit with DuckDB queries over its ledger and shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from tests.support.command import current

#: The month of creation as grouped in the report; {as_of} is the as-of instant.
MONTH = """case when created_on is null then null
  when date_trunc('month', created_on) > date_trunc('month', timestamp '{as_of}') then 'later'
  when date_trunc('month', created_on) <= date_trunc('month', timestamp '{as_of}') - interval 36 month
    then 'earlier'
  else strftime(created_on, '%Y-%m') end"""


def rows(run: Path, sql: str, folder: str = "ledger") -> list[tuple[Any, ...]]:
    """The rows of a query over `t`, the Parquet files of a folder."""
    query = f"with t as (from read_parquet('{current(run)}/{folder}/**/*.parquet')) {sql}"
    return [tuple(row) for row in duckdb.sql(query).fetchall()]


def check_ledger_figures(run: Path, report: dict[str, Any]) -> None:
    """Asserts that every figure derived from the ledger equals a query over it."""
    month = MONTH.format(as_of=report["as_of"].rstrip("Z"))
    assert [(report["counts"]["ledger_rows"],)] == rows(run, "select count(*) from t")
    for name in ("decision", "reason"):
        assert report["counts"][f"{name}s"] == dict(
            rows(run, f"select {name}::text, count(*) from t group by 1")
        )
    assert report["counts"]["messages_kept"] == (rows(run, "select sum(messages_kept) from t")[0][0] or 0)
    columns = ("decision", "reason", "clause", "sessions", "messages_seen", "messages_kept")
    assert same(
        [tuple(row[name] for name in columns) for row in report["reasons"]],
        rows(
            run,
            "select decision::text, reason::text, clause::text, count(*), sum(messages_seen), "
            "sum(messages_kept) from t group by all",
        ),
    )
    group = ("decision", "reason", "tier", "surface", "sessions")
    assert same(
        [tuple(row[name] for name in group) for row in report["groups"]],
        rows(
            run,
            "select decision::text, reason::text, tier::text, surface::text, count(*) from t group by all",
        ),
    )
    cube = rows(
        run,
        f"select reason::text, tier::text, surface::text, {month}, basis::text, count(*), sum(messages_kept) "
        "from t group by all",
    )
    assert same([tuple(row) for row in report["cube"]["rows"]], cube)
    decisions = ("eligible", "excluded", "deferred", "quarantined")
    filters = ", ".join(f"count(*) filter (decision::text = '{decision}')" for decision in decisions)
    for name, value in (("by_month", month), ("by_tier", "tier::text"), ("by_surface", "surface::text")):
        assert same(
            [tuple(row[key] for key in ("value", *decisions, "sessions")) for row in report[name]],
            rows(run, f"select {value}, {filters}, count(*) from t group by 1"),
        )
    quarantined = "select reason::text, count(*) from t where decision::text = 'quarantined' group by 1"
    assert {row["code"]: row["records"] for row in report["quarantine"]} == dict(rows(run, quarantined))
    states = rows(run, "select decision::text, basis::text, count(*) from t group by all")
    summed: dict[tuple[Any, ...], int] = {}
    for row in report["consent"]["sessions"]:
        key = (row["decision"], row["basis"])
        summed[key] = summed.get(key, 0) + row["sessions"]
    assert same([(*key, number) for key, number in summed.items()], states)
    if report["policy"]["prior_contributions"] == "exclude":  # else rows of refusing users expire sooner
        expiry = (
            "select strftime(retain_until, '%Y-%m'), count(*) from t "
            "where decision::text = 'eligible' group by 1"
        )
        assert [(row["month"], row["sessions"]) for row in report["retention"]] == sorted(rows(run, expiry))


def check_shard_figures(run: Path, report: dict[str, Any]) -> None:
    """Asserts that every figure derived from the shards equals a query over them."""
    written = rows(run, "select count(*), count(distinct conversation_key) from t", "data")
    assert written == [(report["counts"]["training_rows"], report["deid"]["sessions"])]
    assert same(
        [(row["language"], row["sessions"], row["rows"]) for row in report["by_language"]],
        rows(
            run, "select language::text, count(distinct conversation_key), count(*) from t group by 1", "data"
        ),
    )
    entities = "select u.key, sum(u.value) from (select unnest(entities) u from t) group by 1"
    assert report["entities"] == dict(rows(run, entities, "data"))
    assert {row["type"]: row["count"] for row in report["deid"]["entities"]} == report["entities"]
    by_surface = (
        "select s, u.key, sum(u.value) from (select surface::text s, unnest(entities) u from t) group by all"
    )
    assert same(
        [
            (row["surface"], found["type"], found["count"])
            for row in report["deid"]["by_surface"]
            for found in row["entities"]
        ],
        rows(run, by_surface, "data"),
    )
    expiry = (
        "select strftime(retain_until, '%Y-%m'), count(*), count(distinct conversation_key) from t group by 1"
    )
    assert [(r["month"], r["rows"], r["sessions"]) for r in report["retention"]] == sorted(
        rows(run, expiry, "data")
    )
    folder = current(run)
    files = {f["path"]: (f["rows"], f["bytes"]) for f in report["shards"]["files"]}
    for path, (number, size) in files.items():
        assert (folder / path).stat().st_size == size
        assert duckdb.sql(f"select count(*) from '{folder / path}'").fetchall() == [(number,)]
    counts, sizes = sorted(n for n, _ in files.values()), sorted(size for _, size in files.values())
    for name, values in (("rows", counts), ("bytes", sizes)):
        middle = duckdb.sql(f"select median(x) from (select unnest({values}) x)").fetchall()[0][0]
        assert report["shards"][name] == {"min": values[0], "median": middle, "max": values[-1]}


def check_sums(report: dict[str, Any]) -> None:
    """Asserts that the figures of the report add up."""
    total, counts = report["counts"]["ledger_rows"], report["counts"]
    assert sum(counts["decisions"].values()) == sum(counts["reasons"].values()) == total
    assert counts["sessions"] + counts["quarantined_records"] == total
    for name in ("by_month", "by_tier", "by_surface"):
        assert sum(row["sessions"] for row in report[name]) == total
    assert sum(row[-2] for row in report["cube"]["rows"]) == total
    assert sum(row["sessions"] for row in report["consent"]["sessions"]) == total
    assert sum(item["records"] for item in report["inputs"]) == counts["records"]
    left = counts["records"]
    for step in report["funnel"]:
        if step["step"] not in ("eligible", "rows"):
            left -= step["dropped"]
            assert step["left"] == left
    eligible = counts["decisions"].get("eligible", 0)
    assert left == eligible
    steps = {step["step"]: step["left"] for step in report["funnel"]}
    assert steps["eligible"] == eligible
    assert steps.get("rows", counts["training_rows"]) == counts["training_rows"]
    users = report["consent"]["users"]
    assert users["total"] == sum(users[name] for name in ("granted", "refused", "undecided", "no_record"))


def same(found: list[Any], wanted: list[Any]) -> bool:
    """True for the same rows in any order."""
    return sorted(map(repr, found)) == sorted(map(repr, wanted))
