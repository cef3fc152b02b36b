"""The main job as a user runs it: real runner, real model, real files."""

from __future__ import annotations

import collections
import contextlib
import gzip
import hashlib
import json
import random
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.tables import LEDGER, TRAINING
from tests.support.command import COMMAND, TWO_WORKERS, Corpus, chatsieve, current, table_of

pytestmark = pytest.mark.e2e
Finished = tuple[Path, subprocess.CompletedProcess[str]]


def every_byte(folder: Path) -> str:
    """All files below a folder as text, Parquet both as stored and as read."""
    parts = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts.append(file.read_bytes().decode("utf-8", "replace"))
        if file.suffix == ".parquet":
            rows = pq.read_table(file).to_pylist()
            parts.append(json.dumps(rows, default=str, ensure_ascii=False))
    return "\n".join(parts).lower()


def digests(dataset: Path, pattern: str) -> dict[str, str]:
    """SHA-256 of files of the current version, by name."""
    files = sorted(current(dataset).glob(pattern))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    """Returns when the condition holds or the process has ended; looks fifty times a second."""
    while not condition() and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)


def test_every_decision_equals_the_planted_truth(corpus: Corpus, finished: Finished) -> None:
    """The truth is known by construction, so one wrong reason or kept message is a wrong rule."""
    wanted = collections.Counter(
        (
            t["conversation_id"] and corpus.key_of(t["conversation_id"]),
            t["decision"],
            t["reason"],
            len(t["kept_message_ids"]),
        )
        for t in corpus.truth()
    )
    got = collections.Counter(
        (r["conversation_key"], r["decision"], r["reason"], r["messages_kept"])
        for r in table_of(finished[0], "ledger")
    )
    assert got == wanted


def test_no_planted_identifier_is_in_any_byte_written(corpus: Corpus, finished: Finished) -> None:
    """One leaked key or address is one too many, wherever it leaks."""
    out, done = finished
    written = every_byte(out) + done.stderr.lower() + done.stdout.lower()
    planted = [p for p in corpus.planted() if p["type"] not in ("PERSON", "ADDRESS")]
    assert len(planted) > 300
    assert [p["type"] for p in planted if p["value"].lower() in written] == []


def test_raw_ids_are_in_no_byte_written(corpus: Corpus, finished: Finished) -> None:
    """Ids leave a reader as keyed digests only."""
    written = every_byte(finished[0]) + finished[1].stderr.lower()
    ids = {t["conversation_id"] for t in corpus.truth() if t["conversation_id"]}
    ids |= {t["user_id"] for t in corpus.truth() if t["user_id"]}
    assert [i for i in ids if i in written] == []


def test_most_planted_names_are_gone(corpus: Corpus, finished: Finished) -> None:
    """Names are found by lists and a model: not all, but nearly all of full names."""
    written = every_byte(finished[0])
    names = {p["value"] for p in corpus.planted() if p["type"] == "PERSON"}
    left = [name for name in names if name.lower() in written]
    assert len(left) <= 0.03 * len(names)


def test_kept_messages_are_the_rows_written(corpus: Corpus, finished: Finished) -> None:
    """A message that may not be kept must not come out, and none that may be is lost."""
    kept = {
        corpus.key_of(t["conversation_id"]): t["kept_message_ids"]
        for t in corpus.truth()
        if t["kept_message_ids"]
    }
    rows = {row["conversation_key"]: row for row in table_of(finished[0], "data")}
    assert {key: len(row["messages"]) for key, row in rows.items()} == {
        key: len(ids) for key, ids in kept.items()
    }


def test_a_person_is_one_surrogate_through_a_session(finished: Finished) -> None:
    """The same value is the same surrogate in text, thinking, tool inputs and tool results."""
    tools = [r for r in table_of(finished[0], "data") if any(m["tool_calls"] for m in r["messages"])]
    assert tools
    for row in tools:
        text = json.dumps(row["messages"], ensure_ascii=False)
        assert set(re.findall(r"<USERNAME_\d+>", text)) == {"<USERNAME_1>"}
        assert "<EMAIL_ADDRESS_2>" not in text


