"""File operations that are counted, and of which the n-th meets a fault."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from transforms.storage.operations import FileOperations

_OPERATIONS = tuple(name for name in vars(FileOperations) if not name.startswith("_"))
EVERYWHERE = ("eio", "kill", "killed-after", "sigterm", "sigint", "delay")
#: Faults that strike some operations only: no space, fewer bytes than given, done but the answer is lost.
SOME = {
    "enospc": frozenset({"open", "write", "link", "mkdir", "symlink"}),
    "short": frozenset({"write"}),
    "lost": frozenset(_OPERATIONS) - {"read", "write", "entries"},
}


class Point(NamedTuple):
    """The n-th operation, its name, what it was applied to, and the fault that strikes it."""

    nth: int
    operation: str
    path: str
    fault: str


class Faulty(FileOperations):
    """Lists operations; the n-th meets its fault. Signals reach the main thread after the operation."""

    def __init__(self, nth: int = 0, fault: str = "") -> None:
        self._nth, self._fault = nth, fault
        self.done: list[tuple[str, str]] = []

    def _do(self, name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        last = next((each for each in reversed(arguments) if isinstance(each, str)), "")
        self.done.append((name, last))
        if len(self.done) != self._nth:
            return call(*arguments)
        fault = self._fault
        if fault in ("eio", "enospc"):
            raise OSError(*_error(fault))
        if fault == "short":
            return call(arguments[0], arguments[1][: max(1, len(arguments[1]) // 2)])
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "delay":
            time.sleep(0.05)
        if fault in ("sigterm", "sigint"):
            os.kill(os.getpid(), signal.SIGTERM if fault == "sigterm" else signal.SIGINT)
        try:
            result = call(*arguments)
        finally:
            if fault == "killed-after":
                os.kill(os.getpid(), signal.SIGKILL)
        if fault == "lost":
            raise OSError(*_error("eio"))
        return result


def _error(fault: str) -> tuple[int, str]:
    number = errno.ENOSPC if fault == "enospc" else errno.EIO
    return number, os.strerror(number)


def _counted(name: str) -> Callable[..., Any]:
    plain = getattr(FileOperations, name)

    def operation(self: Faulty, *arguments: Any) -> Any:
        return self._do(name, lambda *given: plain(self, *given), arguments)

    return operation


for _name in _OPERATIONS:
    setattr(Faulty, _name, _counted(_name))
