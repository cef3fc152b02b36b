"""`runner: portable` on a job service: what is lost, killed or hangs never becomes a version."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.commands.run import execute
from pipeline.inputs.config import load_settings
from pipeline.runners import job
from pipeline.runners import portable as portable_module
from pipeline.runners.progress import Progress
from schemas.errors import PipelineError
from tests.cluster.job_services import (
    Service,
    finish,
    job_service,
    pool,
    portable,
    start,
    stopped,
    wait_until,
    worker_of,
)
from tests.support.command import Corpus, chatsieve, current
from tests.support.version_files import files_of

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


@pytest.fixture
def service() -> Iterator[Service]:
    with job_service() as found:
        yield found


@pytest.fixture(scope="module")
def direct(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a run with `direct`."""
    out = tmp_path_factory.mktemp("direct") / "out"
    done = chatsieve("run", "-c", corpus.config, "--output", out)
    assert done.returncode == 0, done.stderr
    return files_of(current(out))


def test_workers_of_the_run_or_of_a_pool_give_the_bytes_of_direct(
    corpus: Corpus, direct: dict[str, bytes], service: Service, tmp_path: Path
) -> None:
    """LOOPBACK passes blobs in files, EXTERNAL through the shuffle."""
    with pool() as (_, address):
        for name, runner in (
            ("loopback", portable(service, "LOOPBACK")),
            ("external", portable(service, "EXTERNAL", address)),
        ):
            code, printed = finish(start(corpus.config, "run", tmp_path / name, runner))
            assert code == 0, printed
            assert files_of(current(tmp_path / name)) == direct
    assert service.states() == ["DONE", "DONE"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["external", "loopback"]


def test_the_job_of_a_killed_client_cannot_commit_and_its_leftovers_are_removed(
    corpus: Corpus, direct: dict[str, bytes], service: Service, tmp_path: Path
) -> None:
    """The service goes on with the job, which writes into the folder of the dead run."""
    out = tmp_path / "out"
    with pool() as (pooled, address):
        killed = start(corpus.config, "run", out, portable(service, "EXTERNAL", address))
        worker = worker_of(pooled)
        with stopped(worker):
            killed.kill()
            finish(killed)
            (dead,) = out.glob("v*")
            assert service.states() == ["RUNNING"]
            # The next run does not wait for that job.
            code, printed = finish(start(corpus.config, "run", out, portable(service, "LOOPBACK")))
            assert code == 0, printed
            version = current(out)
            assert version != dead
            assert files_of(version) == direct
        wait_until(lambda: service.states()[0] != "RUNNING", pooled)
    # What that job wrote since then counts for nothing, and goes with the next command.
    assert current(out) == version
    assert files_of(version) == direct
    assert chatsieve("gc", out, "--keep", 1000).returncode == 0
    assert [path.name for path in out.glob("v*")] == [version.name]
    assert chatsieve("verify", out).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_job(
    corpus: Corpus, service: Service, tmp_path: Path, number: signal.Signals
) -> None:
    """Exit 3; nothing is left, also not in the service."""
    with pool() as (pooled, address):
        process = start(corpus.config, "run", tmp_path / "out", portable(service, "EXTERNAL", address))
        worker_of(pooled)
        process.send_signal(number)
        code, printed = finish(process)
    assert (code, printed) == (3, "chatsieve: interrupted; everything written was removed\n")
    assert service.states() == ["CANCELLED"]
    assert list(tmp_path.iterdir()) == []


def test_a_lost_worker_of_a_pool_ends_the_run(corpus: Corpus, service: Service, tmp_path: Path) -> None:
    """The service reports it; the line has no data."""
    with pool() as (pooled, address):
        process = start(corpus.config, "run", tmp_path / "out", portable(service, "EXTERNAL", address))
        # Of a worker that never connected, Prism hears nothing for a minute.
        worker = worker_of(pooled)
        wait_until(lambda: bool(list((tmp_path / "out").glob("v*/staging/begun"))), process)
        os.kill(worker, signal.SIGKILL)
        code, printed = finish(process)
    assert code == 3
    assert printed.startswith("chatsieve: the job ended in state FAILED")
    assert printed.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "longest", "line"),
    [
        ("exit 1", "PT5M", "the job ended in state FAILED"),
        ("exec sleep 600", "PT8S", "no worker has begun within 8 seconds"),
    ],
)
def test_a_worker_program_that_does_not_work_ends_the_run(
    corpus: Corpus,
    service: Service,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    program: str,
    longest: str,
    line: str,
) -> None:
    """A service waits for a worker for as long as one lets it."""
    script = tmp_path_factory.mktemp("program") / "worker"
    script.write_text(f"#!/bin/sh\n{program}\n")
    script.chmod(0o755)
    runner = portable(service, "PROCESS", str(script), start_timeout=longest)
    code, printed = finish(start(corpus.config, "run", tmp_path / "out", runner))
    assert (code, printed.count("\n")) == (3, 1)
    assert printed.startswith(f"chatsieve: {line}")
    assert service.states()[0] in ("CANCELLED", "CANCELLING", "FAILED")
    assert list(tmp_path.iterdir()) == []


