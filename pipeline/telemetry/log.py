"""The JSON log: takes standard error over, and writes one object a line to it and nothing else."""

from __future__ import annotations

import datetime as dt
import logging
import os
import sys
import threading
from collections.abc import Callable

import msgspec

from schemas.telemetry.events import Event, LibraryLogged


class JsonLog:
    """Writes events to what was standard error before; what others print there is dropped.

    Libraries, worker programs and the system print what they like, data too. Python's logging is enabled for
    warnings and errors, of which place and logger are written.
    """

    def __init__(self, run_id: str, command: str) -> None:
        sys.stderr.flush()
        self._envelope = {"run_id": run_id, "command": command}
        #: Of the dataset, once it is known.
        self.version: int | None = None
        self._file = os.dup(sys.stderr.fileno())
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stderr.fileno())
        os.close(nothing)
        self._lock = threading.Lock()
        logging.captureWarnings(True)
        logging.raiseExceptions = False
        logging.disable(logging.INFO)
        logging.getLogger().handlers = [_LibraryRecords(self.write)]
        logging.getLogger().setLevel(logging.WARNING)

    def write(self, event: Event, level: str | None = None) -> None:
        """Writes a line. A log that cannot be written to, such as a pipe that was closed, is no error."""
        line = {
            "time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": level or event.level,
            "event": event.name,
            **self._envelope,
            "version": self.version,
            **msgspec.to_builtins(event),
        }
        data = msgspec.json.encode(line) + b"\n"
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._file, data) :]
            except OSError:
                return


class _LibraryRecords(logging.Handler):
    """Writes an event for the first record of each place."""

    def __init__(self, write: Callable[..., None]) -> None:
        super().__init__(logging.WARNING)
        self._write = write
        self._seen: set[tuple[str, str]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Logger, file and line of a record; not its message, which can hold data."""
        found = (record.name, f"{record.filename}:{record.lineno}")
        if found not in self._seen:
            self._seen.add(found)
            level = "error" if record.levelno >= logging.ERROR else "warning"
            self._write(LibraryLogged(logger=found[0], place=found[1]), level)
