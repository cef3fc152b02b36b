"""`prism`: Beam's Prism, started for one run, reached by nobody else, and ended with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from apache_beam.transforms import environments

from pipeline.plan import RunPlan
from pipeline.runners.build import build_pipeline
from pipeline.runners.children import Children, inherited
from pipeline.runners.job import Failures, PortableJob, run_job
from pipeline.runners.options import parsed
from pipeline.runners.portable import endpoints, runner_class
from pipeline.runners.prism_main import NO_NAMESPACE
from pipeline.runners.progress import Progress
from pipeline.runners.socket_folder import socket_folder
from pipeline.runners.worker_pool import worker_pool
from schemas.errors import ConfigError, PipelineError
from schemas.runners import PrismRunner

_MODULE = "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"
_END_SECONDS = 10


def run(config: PrismRunner, arguments: Sequence[str], plan: RunPlan, progress: Progress) -> None:
    """Runs the graph on Prism, with one worker process on this machine."""
    failures = Failures()
    with contextlib.ExitStack() as stack:
        socket = stack.enter_context(socket_folder())
        relay = f"unix:{socket}"
        stack.enter_context(_prism(program_of(config), socket, config.allow_listening, failures))
        pool = f"unix://{Path(socket).parent / 'pool'}"
        stack.enter_context(
            worker_pool(pool, Children(failures.add, plan.run_key.worker_environment()), relay)
        )
        environment = environments.ExternalEnvironment(
            pool, capabilities=environments.python_sdk_capabilities()
        )
        options = ["--runner=PortableRunner", *endpoints(relay, relay), *arguments]
        pipeline = build_pipeline(plan, runner_class()(environment), parsed(options))
        run_job(lambda: PortableJob(pipeline.run()), progress, failures)


def program_of(config: PrismRunner) -> str:
    """The path of Prism: as configured, else on PATH, else in the folder where Go installs programs."""
    go = [os.environ.get("GOBIN"), f"{os.environ.get('GOPATH') or Path.home() / 'go'}/bin"]
    folders = os.pathsep.join(filter(None, go))
    found = shutil.which(config.program or "prism") or (
        None if config.program else shutil.which("prism", path=folders)
    )
    if found is None:
        where = f"runner.program: {config.program}" if config.program else "runner: prism"
        raise ConfigError(
            f"{where}: no such program; install it with `go install {_MODULE}`, or give runner.program"
        )
    return found


@contextlib.contextmanager
def _prism(program: str, socket: str, is_open: bool, failures: Failures) -> Iterator[None]:
    """Prism, which accepts connections on the Unix socket until the end of the block."""
    command = [sys.executable, "-P", "-m", "pipeline.runners.prism_main", program, socket]
    pipe = subprocess.PIPE
    # In a session of its own: an interrupt of the terminal must not end it before the job is cancelled.
    process = subprocess.Popen(  # noqa: S603 - this interpreter
        [*command, "open" if is_open else "private"],
        env=inherited(),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        start_new_session=True,
    )
    try:
        _await_ready(process, program)
        ending = threading.Event()
        threading.Thread(target=_watch, args=(process, ending, failures), daemon=True).start()
        try:
            yield
        finally:
            ending.set()
    finally:
        if process.stdin is not None:
            process.stdin.close()  # which ends Prism
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(process: subprocess.Popen[bytes], program: str) -> None:
    if process.stdout is not None and process.stdout.readline() == b"ready\n":
        return
    _, error = process.communicate()
    lines = error.decode("utf-8", "replace").splitlines()
    reason = lines[-1].strip() if lines else "no message"
    if process.returncode == NO_NAMESPACE:
        raise ConfigError(
            f"runner: prism: the system gives it no network of its own ({reason}), so it would listen on all "
            "network interfaces; allow user namespaces, or set runner.allow_listening: true"
        )
    raise PipelineError(f"{program}: Prism cannot be started ({reason})")


def _watch(process: subprocess.Popen[bytes], ending: threading.Event, failures: Failures) -> None:
    process.wait()
    if not ending.is_set():
        failures.add("Prism ended before the run did; nothing was committed")
