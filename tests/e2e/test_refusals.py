"""Input of a careless or hostile user gives one clear line and exit 2, or a quarantine row."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tests.support.command import Corpus, chatsieve, current, read_lines, table_of

pytestmark = pytest.mark.e2e

_JAR = "runner={name: flink, job_server_jar: no.jar, environment: {type: LOOPBACK}}"


def one_line(stderr: str) -> str:
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("chatsieve: ")
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--consent", "nowhere/*.parquet"], "no consent snapshot found"),
        (["--as-of", "2026-04-01T00:00:00Z"], "stale"),
        (["--as-of", "2024-01-01T00:00:00Z"], "no snapshot at or before"),
        (["--as-of", "2026-03-01T00:00:00"], "with an offset"),
        (["--set", "output.shard=3"], "--set output.shard=3: unknown key"),
        (["--set", "limits.max_messages=many"], "--set limits.max_messages=many: expected a whole number"),
        (["--as-of", "yesterday"], "--as-of yesterday: expected an RFC 3339 time"),
        (["--set", "key=12345", "--set", "key_file=null"], "--set key: expected text; put it in quotes"),
        (["--set", "output.shards="], "--set output.shards: has no value; write null for none"),
        (["--set", "=x"], "--set: expected KEY=VALUE"),
        (["--set", "a"], "--set: expected KEY=VALUE"),
        (["--set", "a..b=1"], "--set: expected KEY=VALUE"),
        (["--set", "limits=1"], "--set limits=1: expected a mapping"),
        (["--set", "output=[[["], "--set output: the value is not valid YAML"),
        (["--as-of", ""], "--as-of: has no value"),
        (["--input", " "], "--input: has no value"),
        (["--policy", ""], "--policy: has no value"),
        (["--set", "runner.name=flink"], "runner.environment: is missing; add it"),
        (["--set", _JAR], "no.jar: no such file; give the path of Beam's job server"),
        (["--set", "runner.name=fink"], "runner: expected a mapping with a name"),
        (["--input", "S3://bucket/x.jsonl"], "write s3://BUCKET/PREFIX"),
        (["--output", "gs:/bucket/out"], "write gs://BUCKET/PREFIX"),
        (["--input", "nothing-*.jsonl"], "no such input"),
        (["--input", "http://bucket/x.jsonl"], "http:// paths are not supported; give a local path, s3://"),
        (["--input", "s3://bucket//x.jsonl"], "s3://...: expected s3://BUCKET/PREFIX, without empty parts"),
        (["--set", "key_file=s3://bucket/key"], "key_file: no key is read from a bucket"),
        (["--policy", "no-policy.yaml"], "policy: no-policy.yaml: neither a packaged policy ("),
        (["--policy", "./no-policy.yaml"], "cannot be read"),
        (["--set", "key_file=missing.key", "--set", "create_key=false"], "chatsieve keygen"),
        (["--set", "key_file=null", "--set", "key=${NO_SUCH_VARIABLE}"], "NO_SUCH_VARIABLE is not set"),
        (["--set", "key=abc", "--set", "key_file=null"], "64 or more hex digits"),
        (["--output", "/dev/null/x"], "cannot be written"),
    ],
)
def test_a_refused_run_gives_one_line_with_the_reason_and_writes_nothing(
    corpus: Corpus, tmp_path: Path, arguments: list[str], words: str
) -> None:
    """A run with an invalid setup must not start, and the error must name the fix."""
    out = tmp_path / "out"
    given = arguments if "--output" in arguments else [*arguments, "--output", str(out)]
    done = chatsieve("audit", "-c", corpus.config, *given)
    assert done.returncode == 2, done.stderr
    assert words in one_line(done.stderr)
    assert not out.exists()


def test_an_error_in_the_configuration_names_file_and_line(corpus: Corpus, tmp_path: Path) -> None:
    """A user finds a mistake by its line."""
    text = corpus.config.read_text().replace("  shards: 4", "  shards: 4\n  shards: 5")
    config = corpus.path / "twice.yaml"
    config.write_text(text)
    done = chatsieve("run", "-c", config, "--output", tmp_path / "out")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if row == "  shards: 5")
    assert done.returncode == 2
    assert f"twice.yaml:{line}: output.shards: duplicate key" in one_line(done.stderr)


def test_a_foreign_folder_is_never_written_into(corpus: Corpus, tmp_path: Path) -> None:
    """A folder that this program did not create is not changed."""
    (tmp_path / "thesis.txt").write_text("mine")
    done = chatsieve("audit", "-c", corpus.config, "--output", tmp_path)
    assert done.returncode == 2
    assert "not empty" in one_line(done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("state", ["maybe", "GRANTED", "yes", "granted "])
def test_an_unknown_consent_state_stops_the_run(corpus: Corpus, tmp_path: Path, state: str) -> None:
    """A state that is not understood could be a refusal."""
    consent = tmp_path / "consent.csv"
    consent.write_text(
        f"user_id,state,decided_at,snapshot_at\nu1,{state},2025-10-01T00:00:00Z,2026-02-28T18:00:00Z\n"
    )
    done = chatsieve("audit", "-c", corpus.config, "--consent", consent, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "column state holds a value" in one_line(done.stderr)


def test_damaged_files_are_quarantined_and_others_are_read(corpus: Corpus, tmp_path: Path) -> None:
    """Truncated archives and files with a wrong extension are common."""
    logs = tmp_path / "logs"
    logs.mkdir()
    for file in (corpus.path / "logs").iterdir():
        shutil.copy(file, logs)
    good = gzip.decompress(next((corpus.path / "logs").iterdir()).read_bytes())
    (logs / "part-7.jsonl.gz").write_bytes(gzip.compress(good)[: len(good) // 20])
    (logs / "raw.jsonl").write_bytes(bytes(range(256)) * 4096)
    (logs / "empty.jsonl").write_bytes(b"")
    (logs / "old.parquet").write_bytes(b"PAR1" + b"\0" * 100)
    out = tmp_path / "out"
    done = chatsieve("audit", "-c", corpus.config, "--input", logs / "*", "--output", out)
    assert done.returncode in (0, 1), done.stderr
    entries = [e for file in (current(out) / "quarantine").iterdir() for e in read_lines(file)]
    codes = {(entry["file"], entry["code"]) for entry in entries}
    assert ("part-7.jsonl.gz", "truncated_input") in codes
    assert [e["file"] for e in entries].count("raw.jsonl") == 1
    assert ("old.parquet", "unreadable_file") in codes
    whole = {corpus.key_of(t["conversation_id"]) for t in corpus.truth() if t["conversation_id"]}
    assert whole <= {row["conversation_key"] for row in table_of(out, "ledger")}


def test_more_quarantined_than_allowed_ends_with_one(corpus: Corpus, tmp_path: Path) -> None:
    """The dataset is committed without the unreadable records. The exit code alerts the scheduler."""
    logs = tmp_path / "bad.jsonl"
    logs.write_text("not json\n" * 3 + json.dumps({"conversation_id": "x"}) + "\n")
    out = tmp_path / "out"
    done = chatsieve("audit", "-c", corpus.config, "--input", logs, "--output", out, "--quiet")
    assert done.returncode == 1
    told = "4 of 4 records could not be read; limits.max_quarantined_fraction is 0.01."
    assert f"{told} The audit was written; see quarantine/." in one_line(done.stderr)
    assert list((current(out) / "quarantine").iterdir())
    assert (current(out) / "manifest.json").exists()


def test_all_missing_files_are_named_at_once(corpus: Corpus, tmp_path: Path) -> None:
    """Inputs, snapshots and lists that are missing cost one try, not one each."""
    missing = ("--input", tmp_path / "none-*.jsonl", "--consent", tmp_path / "none.csv")
    lists = ("--set", "deletions=no-deletions.csv", "--set", "authorizations=no-authorizations.csv")
    done = chatsieve("audit", "-c", corpus.config, *missing, *lists, "--output", tmp_path / "out")
    assert done.returncode == 2
    names = ["none-*.jsonl", "none.csv", "no-deletions.csv", "no-authorizations.csv"]
    lines = done.stderr.splitlines()
    assert len(lines) == len(names), done.stderr
    for line, name in zip(lines, names, strict=True):
        assert line.startswith("chatsieve: ")
        assert name in line
    assert not (tmp_path / "out").exists()
