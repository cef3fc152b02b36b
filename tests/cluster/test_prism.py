"""`runner: prism`: the same bytes as `direct`, nobody else can reach it, and it never outlives its run."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cluster.job_services import command_line, finish, prism, start, worker_of
from tests.support.command import ROOT, Corpus, chatsieve, current
from tests.support.listeners import family, network_listeners
from tests.support.many_formats import many_formats
from tests.support.version_files import files_of

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]
_DIRECT = {"name": "direct", "workers": 1}
_SECONDS = 60


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return many_formats(tmp_path_factory.mktemp("formats"), 400)


@pytest.mark.parametrize("command", ["run", "audit"])
def test_every_format_gives_the_bytes_of_direct(formats: Corpus, tmp_path: Path, command: str) -> None:
    """A cluster and a laptop must write one dataset; `verify` accepts either."""
    for name, runner in (("direct", _DIRECT), ("prism", prism())):
        code, printed = finish(start(formats.config, command, tmp_path / name, runner))
        assert code == 0, printed
    found = files_of(current(tmp_path / "prism"))
    assert len(found) >= 3
    assert found == files_of(current(tmp_path / "direct"))
    assert chatsieve("verify", tmp_path / "prism").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["direct", "prism"]


def test_the_bundled_example_gives_the_bytes_of_direct(tmp_path: Path) -> None:
    """The example of the documentation."""
    key = f"key_file={tmp_path / 'key'}"
    for name, runner in (("direct", _DIRECT), ("prism", prism())):
        process = start(ROOT / "configs/demo.yaml", "run", tmp_path / name, runner, "--set", key)
        code, printed = finish(process)
        assert code == 0, printed
    assert files_of(current(tmp_path / "prism")) == files_of(current(tmp_path / "direct"))


def test_nobody_else_can_connect_while_it_runs(corpus: Corpus, tmp_path: Path) -> None:
    """Prism itself listens on every interface, without authentication, and shows each job to everyone."""
    seen: set[str] = set()
    process = start(corpus.config, "run", tmp_path / "out", prism())
    server = worker_of(process, "prism -job_port")
    interfaces = Path(f"/proc/{server}/net/dev").read_text()
    while process.poll() is None:
        processes = family(process.pid)
        seen |= network_listeners(processes)
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
    assert finish(process)[0] == 0
    assert seen == set()
    names = [line.partition(":")[0].strip() for line in interfaces.splitlines() if ":" in line]
    assert names == ["lo"]


def test_prism_listens_where_the_configuration_accepts_it(corpus: Corpus, tmp_path: Path) -> None:
    """It is the only way in containers without rights; and the test above would see a port."""
    process = start(corpus.config, "audit", tmp_path / "out", prism(allow_listening=True))
    server = worker_of(process, "prism -job_port")
    worker_of(process)
    assert len(network_listeners([server])) == 1
    code, printed = finish(process)
    assert code == 0, printed


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("worker_main", "a worker process was ended by SIGKILL, perhaps for lack of memory"),
        ("prism -job_port", "Prism ended before the run did"),
        ("prism_main", "Prism ended before the run did"),
    ],
)
def test_a_process_that_is_killed_ends_the_run(corpus: Corpus, tmp_path: Path, name: str, line: str) -> None:
    """Exit 3 and one line; no file and no process is left."""
    process = start(corpus.config, "run", tmp_path / "out", prism())
    worker = worker_of(process)
    os.kill(worker, signal.SIGSTOP)
    all_of_it = _handles(process)
    os.kill(worker_of(process, name), signal.SIGKILL)
    code, printed = finish(process)
    assert (code, printed) == (3, f"chatsieve: {line}; nothing was committed\n")
    _await_end(all_of_it)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_and_prism(corpus: Corpus, tmp_path: Path, number: signal.Signals) -> None:
    """Exit 3, like every other run."""
    process = start(corpus.config, "run", tmp_path / "out", prism())
    worker_of(process)
    all_of_it = _handles(process)
    process.send_signal(number)
    code, printed = finish(process)
    assert (code, printed) == (3, "chatsieve: interrupted; everything written was removed\n")
    _await_end(all_of_it)
    assert list(tmp_path.iterdir()) == []


def test_prism_and_worker_end_when_the_run_is_killed(corpus: Corpus, tmp_path: Path) -> None:
    """Nothing goes on; the next run removes what is left over."""
    process = start(corpus.config, "run", tmp_path / "out", prism())
    worker_of(process)
    all_of_it = _handles(process)
    process.kill()
    finish(process)
    _await_end(all_of_it)
    code, printed = finish(start(corpus.config, "run", tmp_path / "out", prism()))
    assert code == 0, printed
    assert [path.name for path in (tmp_path / "out").glob("v*")] == [current(tmp_path / "out").name]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def _handles(process: subprocess.Popen[str]) -> list[int]:
    """A descriptor for each process of the run, readable when that has ended."""
    found = [each for each in family(process.pid) if command_line(each)]
    assert len(found) >= 4  # the command, Prism and what starts it, the worker
    return [os.pidfd_open(each) for each in found]


def _await_end(handles: list[int]) -> None:
    for handle in handles:
        assert select.select([handle], [], [], _SECONDS)[0]
        os.close(handle)


def test_a_missing_program_is_named(corpus: Corpus, tmp_path: Path) -> None:
    """With the command that installs it."""
    runner = {"name": "prism", "program": "/no/such/prism"}
    code, printed = finish(start(corpus.config, "run", tmp_path / "out", runner))
    module = "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"
    line = (
        f"runner.program: /no/such/prism: no such program; install it with `go install {module}`, "
        "or give runner.program"
    )
    assert (code, printed) == (2, f"chatsieve: {line}\n")
    assert not (tmp_path / "out").exists()
