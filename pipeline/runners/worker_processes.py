"""The worker processes of one run: started isolated, watched, and stopped with the run.

They connect to this process over a Unix socket in a private folder. Nothing listens on a network.

Beam waits without limit for the answers of a worker. A process that cannot start, or that is killed, would
leave the run waiting forever.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.transforms import environments
from google.protobuf import json_format, text_format

from pipeline.runners.process import MEMORY
from pipeline.runners.socket_folder import socket_folder
from pipeline.runners.socket_server import SocketServer
from schemas.errors import PipelineError

_URN = "chatsieve:env:worker_process:v1"
_CHECK_SECONDS = 2
_MOST_CHECKS_STOPPED = 30


def worker_command() -> list[str]:
    """The command of a worker process.

    `-P`: modules in the working folder are not imported. PYTHONPATH still applies.
    """
    return [sys.executable, "-P", "-m", "pipeline.runners.worker_main", str(os.getpid())]


class WorkerProcesses:
    """Starts worker processes for Beam, and ends the run if one of them ends before the run does.

    `variables`: for the environment of the processes, besides that of this one.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = dict(variables or {})
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._over = False
        self._ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._socket = ""
        self._server: SocketServer | None = None
        # Beam makes a handler from the URN of an environment. The handler belongs to this run.
        worker_handlers.WorkerHandler.register_environment(_URN, bytes)(self._handler)
        # Never restored: a thread of Beam that goes on after a failure must not make Beam's own server.
        worker_handlers.GrpcServer = self._serve

    @property
    def environment(self) -> Any:
        """The Beam environment whose workers are these processes."""
        return _Environment(capabilities=environments.python_sdk_capabilities())

    def run(self, run: Callable[[], object]) -> None:
        """Calls `run`, which runs a pipeline in this environment, and returns when it does.

        Raises what `run` raises, or PipelineError as soon as a worker process fails. No process is left.
        """
        with socket_folder() as self._socket:
            # In a thread of its own: after a failure, Beam's threads go on waiting for the worker.
            threading.Thread(target=self._call, args=(run,), name="beam", daemon=True).start()
            try:
                error = self._ended.get()
            finally:
                self._kill()
        if error is not None:
            raise error

    def start(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Starts a process; raises PipelineError if the system refuses."""
        with self._lock:
            if self._over:
                raise PipelineError("the run has ended")
            try:
                process = subprocess.Popen(  # noqa: S603 - this interpreter
                    worker_command(),
                    env={**environment, **self._variables},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise PipelineError(f"a worker process cannot start ({reason})") from None
            self._processes.append(process)
        return process

    def fail(self, reason: str) -> None:
        """Ends the run with this reason."""
        self._ended.put(PipelineError(reason))

    def _call(self, run: Callable[[], object]) -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._ended.put(error)
        else:
            self._ended.put(None)

    def _kill(self) -> None:
        with self._lock:
            self._over = True
            for process in self._processes:
                process.kill()
            # The caller removes files next: no process may still write some.
            for process in self._processes:
                process.wait()
            if self._server is not None:
                self._server.abort()

    def _serve(self, state: Any, _: Any, worker_manager: Any) -> SocketServer:
        with self._lock:
            if self._over:
                raise PipelineError("the run has ended")
            self._server = SocketServer(self._socket, state, worker_manager)
        return self._server

    def _handler(self, _: bytes, state: Any, provision_info: Any, grpc_server: Any) -> _WorkerHandler:
        return _WorkerHandler(self, state, provision_info, grpc_server)


class _Environment(environments.Environment):  # type: ignore[misc]  # Beam is not typed
    def to_runner_api_parameter(self, _: Any) -> tuple[str, bytes]:
        return _URN, b""


class _WorkerHandler(worker_handlers.GrpcWorkerHandler):  # type: ignore[misc]  # Beam is not typed
    """One worker process, as Beam's runner uses it."""

    def __init__(self, processes: WorkerProcesses, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._processes = processes
        self._closing = False
        self._watch: threading.Thread | None = None

    def port_from_worker(self, port: str) -> str:
        """The address of a port of SocketServer, which is one already."""
        return port

    def start_worker(self) -> None:
        options = self.provision_info.provision_info.pipeline_options
        environment = {
            **MEMORY,
            **_inherited(),
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(
                self.control_api_service_descriptor()
            ),
            "PIPELINE_OPTIONS": json_format.MessageToJson(options),
            "WORKER_ID": self.worker_id,
        }
        process = self._processes.start(environment)
        self._watch = threading.Thread(target=self._wait, args=(process,), daemon=True)
        self._watch.start()

    def close(self) -> None:
        self._closing = True
        super().close()

    def stop_worker(self) -> None:
        if self._watch is not None:
            self._watch.join()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        stopped = 0
        while stopped < _MOST_CHECKS_STOPPED:
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, error = process.communicate(timeout=_CHECK_SECONDS)
                if not self._closing:
                    self._processes.fail(_reason(process.returncode, error))
                return
            stopped = stopped + 1 if _is_stopped(process.pid) else 0
        self._processes.fail("a worker process was stopped and did not continue; nothing was committed")
        process.wait()


def _inherited() -> dict[str, str]:
    """The variables of this process. An empty entry of PYTHONPATH means the working folder: it is removed."""
    variables = dict(os.environ)
    entries = variables.pop("PYTHONPATH", "").split(os.pathsep)
    if any(entries):
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, entries))
    return variables


def _is_stopped(process: int) -> bool:
    """True after SIGSTOP; also False where the system has no `/proc`."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "T"


def _reason(code: int, error: bytes) -> str:
    """One line for a process that ended early; `error` is what it printed before it read any data."""
    if code < 0:
        known = {each.value: each.name for each in signal.Signals}
        name = known.get(-code, f"signal {-code}")
        cause = ", perhaps for lack of memory" if name == "SIGKILL" else ""
        return f"a worker process was ended by {name}{cause}; nothing was committed"
    lines = error.decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
    return f"a worker process ended with exit code {code} ({last}); nothing was committed"
