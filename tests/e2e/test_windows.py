"""Nights of a scheduled run: days are read when they are due and complete, and none is left out."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.telemetry.textfile import read
from schemas.telemetry import metrics
from tests.support.command import COMMAND, chatsieve, current, table_of
from tests.support.dated_logs import KEY, DatedLogs

pytestmark = pytest.mark.e2e
MARKED = {"ready": {"marker": "logs/{date}/_SUCCESS"}}


def ledger(dataset: Path) -> dict[str, str]:
    """The reason of each session, by key."""
    return {row["conversation_key"]: row["reason"] for row in table_of(dataset, "ledger")}


def key_of(conversation: str) -> str:
    """The key of a conversation under the key of these tests."""
    import hmac

    return hmac.digest(bytes.fromhex(KEY), b"conversation\0" + conversation.encode(), "sha256")[:16].hex()


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(logs: DatedLogs, as_of: str, *options: object, command: str = "run") -> Path:
    """A command that succeeds; the folder of the dataset."""
    out = logs.folder / ("out" if command == "run" else "out.audit")
    done = chatsieve(command, "-c", logs.config, "--as-of", as_of, "--quiet", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return out


def mark(logs: DatedLogs, *days: str) -> None:
    """Writes the marker of each day."""
    for day in days:
        logs.write(f"logs/{day}/_SUCCESS")


def test_a_run_that_is_not_ready_leaves_nothing(tmp_path: Path) -> None:
    """Exit code 4 and one line; no folder, no claim, no temporary file."""
    logs = DatedLogs(tmp_path, **MARKED)
    logs.consent("2026-02-28T18:00:00Z")
    for day in ("2026-02-26", "2026-02-27"):
        logs.log(day, day)
    mark(logs, "2026-02-26")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    refused = "inputs[0]: no marker logs/2026-02-27/_SUCCESS; nothing was written, try again later\n"
    before = tree(tmp_path)
    names = ("consumer-terms-2025-09-28", "consumer-terms-2025-09-28-strict")
    several = [part for name in names for part in ("--policy", name)]
    for command in (["run"], ["audit"], ["audit", *several]):
        options = ("-c", logs.config, "--as-of", "2026-02-28T00:00:00Z")
        done = chatsieve(*command, *options, TMPDIR=str(temporary))
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr.startswith("chatsieve: not ready at 20")
        assert done.stderr.endswith(refused)
        assert done.stderr.count("\n") == 1
    assert tree(tmp_path) == before
    assert not (tmp_path / "out").exists()
    assert [*temporary.iterdir()] == []


def test_one_run_after_missed_nights_reads_all_days(tmp_path: Path) -> None:
    """A refused night changes nothing; then a late file of an earlier day is read with the missed days."""
    logs = DatedLogs(tmp_path, **MARKED)
    logs.consent("2026-02-28T18:00:00Z")
    sessions = {"2026-02-26": "first", "2026-02-27": "second", "2026-02-28": "third", "2026-03-01": "today"}
    for day, name in sessions.items():
        logs.log(day, name)
    mark(logs, "2026-02-26", "2026-02-28")
    early = logs.consent("2026-02-26T20:00:00Z")
    out = run(logs, "2026-02-27T00:00:00Z", "--consent", early, command="audit")
    assert {*ledger(out)} == {key_of("first")}
    tonight = "2026-03-01T00:30:00Z"
    before = tree(tmp_path)
    refused = chatsieve("audit", "-c", logs.config, "--as-of", tonight)
    assert (refused.returncode, "no marker logs/2026-02-27/_SUCCESS; " in refused.stderr) == (4, True)
    assert tree(tmp_path) == before
    logs.log("2026-02-26", "late", name="late.jsonl")
    mark(logs, "2026-02-27")
    run(logs, tonight, command="audit")
    assert ledger(out) == {key_of(each): "eligible" for each in ("first", "second", "third", "late")}
    entry = json.loads((current(out) / "manifest.json").read_text())["arguments"]["inputs"][0]
    assert entry["window"] == {"first": "2026-02-26", "last": "2026-02-28", "days_without_files": []}
    assert (entry["path"], entry["since"], entry["until"]) == ("logs/{date}/*.jsonl", "2026-02-26", None)
    assert chatsieve("verify", out, CHATSIEVE_KEY=KEY).returncode == 0


def test_a_deferred_session_comes_back_by_itself(tmp_path: Path) -> None:
    """What was written after the newest snapshot is decided by the next one, for and against."""
    logs = DatedLogs(tmp_path)
    logs.consent("2026-02-27T06:00:00Z")
    logs.log("2026-02-26", "known")
    logs.log("2026-02-27", "of-u1")
    logs.log("2026-02-27", "of-u2", user="u2", name="b.jsonl")
    out = run(logs, "2026-02-28T00:00:00Z")
    first = {row["conversation_key"]: (row["decision"], row["reason"]) for row in table_of(out, "ledger")}
    waiting = ("deferred", "consent_unknown")
    assert first == {
        key_of("known"): ("eligible", "eligible"), key_of("of-u1"): waiting, key_of("of-u2"): waiting
    }  # fmt: skip
    assert [row["conversation_key"] for row in table_of(out, "data")] == [key_of("known")]
    rows = "u1,granted,2025-10-01T00:00:00Z", "u2,refused,2026-02-27T10:00:00Z"
    lines = ["user_id,state,decided_at,snapshot_at", *(f"{row},2026-02-28T06:00:00Z" for row in rows), ""]
    logs.write("consent/newer.csv", "\n".join(lines))
    run(logs, "2026-03-01T00:00:00Z")
    assert ledger(out) == {
        key_of("known"): "eligible", key_of("of-u1"): "eligible", key_of("of-u2"): "opted_out"
    }  # fmt: skip
    kept = {row["conversation_key"] for row in table_of(out, "data")}
    assert kept == {key_of("known"), key_of("of-u1")}
    assert json.loads((out / "CURRENT").read_text())["version"] == 2


def test_days_on_which_nobody_wrote_are_complete(tmp_path: Path) -> None:
    """A marked day without files is an empty day, also if it is the only one."""
    logs = DatedLogs(tmp_path, **{**MARKED, "since": "P2D"})
    logs.consent("2026-02-28T18:00:00Z")
    mark(logs, "2026-02-27", "2026-02-28")
    file = tmp_path / "chat.prom"
    out = run(logs, "2026-03-01T00:00:00Z", "--metrics-file", file)
    assert ledger(out) == {}
    manifest = json.loads((current(out) / "manifest.json").read_text())
    assert manifest["arguments"]["inputs"][0]["window"] == {
        "first": "2026-02-27",
        "last": "2026-02-28",
        "days_without_files": ["2026-02-27", "2026-02-28"],
    }
    values = {sample.metric: sample.value for sample in read(file) if not sample.labels}
    assert values[metrics.MISSING_DATES] == 2
    assert values[metrics.NEWEST_DAY] == dt.datetime(2026, 2, 28, tzinfo=dt.UTC).timestamp()
    done = chatsieve("verify", out, CHATSIEVE_KEY=KEY)
    assert done.returncode == 0, done.stderr


def test_explain_reads_the_window_of_its_as_of(tmp_path: Path) -> None:
    """It needs no marker: it is how a user finds out why a night is late."""
    logs = DatedLogs(tmp_path, **{**MARKED, "since": "P1D"})
    logs.consent("2026-02-28T18:00:00Z")
    for day in ("2026-02-26", "2026-02-28"):
        logs.log(day, day)
    mark(logs, "2026-02-26")
    out = run(
        logs, "2026-02-27T00:00:00Z", "--consent", logs.consent("2026-02-26T20:00:00Z"), command="audit"
    )
    explained = chatsieve("explain", "-c", logs.config, "2026-02-28", "--no-text", "--json")
    assert json.loads(explained.stdout)["reason"] == "eligible"
    other = chatsieve("explain", "-c", logs.config, "2026-02-26", "--no-text")
    assert (other.returncode, "no input has a record of this conversation" in other.stderr) == (2, True)
    then = chatsieve("explain", "-c", logs.config, "2026-02-26", "--no-text", "--json", "--run", out)
    assert json.loads(then.stdout)["ledger"]["agrees"] is True


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[DatedLogs, subprocess.Popen[str]]]:
    """An audit that waits for the marker of its only day, after it said so."""
    logs = DatedLogs(tmp_path, **{**MARKED, "since": "P1D"})
    logs.consent("2026-02-28T18:00:00Z")
    logs.log("2026-02-28", "one")
    command = [COMMAND, "audit", "-c", logs.config, "--wait", "PT1M"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("chatsieve: waiting until 20")
        assert line.endswith("Z: inputs[0]: no marker logs/2026-02-28/_SUCCESS\n")
        yield logs, process
        process.kill()


@pytest.mark.cluster
def test_a_run_starts_when_the_marker_comes(waiting: tuple[DatedLogs, subprocess.Popen[str]]) -> None:
    """The same command goes on; a scheduler sees one run that took longer."""
    logs, process = waiting
    mark(logs, "2026-02-28")
    _, errors = process.communicate()
    assert process.returncode == 0
    assert errors.splitlines()[0].startswith("chatsieve: ready at 20")
    assert ledger(logs.folder / "out.audit") == {key_of("one"): "eligible"}


@pytest.mark.cluster
def test_a_wait_is_in_the_log_until_it_is_given_up(tmp_path: Path) -> None:
    """Whoever reads the log at night must see what is missing."""
    logs = DatedLogs(tmp_path, **{**MARKED, "since": "P1D"})
    logs.consent("2026-02-28T18:00:00Z")
    logs.log("2026-02-28", "one")
    done = chatsieve("audit", "-c", logs.config, "--wait", "PT1S", "--log-format", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["run.started", "run.waiting", "run.later", "run.finished"]
    assert lines[1]["message"].endswith("inputs[0]: no marker logs/2026-02-28/_<NAME>")
    assert lines[-1]["exit_code"] == done.returncode == 4


@pytest.mark.cluster
def test_a_wait_ends_at_a_signal(waiting: tuple[DatedLogs, subprocess.Popen[str]]) -> None:
    """A scheduler that stops a job does not wait for the end of the wait."""
    logs, process = waiting
    before = tree(logs.folder)
    os.kill(process.pid, signal.SIGTERM)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (3, "chatsieve: interrupted\n")
    assert tree(logs.folder) == before
    assert not (logs.folder / "out.audit").exists()


def test_options_of_the_command_line_set_the_wait(tmp_path: Path) -> None:
    """A person who tries a configuration does not wait for two hours."""
    logs = DatedLogs(tmp_path, **MARKED)
    logs.save(wait="PT2H")
    for options, code, words in (
        (["--no-wait"], 4, "no marker"),
        (["--wait", "PT0S"], 4, "no marker"),
        (["--wait", "2h"], 2, "--wait 2h: expected an ISO 8601 duration"),
        (["--wait", "PT1H", "--no-wait"], 2, "--wait and --no-wait exclude each other"),
        (["--no-wait", "--set", "inputs.0.ready=null"], 2, "no file from"),
    ):
        done = chatsieve("audit", "-c", logs.config, *options)
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    shutil.rmtree(tmp_path)
