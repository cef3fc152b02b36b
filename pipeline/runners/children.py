"""Processes that a run starts: isolated, watched, and killed at its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.runners.process import MEMORY
from schemas.errors import PipelineError

_CHECK_SECONDS = 2
_MOST_CHECKS_STOPPED = 30


def worker_command() -> list[str]:
    """The command of a worker process.

    `-P`: modules in the working folder are not imported. PYTHONPATH still applies.
    """
    return [sys.executable, "-P", "-m", "pipeline.runners.worker_main", str(os.getpid())]


class Children:
    """Starts worker processes, and calls `failed` with one line if one ends before it was told to.

    `variables`: for the environment of all of them, besides that of this process.
    """

    def __init__(
        self, failed: Callable[[str], None], variables: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._failed = failed
        self._variables = dict(variables)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._over = False

    def start(self, variables: Mapping[str, str]) -> Child:
        """A new worker process with these variables; PipelineError if the system refuses one."""
        return Child(self._start({**MEMORY, **inherited(), **self._variables, **variables}), self._failed)

    def kill(self) -> None:
        """Ends all of them, and waits until they have ended. No process can be started after that."""
        with self._lock:
            self._over = True
            for process in self._processes:
                process.kill()
            # The caller removes files next: no process may still write some.
            for process in self._processes:
                process.wait()

    def _start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._over:
                raise PipelineError("the run has ended")
            try:
                process = subprocess.Popen(  # noqa: S603 - this interpreter
                    worker_command(),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise PipelineError(f"a worker process cannot start ({reason})") from None
            self._processes.append(process)
        return process


class Child:
    """One process, watched by a thread."""

    def __init__(self, process: subprocess.Popen[bytes], failed: Callable[[str], None]) -> None:
        self._process, self._failed = process, failed
        self._is_to_end = False
        self._watch = threading.Thread(target=self._wait, daemon=True)
        self._watch.start()

    def expect_end(self) -> None:
        """Its end is no failure from now on."""
        self._is_to_end = True

    def end(self) -> None:
        """Ends it now."""
        self.expect_end()
        self._process.kill()
        self.join()

    def join(self) -> None:
        """Returns when it has ended."""
        self._watch.join()

    def _wait(self) -> None:
        stopped = 0
        while stopped < _MOST_CHECKS_STOPPED:
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, error = self._process.communicate(timeout=_CHECK_SECONDS)
                if not self._is_to_end:
                    self._failed(_reason(self._process.returncode, error))
                return
            stopped = stopped + 1 if _is_stopped(self._process.pid) else 0
        self._failed("a worker process was stopped and did not continue; nothing was committed")
        self._process.wait()


def inherited() -> dict[str, str]:
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