def test_tool_calls_stay_valid_json(finished: Finished) -> None:
    """A masked tool call is still a tool call, with an id that its result refers to."""
    calls = results = 0
    for row in table_of(finished[0], "data"):
        made = set()
        for message in row["messages"]:
            for call in json.loads(message["tool_calls"] or "[]"):
                assert isinstance(call["function"]["arguments"], dict)
                made.add(call["id"])
                calls += 1
            if message["role"] == "tool":
                assert message["tool_call_id"] in made
                results += 1
    assert calls > 5
    assert results > 5


def test_rows_load_with_one_schema_everywhere(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trainers read with datasets, DuckDB and Polars; empty shards must not break them."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    pattern = str(current(finished[0]) / "data/*.parquet")
    rows = table_of(finished[0], "data")
    loaded = datasets.load_dataset("parquet", data_files=pattern, split="train", cache_dir=str(tmp_path))
    assert loaded.num_rows == len(rows)
    counted = duckdb.read_parquet(pattern).aggregate("count(*), count(distinct conversation_key)").fetchall()
    assert counted == [(len(rows), len(rows))]
    assert polars.read_parquet(pattern).height == len(rows)
    for file in (current(finished[0]) / "data").glob("*.parquet"):
        assert pq.read_schema(file).equals(TRAINING)
    for file in (current(finished[0]) / "ledger").glob("*.parquet"):
        assert pq.read_schema(file).equals(LEDGER)


def test_order_workers_and_compression_change_no_byte(
    corpus: Corpus, finished: Finished, tmp_path: Path
) -> None:
    """Equal input, as_of and key give equal bytes, however the input lies on disk."""
    lines = [
        line
        for file in sorted((corpus.path / "logs").glob("*.gz"))
        for line in gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    ]
    random.Random(1).shuffle(lines)
    for number in range(3):
        (tmp_path / f"{number}.jsonl").write_bytes(b"".join(lines[number::3]))
    out = tmp_path / "out"
    done = chatsieve(
        "run",
        "-c",
        corpus.config,
        "--input",
        tmp_path / "*.jsonl",
        "--output",
        out,
        "--set",
        "runner.max_bucket_bytes=4KiB",
    )
    assert done.returncode == 0, done.stderr
    assert digests(out, "data/*") == digests(finished[0], "data/*")
    assert digests(out, "ledger/*") == digests(finished[0], "ledger/*")


def test_parquet_input_gives_the_same_shards(corpus: Corpus, finished: Finished, tmp_path: Path) -> None:
    """The file format of the input is no part of the data."""
    made = chatsieve(
        "sample", tmp_path / "pq", "--conversations", 220, "--seed", 11, "--input-format", "parquet"
    )
    assert made.returncode == 0, made.stderr
    (tmp_path / "pq/chatsieve.key").write_text((corpus.path / "chatsieve.key").read_text())
    out = tmp_path / "out"
    done = chatsieve("run", "-c", tmp_path / "pq/config.yaml", "--output", out, "--set", "runner.workers=1")
    assert done.returncode == 0, done.stderr
    assert digests(out, "data/*") == digests(finished[0], "data/*")


def test_audit_decides_alike_and_writes_no_text(corpus: Corpus, finished: Finished, tmp_path: Path) -> None:
    """A privacy officer's dry run must show what a run would do, and nothing of what was said."""
    out = tmp_path / "audit"
    done = chatsieve("audit", "-c", corpus.config, "--output", out, "--json")
    assert done.returncode == 0, done.stderr
    assert digests(out, "ledger/*") == digests(finished[0], "ledger/*")
    assert not (current(out) / "data").exists()
    assert (
        json.loads(done.stdout)["counts"]
        == json.loads((current(out) / "report/report.json").read_text())["counts"]
    )
    assert chatsieve("verify", out).returncode == 0


def test_a_second_run_refuses_and_changes_nothing(corpus: Corpus, finished: Finished) -> None:
    """Nothing is overwritten."""
    before = digests(finished[0], "**/*.parquet")
    done = chatsieve("run", "-c", corpus.config, "--output", finished[0])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "holds a dataset already" in done.stderr
    assert digests(finished[0], "**/*.parquet") == before


def test_a_killed_run_leaves_nothing_that_counts_and_running_again_works(
    corpus: Corpus, tmp_path: Path
) -> None:
    """kill -9 is how clouds end machines: no manifest, nothing raw, and the next run is not in its way."""
    out = tmp_path / "out"
    arguments = [str(COMMAND), "run", "-c", str(corpus.config), "--output", str(out), "--quiet", *TWO_WORKERS]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(out.glob("v0001-*/staging/fragments/*")), process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "CURRENT").exists()
    assert any(out.glob("v0001-*/staging"))
    left = "".join(f.read_bytes().decode("utf-8", "replace") for f in out.rglob("*") if f.is_file())
    assert not [p for p in corpus.planted() if p["type"] == "EMAIL_ADDRESS" and p["value"] in left]
    again = chatsieve("run", "-c", corpus.config, "--output", out)
    assert again.returncode == 0, again.stderr
    assert chatsieve("verify", out).returncode == 0
    assert {path.name for path in out.iterdir()} == {"CURRENT", "latest", current(out).name}
    assert {path.name for path in current(out).iterdir()} == {
        "README.md",
        "data",
        "ledger",
        "manifest.json",
        "quarantine",
        "report",
        "restricted",
    }


