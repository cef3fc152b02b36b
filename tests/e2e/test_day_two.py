"""The second day of a dataset: an opt-out, a resumed session, an erasure, late logs.

What each documented way of loading returns is exactly the current version.
"""

from __future__ import annotations

import copy
import datetime as dt
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from tests.support.command import Corpus, chatsieve, current, read_lines, table_of

pytestmark = pytest.mark.e2e
AS_OF = "2026-03-02T00:00:00Z"


@pytest.fixture(scope="module")
def logs(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A copy of the corpus whose logs and snapshots can change."""
    folder = tmp_path_factory.mktemp("days") / "corpus"
    shutil.copytree(corpus.path, folder)
    return Corpus(folder)


def run(corpus: Corpus, out: Path, *arguments: str) -> None:
    """A run that adds a version."""
    options = ("--quiet", "--output", out, "--set", "output.on_exists=new_version", *arguments)
    done = chatsieve("run", "-c", corpus.config, *options)
    assert (done.returncode, done.stderr) == (0, "")


def sessions(corpus: Corpus) -> list[dict[str, Any]]:
    """All records of the logs."""
    return [
        json.loads(line)
        for path in sorted((corpus.path / "logs").glob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
        if line.startswith(b"{")
    ]


def add_logs(corpus: Corpus, name: str, *records: dict[str, Any]) -> None:
    """Another file of logs."""
    data = "".join(json.dumps(record) + "\n" for record in records)
    (corpus.path / "logs" / name).write_bytes(gzip.compress(data.encode()))


def keys_loaded(out: Path) -> list[set[str]]:
    """The conversations that each documented way of loading finds."""
    path = chatsieve("path", out)
    assert path.returncode == 0
    by_query = f"select distinct conversation_key from '{out}/latest/data/*.parquet'"
    return [
        {row["conversation_key"] for row in table_of(out, "data")},
        {key for (key,) in duckdb.sql(by_query).fetchall()},
        set(ds.dataset(Path(path.stdout.strip()) / "data").to_table()["conversation_key"].to_pylist()),
    ]


def test_the_second_day_is_exactly_the_current_version(logs: Corpus, tmp_path: Path) -> None:
    """A refused person's rows in `latest` were the fault that versions cure."""
    out = tmp_path / "out"
    run(logs, out)
    truth = logs.truth()
    key_of = {row["conversation_id"]: logs.key_of(row["conversation_id"]) for row in truth}
    first = keys_loaded(out)
    assert first[0] == first[1] == first[2]
    eligible = [row for row in truth if row["decision"] == "eligible" and row["user_id"]]
    opted_out, erased = eligible[0]["user_id"], eligible[-1]
    assert opted_out != erased["user_id"]

    tomorrow = dt.datetime(2026, 3, 1, 18, tzinfo=dt.UTC)
    snapshot = {
        "user_id": [opted_out],
        "state": ["refused"],
        "decided_at": [tomorrow - dt.timedelta(hours=6)],
        "snapshot_at": [tomorrow],
    }
    pq.write_table(pa.table(snapshot), logs.path / "consent/snapshot-2026-03-01.parquet")
    late = copy.deepcopy(next(r for r in sessions(logs) if r["conversation_id"] == erased["conversation_id"]))
    late["conversation_id"] = "arrived-late"
    again = copy.deepcopy(late)
    again["conversation_id"] = "arrived-late-of-the-opted-out"
    again["user_id"] = opted_out
    add_logs(logs, "late.jsonl.gz", late, again)
    key = ("--key-file", logs.path / "chatsieve.key", "--quiet")
    done = chatsieve("forget", out, "--conversation", erased["conversation_id"], *key)
    assert (done.returncode, done.stderr) == (0, "")
    run(logs, out, "--as-of", AS_OF)

    second = keys_loaded(out)
    assert second[0] == second[1] == second[2]
    refused = {key_of[row["conversation_id"]] for row in eligible if row["user_id"] == opted_out}
    assert refused & first[0]
    assert not refused & second[0]
    assert key_of[erased["conversation_id"]] not in second[0]
    assert logs.key_of("arrived-late") in second[0]
    assert logs.key_of("arrived-late-of-the-opted-out") not in second[0]
    rest = (
        {key_of[row["conversation_id"]] for row in eligible} - refused - {key_of[erased["conversation_id"]]}
    )
    reasons = {row["conversation_key"]: row["reason"] for row in table_of(out, "ledger")}
    assert rest - second[0] == {key for key in rest if reasons[key] != "eligible"}

    kept = chatsieve("gc", out, "--keep", "1")
    assert (kept.returncode, f"removed {out}@1" in kept.stderr) == (0, True)
    assert keys_loaded(out) == second
    files = [path for path in out.rglob("*.parquet") if "latest" not in path.parts]
    assert {path.relative_to(out).parts[0] for path in files} == {current(out).name}
    assert chatsieve("verify", out, "--key-file", logs.path / "chatsieve.key").returncode == 0


def test_a_session_is_eligible_from_the_day_it_is_resumed(logs: Corpus, tmp_path: Path) -> None:
    """A session from before the consent counts once its user writes in it again."""
    out = tmp_path / "out"
    truth = {row["conversation_id"]: row for row in logs.truth()}
    old = next(
        record
        for record in sessions(logs)
        if truth.get(record["conversation_id"], {}).get("reason") == "not_resumed" and record["messages"]
    )
    key = logs.key_of(old["conversation_id"])
    run(logs, out, "--as-of", AS_OF)
    assert key not in keys_loaded(out)[0]
    parent = old["messages"][-1]["message_id"]
    at = "2026-02-27T10:00:0{}Z"
    more = [
        {"message_id": "again-1", "role": "user", "sent_at": at.format(1), "content": "And one more thing."},
        {"message_id": "again-2", "role": "assistant", "sent_at": at.format(2), "content": "Certainly."},
    ]
    if "parent_id" in old["messages"][-1]:
        more[0]["parent_id"], more[1]["parent_id"] = parent, "again-1"
    if old.get("current_message_id"):
        old["current_message_id"] = "again-2"
    for path in sorted((logs.path / "logs").glob("*.gz")):
        lines = gzip.decompress(path.read_bytes()).splitlines()
        kept = [
            json.dumps({**old, "messages": [*old["messages"], *more]}).encode()
            if line.startswith(b"{") and json.loads(line).get("conversation_id") == old["conversation_id"]
            else line
            for line in lines
        ]
        path.write_bytes(gzip.compress(b"\n".join(kept) + b"\n"))
    run(logs, out, "--as-of", AS_OF)
    assert key in keys_loaded(out)[0]
    assert key not in {row["conversation_key"] for row in pq.read_table(_first(out)).to_pylist()}


def _first(out: Path) -> Path:
    (folder,) = out.glob("v0001-*")
    return folder / "data"


def test_truth_has_what_these_tests_need(logs: Corpus) -> None:
    """Otherwise a test above could pass without testing anything."""
    reasons = {row["reason"] for row in read_lines(logs.path / "truth/decisions.jsonl")}
    assert {"eligible", "not_resumed"} <= reasons
