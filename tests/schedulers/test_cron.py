"""The line of configs/cron, run by /bin/sh with the environment that cron gives, and its retries."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from pathlib import Path

import pytest

from pipeline.dataset.change import begin_change_of_existing
from tests.support.command import COMMAND, ROOT, Corpus, chatsieve

CRON = ROOT / "configs/cron/chatsieve.cron"
RETRY = ROOT / "configs/cron/retry"


def parsed() -> tuple[dict[str, str], list[str], str, str]:
    """Variables, the five fields of time, the user, and the command of the file for /etc/cron.d."""
    lines = [line for line in CRON.read_text().splitlines() if line and not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    (job,) = [line for line in lines if not re.match(r"[A-Z]+=", line)]
    *times, user, command = job.split(None, 6)
    return variables, times, user, command


def run_line(command: str, variables: dict[str, str], home: Path) -> subprocess.CompletedProcess[str]:
    """As cron: the shell with -c, the file's variables and these four only, in the user's home."""
    given = {**variables, "HOME": str(home), "LOGNAME": "chatsieve", "USER": "chatsieve"}
    return subprocess.run(
        [variables["SHELL"], "-c", command], env=given, cwd=home, capture_output=True, text=True, check=False
    )


def test_the_line_is_one_of_cron() -> None:
    """cron takes % for the end of the command, and does not run a file whose last line has no end."""
    variables, times, user, command = parsed()
    assert set(variables) == {"SHELL", "PATH", "MAILTO"}
    assert times == ["0", "2", "*", "*", "*"]
    assert user == "chatsieve"
    assert "%" not in command
    assert CRON.read_text().endswith("--quiet\n")


@pytest.mark.cluster
def test_the_line_waits_for_a_dataset_that_is_held_and_prints_nothing_else(
    corpus: Corpus, tmp_path: Path
) -> None:
    """No flock is needed: a second command ends with exit code 4, and the line tries again."""
    variables, _, _, command = parsed()
    out = tmp_path / "out"
    assert chatsieve("audit", "-c", corpus.config, "--output", out, "--quiet").returncode == 0
    replaced = {
        "/usr/local/lib/chatsieve/retry": str(RETRY),
        "/opt/chatsieve/bin/chatsieve run": f"{COMMAND} audit",
        "/etc/chatsieve/run.yaml": str(corpus.config),
        "--quiet": f"--quiet --output {out}",
    }
    for there, here in replaced.items():
        assert command.count(there) == 1
        command = command.replace(there, here)
    held, _ = begin_change_of_existing(out)
    release = threading.Timer(6, held.release)
    release.start()
    done = run_line(command, {**variables, "CHATSIEVE_PAUSE": "1"}, tmp_path)
    release.join()
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (0, "")
    assert lines
    assert all(line.startswith("chatsieve: ") for line in lines)
    assert len(json.loads((out / "CURRENT").read_bytes())["versions"]) == 2


@pytest.mark.parametrize("code", [0, 1, 2, 3, 137])
def test_any_other_exit_code_ends_the_line_at_once(tmp_path: Path, code: int) -> None:
    """A refusal is not repeated 25 times."""
    script = f"echo try >> tries; exit {code}"
    done = run_line(f"{RETRY} /bin/sh -c '{script}'", {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}, tmp_path)
    assert done.returncode == code
    assert (tmp_path / "tries").read_text() == "try\n"


def test_the_attempts_end_and_the_last_code_is_kept(tmp_path: Path) -> None:
    """A day that never gets ready is reported before the next one begins."""
    variables = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", "CHATSIEVE_TRIES": "3", "CHATSIEVE_PAUSE": "0"}
    done = run_line(f"{RETRY} /bin/sh -c 'echo try >> tries; exit 4'", variables, tmp_path)
    assert done.returncode == 4
    assert (tmp_path / "tries").read_text() == "try\n" * 3
    assert "tries=${CHATSIEVE_TRIES:-25}" in RETRY.read_text()
