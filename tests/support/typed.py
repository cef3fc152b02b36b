"""A command at a pseudo-terminal, with answers typed by the test."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
from pathlib import Path

from tests.support.command import COMMAND

#: Seconds without any output after which a test gives up; only a broken command waits so long.
_SILENCE = 60
_SECONDS_TO_REACT = 5


class TypedCommand:
    """The installed command with a terminal as its input and outputs; all that it drew is in `drawn`."""

    def __init__(self, folder: Path, *arguments: object, home: Path | None = None) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [str(COMMAND), *map(str, arguments)],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "dumb", "HOME": str(home or folder)},
            start_new_session=True,
        )
        os.close(slave)
        self.drawn = ""
        self._read = 0

    def answer(self, question: str, text: str) -> None:
        """Types a line once the command shows the question."""
        self._wait_for(question)
        os.write(self._master, f"{text}\n".encode())

    def interrupt(self, question: str) -> None:
        """Sends SIGINT once the command shows the question, as Ctrl-C does.

        One that arrives as Python begins to wait for the answer is seen with the next only: it is repeated.
        """
        self._wait_for(question)
        while self._process.poll() is None and not self._has_output(0):
            self._process.send_signal(signal.SIGINT)
            self._has_output(_SECONDS_TO_REACT)

    def end(self) -> int:
        """The exit code, after the last output."""
        while self._more():
            pass
        os.close(self._master)
        return self._process.wait()

    def _wait_for(self, question: str) -> None:
        wanted = re.compile(re.escape(question) + r"[^\n]*: $")
        while not wanted.search(self.drawn, self._read):
            assert self._more(), f"ended before {question!r}: {self.drawn}"
        self._read = len(self.drawn)

    def _more(self) -> bool:
        assert self._has_output(_SILENCE), f"no output: {self.drawn}"
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux raises this when the other side is closed
            return False
        self.drawn += data.decode().replace("\r\n", "\n")
        return bool(data)

    def _has_output(self, seconds: float) -> bool:
        """True as soon as there is output to read, or the command has ended."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        return bool(ready)
