"""Each exit code by a command that ends with it: a scheduler tells "again", "later" and "stop" apart."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.dataset.change import begin_change
from tests.support.command import COMMAND, ROOT, chatsieve, current
from tests.support.dated_logs import KEY, DatedLogs

pytestmark = pytest.mark.e2e
Ended = subprocess.CompletedProcess[str]


def audit(logs: DatedLogs, *options: object) -> Ended:
    return chatsieve("audit", "-c", logs.config, "--quiet", *options)


def succeeds(logs: DatedLogs) -> Ended:
    return audit(logs)


def crosses_a_threshold(logs: DatedLogs) -> Ended:
    """The audit is committed, and its result must not be released."""
    return audit(logs, "--set", "audit.fail_if.min_sessions=1000")


def finds_damage(logs: DatedLogs) -> Ended:
    assert audit(logs).returncode == 0
    (current(logs.folder / "out.audit") / "report/report.html").write_text("other")
    return chatsieve("verify", logs.folder / "out.audit", CHATSIEVE_KEY=KEY)


def has_a_wrong_key(logs: DatedLogs) -> Ended:
    return audit(logs, "--set", "output.shard=1")


def has_no_input(logs: DatedLogs) -> Ended:
    return audit(logs, "--input", "nothing/*.jsonl")


def has_an_output_that_exists(logs: DatedLogs) -> Ended:
    assert audit(logs).returncode == 0
    return audit(logs, "--set", "output.on_exists=refuse")


def has_a_full_disk(logs: DatedLogs) -> Ended:
    """The file system refuses to write more, as a full one does."""
    command = f"ulimit -f 4; exec {COMMAND} audit -c {logs.config} --quiet"
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)


def misses_a_marker(logs: DatedLogs) -> Ended:
    return audit(logs, "--set", "inputs.0.ready={marker: 'logs/{date}/_SUCCESS'}")


def misses_fresh_consent(logs: DatedLogs) -> Ended:
    return audit(logs, "--set", "consent.ready={max_age: PT1H}")


def meets_another_command(logs: DatedLogs) -> Ended:
    """A claim of this process, which lives."""
    held = begin_change(logs.folder / "out.audit")
    try:
        return audit(logs)
    finally:
        held.release()


CASES: list[tuple[Callable[[DatedLogs], Ended], int, str]] = [
    (succeeds, 0, ""),
    (crosses_a_threshold, 1, "min_sessions"),
    (finds_damage, 1, "report.html"),
    (has_a_wrong_key, 2, "unknown key"),
    (has_no_input, 2, "no such input"),
    (has_an_output_that_exists, 2, "holds an audit already"),
    (has_a_full_disk, 3, "File too large"),
    (misses_a_marker, 4, "no marker logs/2026-02-28/_SUCCESS"),
    (misses_fresh_consent, 4, "the newest snapshot is of 2026-02-28T18:00:00Z"),
    (meets_another_command, 4, "its claim lasts until 20"),
]


@pytest.mark.parametrize(("command", "code", "words"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_command_ends_with_the_documented_code(
    tmp_path: Path, command: Callable[[DatedLogs], Ended], code: int, words: str
) -> None:
    """One line on standard error for every code but 0, and no version without 0 or 1."""
    logs = DatedLogs(tmp_path, since="P1D")
    logs.consent("2026-02-28T18:00:00Z")
    logs.log("2026-02-28", *(f"session-{number}" for number in range(200)))
    done = command(logs)
    assert done.returncode == code, done.stderr
    assert words in done.stderr + done.stdout
    if code > 1:
        assert done.stderr.count("\n") == 1
        assert ("try again later" in done.stderr) == (code == 4)
    catalog = logs.folder / "out.audit/CURRENT"
    written = json.loads(catalog.read_text())["version"] if catalog.exists() else 0
    assert written == (code < 2 or command is has_an_output_that_exists)


def test_the_documentation_lists_every_code() -> None:
    """A scheduler is configured by this table."""
    table = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| ([0-9]) \|", table, re.M)}
    assert listed == {code for _, code, _ in CASES}
