"""Each exit code by a command that ends with it: a scheduler tells "again", "later" and "stop" apart."""

from __future__ import annotations

import json
import re
import shutil
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


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> DatedLogs:
    """Logs of a day, and an audit of them that succeeded."""
    logs = DatedLogs(tmp_path_factory.mktemp("codes") / "done", since="P1D")
    logs.consent("2026-02-28T18:00:00Z")
    logs.log("2026-02-28", *(f"session-{number}" for number in range(200)))
    ended = audit(logs)
    assert (ended.returncode, ended.stderr) == (0, "")
    return logs


def lists_versions(logs: DatedLogs) -> Ended:
    return chatsieve("versions", logs.folder / "out.audit")


def crosses_a_threshold(logs: DatedLogs) -> Ended:
    """The audit is committed, and its result must not be released."""
    return audit(logs, "--set", "audit.fail_if.min_sessions=1000")


def finds_damage(logs: DatedLogs) -> Ended:
    (current(logs.folder / "out.audit") / "report/report.html").write_text("other")
    return chatsieve("verify", logs.folder / "out.audit", CHATSIEVE_KEY=KEY)


def has_a_wrong_key(logs: DatedLogs) -> Ended:
    return audit(logs, "--set", "output.shard=1")


def has_no_input(logs: DatedLogs) -> Ended:
    return audit(logs, "--input", "nothing/*.jsonl")


def has_an_output_that_exists(logs: DatedLogs) -> Ended:
    return audit(logs, "--set", "output.on_exists=refuse")


def has_a_full_disk(logs: DatedLogs) -> Ended:
    """The file system refuses to write more, as a full one does."""
    # 16 KiB, so that the catalog and the claim can be written, and the files of sessions cannot.
    command = f"ulimit -f 16; exec {COMMAND} audit -c {logs.config} --quiet"
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
    (lists_versions, 0, "1"),
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


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [pytest.param(*case, id=case[0].__name__, marks=[pytest.mark.faults] * (case[1] == 3)) for case in CASES],
)
def test_a_command_ends_with_the_documented_code(
    done: DatedLogs, tmp_path: Path, command: Callable[[DatedLogs], Ended], code: int, words: str
) -> None:
    """One line on standard error for every code above 1, and only 0 and 1 can leave a new version."""
    shutil.copytree(done.folder, tmp_path / "copy", symlinks=True)
    ended = command(DatedLogs(tmp_path / "copy", since="P1D"))
    assert ended.returncode == code, ended.stderr
    assert words in ended.stderr + ended.stdout
    if code > 1:
        assert ended.stderr.count("\n") == 1
        assert ("try again later" in ended.stderr) == (code == 4)
    version = json.loads((tmp_path / "copy/out.audit/CURRENT").read_text())["version"]
    assert version == (2 if command is crosses_a_threshold else 1)


def test_the_documentation_lists_every_code() -> None:
    """A scheduler is configured by this table."""
    table = (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| ([0-9]) \|", table, re.M)}
    assert listed == {code for _, code, _ in CASES}
