"""Prism as a job service that a test starts, a worker pool, and commands that run meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import yaml
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from tests.cluster.servers import program
from tests.support.command import COMMAND
from tests.support.listeners import family

_SECONDS = 120


class Service(NamedTuple):
    """A job service: its process and address."""

    process: subprocess.Popen[bytes]
    address: str

    def states(self) -> list[str]:
        """The state of each job, in the order of their ids."""
        with grpc.insecure_channel(self.address) as channel:
            stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
            jobs = stub.GetJobs(beam_job_api_pb2.GetJobsRequest(), timeout=_SECONDS).job_info
        name = beam_job_api_pb2.JobState.Enum.Name
        return [name(each.state) for each in sorted(jobs, key=lambda job: job.job_id)]


@contextlib.contextmanager
def job_service() -> Iterator[Service]:
    """Prism at an address of this machine, without its web page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program("prism"), f"-job_port={port}", "-serve_http=false", "-log_level=error"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                grpc.channel_ready_future(channel).result(timeout=_SECONDS)
            yield Service(process, f"127.0.0.1:{port}")
        finally:
            process.kill()


@contextlib.contextmanager
def pool() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A worker pool of ours and its address, on loopback."""
    command = [sys.executable, "-m", "pipeline.runners.pool_main", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


def prism(**more: Any) -> dict[str, Any]:
    """The section `runner` for Prism."""
    return {"name": "prism", "program": program("prism"), **more}


def portable(service: Service, kind: str, config: str | None = None, **more: Any) -> dict[str, Any]:
    """The section `runner` for a job service."""
    environment = {"type": kind} if config is None else {"type": kind, "config": config}
    return {"name": "portable", "job_endpoint": service.address, "environment": environment, **more}


def start(config: Path, command: str, out: Path, runner: dict[str, Any], *more: str) -> subprocess.Popen[str]:
    """A command on this runner, which can be interrupted where the tests run in the background too."""
    given = yaml.safe_dump(runner, default_flow_style=True, width=10_000).strip()
    arguments = [command, "-c", str(config), "--output", str(out), "--set", f"runner={given}", *more]
    environment = {**os.environ, "TMPDIR": str(out.parent)}
    # A shell without job control starts what runs in the background with interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [str(COMMAND), *arguments],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code of a command and what it printed, after it ended by itself."""
    with process:
        _, printed = process.communicate(timeout=_SECONDS)
    return process.returncode, printed


def worker_of(process: subprocess.Popen[Any], name: str = "worker_main") -> int:
    """The first process below this one with such a command line, as soon as there is one."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [each for each in family(process.pid) if name in command_line(each)]
        return bool(found)

    wait_until(look, process)
    return found[0]


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    """Returns as soon as it is so; fails if the process ends before."""
    while not is_so():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
            assert is_so(), f"ended with {process.returncode}"


def command_line(process: int) -> str:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


@contextlib.contextmanager
def stopped(process: int) -> Iterator[None]:
    """The process does nothing during the block."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def wherever_inputs_are(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without the state of facts: its keys are of the paths and identities of the input files."""
    own = re.compile(r"restricted/state/(state\.json|(facts|units|files)-)")
    return {name: data for name, data in files.items() if not own.match(name)}
