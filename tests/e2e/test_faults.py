"""A sample of `make faults`: every fault around the commit, and killed processes of a run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_run import wait_for
from tests.support.command import COMMAND, ROOT, TWO_WORKERS, Corpus, chatsieve

pytestmark = [pytest.mark.e2e, pytest.mark.faults]


def test_a_sample_of_the_faults_is_survived() -> None:
    """All faults around the commit of `gc`, and some of `forget`, of `expire` and of a run."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.prove.faults"]
    commit = ("--commands", "gc,forget", "--commit", "--points", "20")
    done = subprocess.run([*command, *commit], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert " 0 not survived" in done.stdout


def _workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The worker processes of a run."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if b"pipeline.runners.worker_main" in arguments and str(process.pid).encode() in arguments:
                found.append(int(entry.name))
    return found


def _started(corpus: Corpus, out: Path) -> subprocess.Popen[str]:
    """A run with two workers that has begun to write."""
    arguments = [str(COMMAND), "run", "-c", str(corpus.config), "--output", str(out), "--quiet", *TWO_WORKERS]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(out.glob("v0001-*/staging/*")) and len(_workers_of(process)) == 2, process)
    return process


@pytest.mark.parametrize("ended", ["worker", "run"])
def test_a_run_whose_processes_are_ended_leaves_no_process_and_no_file(
    corpus: Corpus, tmp_path: Path, ended: str
) -> None:
    """A worker that goes on writing would write into the folder of the next run."""
    out = tmp_path / "out"
    process = _started(corpus, out)
    workers = _workers_of(process)
    assert len(workers) == 2
    os.kill(*((workers[0], signal.SIGKILL) if ended == "worker" else (process.pid, signal.SIGTERM)))
    _, stderr = process.communicate()
    assert process.returncode == 3
    assert stderr.count("\n") == 1
    assert ("SIGKILL" if ended == "worker" else "interrupted") in stderr
    assert _workers_of(process) == []
    assert not out.exists()


def test_of_two_runs_at_once_one_is_told_to_come_back(corpus: Corpus, tmp_path: Path) -> None:
    """The second waits for nothing and touches nothing; the first is whole."""
    out = tmp_path / "out"
    process = _started(corpus, out)
    # Not a forked command: it looks at temporary files of others, which are outside of the clone.
    second = chatsieve("run", "-c", corpus.config, "--output", out, "--quiet", fresh=True)
    assert (second.returncode, second.stderr.count("\n")) == (4, 1)
    _, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, "")
    assert chatsieve("versions", out).stdout.count("\n") == 1
    assert chatsieve("verify", out).returncode == 0
