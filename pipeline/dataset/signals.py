"""SIGINT and SIGTERM while something must not be interrupted."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

_BOTH = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def signals_held() -> Iterator[Callable[[], None]]:
    """SIGINT and SIGTERM take effect after the block; if what it yields was called, they never do.

    Handlers are exchanged. A signal mask does not suffice: the system gives a signal to any thread that does
    not block it, and Python then calls the handler in the main thread. Outside of the main thread nothing is
    done, since handlers run in the main thread only; nor for a handler that was not set by Python.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    arrived: list[int] = []
    ignored: list[bool] = []
    before = {each: handler for each in _BOTH if (handler := signal.getsignal(each)) is not None}
    for each in before:
        signal.signal(each, lambda number, _: arrived.append(number))
    try:
        yield lambda: ignored.append(True)
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_IGN if ignored else handler)
        if arrived and not ignored:
            signal.raise_signal(arrived[0])