def test_an_interrupted_run_is_rolled_back_and_says_so(corpus: Corpus, tmp_path: Path) -> None:
    """A scheduler ends a run with SIGTERM: exit 3, one line, no folder left."""
    out = tmp_path / "out"
    arguments = [str(COMMAND), "run", "-c", str(corpus.config), "--output", str(out), "--quiet", *TWO_WORKERS]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(out.glob("v0001-*")), process)
    process.terminate()
    _, stderr = process.communicate()
    assert (process.returncode, stderr) == (3, "chatsieve: interrupted; everything written was removed\n")
    assert not out.exists()


def test_a_new_version_does_not_change_the_one_before(corpus: Corpus, tmp_path: Path) -> None:
    """A dataset grows by versions; a glob below one version never finds rows of another."""
    out = tmp_path / "out"
    base: list[Any] = ["run", "-c", corpus.config, "--output", out, "--quiet"]
    assert chatsieve(*base).returncode == 0
    before, old = digests(out, "data/*.parquet"), current(out)
    assert chatsieve(*base, "--rebuild", "--set", "output.on_exists=new_version").returncode == 0
    manifest = json.loads((current(out) / "manifest.json").read_text())
    assert digests(out, "data/*.parquet") == before
    assert current(out) != old
    sha256 = hashlib.sha256((old / "manifest.json").read_bytes()).hexdigest()
    assert (manifest["dataset_version"], manifest["parent"]) == (2, {"version": 1, "digest": sha256})
    assert {path.name for path in out.iterdir()} == {
        "CURRENT",
        "latest",
        old.name,
        current(out).name,
    }
    assert [chatsieve("verify", f"{out}@{n}").returncode for n in (1, 2)] == [0, 0]


def test_the_restricted_index_is_private_and_points_at_rows(finished: Finished) -> None:
    """Erasure needs it; nobody else may read it."""
    out = finished[0]
    files = sorted((current(out) / "restricted").glob("index-*.parquet"))
    index = [row for file in files for row in pq.read_table(file).to_pylist()]
    shards = [pq.read_table(file).to_pylist() for file in sorted((current(out) / "data").glob("*.parquet"))]
    assert index
    for row in index:
        found = shards[row["shard"]][row["row"]]
        assert (found["conversation_key"], found["user_key"]) == (row["conversation_key"], row["user_key"])
    below = [path for path in (current(out) / "restricted").rglob("*") if path.is_file()]
    assert {file.stat().st_mode & 0o777 for file in below} == {0o600}


def test_rows_are_sorted_over_all_shards(finished: Finished) -> None:
    """A row's place is a function of its key alone."""
    keys = [row["conversation_key"] for row in table_of(finished[0], "data")]
    assert keys == sorted(keys)
    assert pa.table({"k": keys}).num_rows == len(set(keys))
