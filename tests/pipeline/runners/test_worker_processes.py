"""Worker processes: what ends early ends the run, and nothing in the working folder is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.commands.run import execute
from pipeline.inputs.config import load_settings
from pipeline.runners import children
from pipeline.runners.progress import Progress
from schemas.errors import PipelineError
from tests.support.command import COMMAND, Corpus, current

_NOTHING_COMMITTED = "; nothing was committed"


def _audit(corpus: Corpus, out: Path) -> str:
    """The error of an audit with two workers, which must leave no folder."""
    settings = load_settings(corpus.config, {"audit.path": str(out), "runner.workers": 2})
    with pytest.raises(PipelineError) as caught:
        execute(settings, "audit", [], Progress(False))
    assert not out.exists()
    assert caught.value.exit_code == 3
    return str(caught.value)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["/no/such/python"], "a worker process cannot start (No such file or directory)"),
        (
            [sys.executable, "-c", "import no_such_module"],
            "a worker process ended with exit code 1 (ModuleNotFoundError: No module named 'no_such_module')"
            + _NOTHING_COMMITTED,
        ),
        (
            [sys.executable, "-c", ""],
            "a worker process ended with exit code 0 (no message)" + _NOTHING_COMMITTED,
        ),
        (
            [sys.executable, "-c", "import os; os.abort()"],
            "a worker process was ended by SIGABRT" + _NOTHING_COMMITTED,
        ),
    ],
)
def test_a_worker_that_cannot_start_ends_the_run(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], message: str
) -> None:
    """Beam waits without limit for a worker that never connects."""
    monkeypatch.setattr(children, "worker_command", lambda: command)
    assert _audit(corpus, tmp_path / "out") == message


_STOP = "import os, signal, sys; os.kill(os.getpid(), signal.SIGSTOP); sys.exit('went on')"
_CONTINUE = """
import os, pathlib, signal
parent = os.getpid()
if os.fork() == 0:
    while pathlib.Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        pass
    os.kill(parent, signal.SIGCONT)
    os._exit(0)
"""
_READS_PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads states from /proc")


@_READS_PROC
@pytest.mark.parametrize("checks", [1, 2])
def test_a_worker_that_stays_stopped_ends_the_run(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checks: int
) -> None:
    """Beam waits without limit for a worker that a signal stopped, and the run holds its claim meanwhile."""
    monkeypatch.setattr(children, "_CHECK_SECONDS", 0.01)
    monkeypatch.setattr(children, "_MOST_CHECKS_STOPPED", checks)
    monkeypatch.setattr(children, "worker_command", lambda: [sys.executable, "-c", _STOP])
    message = "a worker process was stopped and did not continue"
    assert _audit(corpus, tmp_path / "out") == message + _NOTHING_COMMITTED


@_READS_PROC
def test_a_worker_that_continues_goes_on(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-Z and fg stop and continue a run with its workers. Here the worker then ends by itself."""
    monkeypatch.setattr(children, "worker_command", lambda: [sys.executable, "-c", _CONTINUE + _STOP])
    assert "exit code 1 (went on)" in _audit(corpus, tmp_path / "out")


def test_no_worker_outlives_a_run_that_failed(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other workers would go on writing into a folder that is removed."""
    started: list[subprocess.Popen[bytes]] = []
    commands = iter([[sys.executable, "-c", "import time; time.sleep(600)"], [sys.executable, "-c", "1 / 0"]])
    monkeypatch.setattr(children, "worker_command", lambda: next(commands))
    start = children.Children._start

    def note(self: children.Children, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        started.append(start(self, environment))
        return started[-1]

    monkeypatch.setattr(children.Children, "_start", note)
    assert "ZeroDivisionError" in _audit(corpus, tmp_path / "out")
    assert [process.wait(timeout=60) for process in started] == [-signal.SIGKILL, 1]


@pytest.mark.parametrize(
    ("given", "inherited"), [(":/plugins::/more", "/plugins:/more"), (":", "None"), ("/plugins", "/plugins")]
)
def test_a_worker_gets_the_plugin_folders_and_no_empty_entry(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, inherited: str
) -> None:
    """PYTHONPATH=$PYTHONPATH:/plugins has an empty entry, which Python reads as the working folder."""
    shown = [sys.executable, "-P", "-S", "-c", "import os, sys; sys.exit(str(os.environ.get('PYTHONPATH')))"]
    monkeypatch.setattr(children, "worker_command", lambda: shown)
    monkeypatch.setenv("PYTHONPATH", given)
    assert f"({inherited})" in _audit(corpus, tmp_path / "out")


_KILLED_WORKER = """
import os, signal, sys
from apache_beam.runners.worker.sdk_worker import SdkWorker
from pipeline.runners import worker_main
SdkWorker.process_bundle = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sys.argv[1:] = [str(os.getppid())]
worker_main.main()
"""
_RUN = f"""
import sys
from pipeline.cli.main import main
from pipeline.runners.process import prepare_process
prepare_process()
from pipeline.runners import children
children.worker_command = lambda: [sys.executable, "-P", "-c", {_KILLED_WORKER!r}]
main()
"""


@pytest.mark.e2e
def test_a_worker_that_is_killed_ends_the_run(corpus: Corpus, tmp_path: Path) -> None:
    """The system kills processes when memory runs out: exit 3, one line, nothing left, also in TMPDIR."""
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    audit = ["audit", "-c", str(corpus.config), "--output", str(out), "--set", "runner.workers=2"]
    command = [sys.executable, "-c", _RUN, *audit]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    line = "a worker process was ended by SIGKILL, perhaps for lack of memory; nothing was committed"
    assert (done.returncode, done.stderr) == (3, f"chatsieve: {line}\n")
    assert not out.exists()
    assert list(temporary.iterdir()) == []


_PLANTED = (
    "schemas.py",
    "pipeline/__init__.py",
    "transforms/__init__.py",
    "apache_beam.py",
    "json.py",
    "msgspec.py",
    "sitecustomize.py",
    "usercustomize.py",
)


@pytest.mark.e2e
def test_no_module_in_the_working_folder_is_imported(
    corpus: Corpus, finished: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Logs can be beside code of other people. Running that code would give it the raw text."""
    folder, marker, out = tmp_path / "folder", tmp_path / "marker", tmp_path / "out"
    for name in _PLANTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"open({str(marker)!r}, 'a').write({name + ' '!r})\nraise SystemExit(9)\n")
    done = subprocess.run(
        [str(COMMAND), "run", "-c", str(corpus.config), "--output", str(out), "--set", "runner.workers=2"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not marker.exists(), marker.read_text()
    assert done.returncode == 0, done.stderr
    version = current(out)
    shards = sorted(path.relative_to(version) for path in version.glob("data/*"))
    assert shards
    for shard in shards:
        assert (version / shard).read_bytes() == (current(finished[0]) / shard).read_bytes()
