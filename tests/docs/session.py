"""Runs the blocks of one page in order, in one folder, as a reader would type them in one terminal."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.docs.blocks import Block
from tests.support.command import Preloaded

_HERE = Path(__file__).parent
#: Before a block: variables and folder of the block before. After it, also if it fails: saves them.
_SHELL = """
set -aeuo pipefail
if [ -f {state} ]; then . {state}; fi
trap '{{ export -p; printf "cd %q\\n" "$PWD"; }} > {state}; pwd > {state}.folder' EXIT
"""
#: A block of SQL: a query of DuckDB, whose rows are printed.
_QUERY = "import duckdb\nprint(duckdb.sql({query!r}))"
#: The programs that a block may call, besides `chatsieve` and Python: none installs, nor changes the machine.
_PROGRAMS = (
    *("bash", "sh", "env", "seq", "date", "sleep", "true", "false", "echo", "printf", "tee", "xargs"),
    *("ls", "cat", "cp", "mv", "rm", "ln", "mkdir", "touch", "find", "chmod", "stat", "du", "mktemp"),
    *("head", "tail", "sort", "uniq", "wc", "cut", "tr", "grep", "sed", "awk", "diff", "cmp", "sha256sum"),
    *("gzip", "gunzip", "zcat", "zstd", "tar"),
)
#: What a block sees of the environment of the tests: no settings, no width of a terminal.
_KEPT = ("LANG", "LC_ALL", "TMPDIR", "TZ", "HF_HUB_OFFLINE")


_BASH = shutil.which("bash") or "bash"


class Done(NamedTuple):
    """What a block wrote to both outputs, and its exit code."""

    output: str
    code: int


class Session:
    """A terminal in `folder`; variables and `cd` of a block hold for those after it. Use it in `with`."""

    def __init__(self, folder: Path, tools: Path, preloaded: Preloaded) -> None:
        """`tools`: an empty folder outside of `folder`, for `chatsieve`, `python` and the state."""
        self._folder, self._state, self._requests = folder, tools / "state", preloaded.descriptor
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of `with`
        self._python: _Python | None = None
        for name in ("python", "python3", "python3.12"):
            _write(tools / "bin" / name, f'exec {shlex.quote(sys.executable)} "$@"')
        forward = [sys.executable, "-ISE", _HERE / "forward.py", self._requests, tools / "lock"]
        _write(tools / "bin/chatsieve", f'exec {shlex.join(map(str, forward))} "$@"')
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        for name in _PROGRAMS:
            if found := shutil.which(name):
                (tools / "bin" / name).symlink_to(found)
        own = {"PATH": str(tools / "bin"), "HOME": str(folder), "COLUMNS": "120"}
        self._variables = {**kept, **own}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._python:
            self._python.close()
        self._output.close()

    def run(self, block: Block, name: str) -> Done:
        """Runs a block; `name` is that of the page, for tracebacks."""
        start = self._output.seek(0, os.SEEK_END)
        if block.language == "sh":
            code = self._shell(block.text)
        else:
            text = block.text if block.language == "python" else _QUERY.format(query=block.text)
            code = self._in_python("\n" * block.line + text, name)
        self._output.seek(start)
        return Done(self._output.read().decode(), code)

    def _shell(self, script: str) -> int:
        before = _SHELL.format(state=shlex.quote(str(self._state)))
        return subprocess.run(
            [_BASH, "-c", before + script],
            cwd=self._folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            pass_fds=[self._requests],
            check=False,
        ).returncode

    def _in_python(self, code: str, name: str) -> int:
        if self._python is None:
            self._python = _Python(self._folder, self._variables, self._output.fileno())
        saved = Path(f"{self._state}.folder")
        folder = saved.read_text().rstrip("\n") if saved.exists() else str(self._folder)
        return self._python.run({"code": code, "name": name, "folder": folder})


class _Python:
    """A process that runs the Python blocks of a page in one namespace, see `python_blocks.py`."""

    def __init__(self, folder: Path, variables: dict[str, str], output: int) -> None:
        theirs, requests = os.pipe()
        answers, answered = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, _HERE / "python_blocks.py", str(theirs), str(answered)],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs, answered],
        )
        os.close(theirs)
        os.close(answered)
        self._requests, self._answers = os.fdopen(requests, "w"), os.fdopen(answers)

    def run(self, request: dict[str, str]) -> int:
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        answer = self._answers.readline()
        return int(answer) if answer else self._process.wait()

    def close(self) -> None:
        self._requests.close()
        self._answers.close()
        self._process.wait()


def _write(path: Path, command: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
