"""The command as a user runs it, and the files that it wrote.

`chatsieve(...)` runs a command in a process forked from a preloaded one, which saves five seconds of
imports and model loading. `chatsieve(..., fresh=True)` starts the installed script. Use it where the start of
the interpreter is part of the test.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import hmac
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "chatsieve"
#: The samples are configured for one worker, which runs in the process of the command.
TWO_WORKERS = ("--set", "runner.workers=2")
#: The exit code of a forked command that opened a file outside the clone.
OPENED_OUTSIDE = 97


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A folder written by `chatsieve sample`."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    def truth(self) -> list[dict[str, Any]]:
        return read_lines(self.path / "truth/decisions.jsonl")

    def planted(self) -> list[dict[str, Any]]:
        return read_lines(self.path / "truth/planted.jsonl")

    def key_of(self, conversation_id: str) -> str:
        key = bytes.fromhex((self.path / "chatsieve.key").read_text().strip())
        return hmac.digest(key, b"conversation\0" + conversation_id.encode(), "sha256")[:16].hex()


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def chatsieve(
    *arguments: object, fresh: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command and returns its exit code and output; `environment` is added to that of the tests."""
    given = [str(argument) for argument in arguments]
    variables = {**os.environ, **environment}
    if fresh:
        command = [str(COMMAND), *given]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=variables
        )
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = _preloaded().run(given, variables, output.fileno(), errors.fileno())
        written = []
        for file in (output, errors):
            file.seek(0)
            written.append(file.read().decode())
    assert code != OPENED_OUTSIDE, written[1]
    return subprocess.CompletedProcess([str(COMMAND), *given], code, *written)


class Preloaded:
    """A running `tests.support.preloaded`; it ends with this object's process or at `close`."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.support.preloaded", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
        assert self._requests.recv(16) == b"ready", "the preloaded process did not start"

    @property
    def descriptor(self) -> int:
        """The socket of requests, for a process that sends its own and waits for the answer."""
        return self._requests.fileno()

    def run(self, arguments: list[str], environment: dict[str, str], output: int, errors: int) -> int:
        """The exit code of a command, negative for the signal that ended it."""
        umask = os.umask(0)
        os.umask(umask)
        request = {
            "arguments": arguments,
            "environment": environment,
            "folder": str(Path.cwd()),
            "umask": umask,
        }
        with Path(os.devnull).open("rb") as nothing:
            descriptors = [nothing.fileno(), output, errors]
            socket.send_fds(self._requests, [json.dumps(request).encode()], descriptors)
        answer = self._requests.recv(16)
        assert answer, "the preloaded process ended"
        return int(answer)

    def close(self) -> None:
        self._requests.close()
        self._process.wait()


@functools.cache
def _preloaded() -> Preloaded:
    """The one of this process, started at the first command."""
    started = Preloaded()
    atexit.register(started.close)
    return started


def current(dataset: Path) -> Path:
    """The folder of the dataset's current version."""
    return dataset / json.loads((dataset / "CURRENT").read_bytes())["folder"]


def table_of(run: Path, folder: str) -> list[dict[str, Any]]:
    """All rows of a folder's Parquet files, in order."""
    return [
        row
        for file in sorted((current(run) / folder).glob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]