def test_a_worker_program_that_is_not_there_is_refused(
    corpus: Corpus, service: Service, tmp_path: Path
) -> None:
    """The service is on this host, so it would look for the program here."""
    runner = portable(service, "PROCESS", "/no/such/program")
    code, printed = finish(start(corpus.config, "run", tmp_path / "out", runner))
    assert code == 2
    assert printed.startswith("chatsieve: runner.environment.config: /no/such/program is not a program")
    assert service.states() == []
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_hangs_is_cancelled(corpus: Corpus, service: Service, tmp_path: Path) -> None:
    """A worker that is stuck keeps its connection, so the service waits."""
    with pool() as (pooled, address):
        runner = portable(service, "EXTERNAL", address, start_timeout="PT1M", idle_timeout="PT3S")
        process = start(corpus.config, "run", tmp_path / "out", runner)
        worker = worker_of(pooled)
        wait_until(lambda: bool(list((tmp_path / "out").glob("v*/staging/begun"))), process)
        with stopped(worker):
            code, printed = finish(process)
    assert code == 3
    assert printed.startswith("chatsieve: no counter of the job moved for 3 seconds (runner.idle_timeout)")
    assert list(tmp_path.iterdir()) == []


def test_a_lost_service_ends_the_run(
    corpus: Corpus, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer nobody knows whether the job runs; nothing of it is committed."""
    monkeypatch.setattr(job, "_LOST_SECONDS", 2.0)
    report = Progress.report

    def kill(self: Progress, counters: dict[str, int]) -> None:
        report(self, counters)
        service.process.kill()

    monkeypatch.setattr(Progress, "report", kill)
    runner = portable(service, "LOOPBACK", idle_timeout="PT1M")
    settings = load_settings(corpus.config, {"output.path": str(tmp_path / "out"), "runner": runner})
    with pytest.raises(PipelineError) as caught:
        execute(settings, "run", [], Progress(False))
    assert caught.value.exit_code == 3
    assert str(caught.value).startswith(("the job service has not answered", "a worker process"))
    assert not (tmp_path / "out").exists()


def test_an_address_without_a_service_is_named(
    corpus: Corpus, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is stopped looks the same."""
    monkeypatch.setattr(portable_module, "_REACHED_SECONDS", 1)
    service.process.kill()
    service.process.wait()
    settings = load_settings(
        corpus.config, {"output.path": str(tmp_path / "out"), "runner": portable(service, "LOOPBACK")}
    )
    with pytest.raises(PipelineError, match=r"^the job service did not take the job .*runner.job_endpoint$"):
        execute(settings, "run", ["--job_name=x"], Progress(False))
    assert not (tmp_path / "out").exists()


def test_the_pool_listens_on_loopback_alone() -> None:
    """Beam's own pool listens on all interfaces."""
    with pool() as (process, address):
        assert address.startswith("127.0.0.1:")
        port = address.rpartition(":")[2]
        command = ["ss", "-Hltn", f"sport = :{port}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert [line.split()[3] for line in done.stdout.splitlines()] == [f"[::ffff:127.0.0.1]:{port}"]
    assert process.wait() == 0
