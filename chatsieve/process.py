"""The state of the process while a function of the API works, and the errors that leave it.

The command line is alone in its process and sets this state once. A library shares the process with others:
every setting here is put back, by the last of the calls that overlap.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import inspect
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipeline.runners.process import BEAM_THREAD
from schemas.errors import ChatsieveError, PipelineError, RunInterruptedError, exit_code_of

#: Files are 0640 and folders 0750, private ones less, as those that the command writes.
_UMASK = 0o027
_BEAM_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Beam and the engines have state that is one for a process: a second run waits for the first.
_ONE_RUN = threading.Lock()


class _Shared:
    """A state of the process that calls of several threads share: the first sets it, the last restores it."""

    def __init__(self, hold: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
        self._hold = hold
        self._lock = threading.Lock()
        self._holders = 0
        self._held = contextlib.ExitStack()

    @contextlib.contextmanager
    def during(self) -> Iterator[None]:
        """The state is set during the block."""
        with self._lock:
            if self._holders == 0:
                self._held.enter_context(self._hold())
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if self._holders == 0:
                    self._held.close()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Libraries log, warn and print nothing: it may hold data. Fewer garbage collections."""
    disabled, handlers = logging.root.manager.disable, list(logging.root.handlers)
    hooks, thresholds = (threading.excepthook, sys.unraisablehook), gc.get_threshold()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        threading.excepthook = lambda _: None
        sys.unraisablehook = lambda _: None
        gc.set_threshold(100_000, 50, 50)
        try:
            yield
        finally:
            # Beam's first line of a log, though it is not written, adds a handler to the root.
            for added in [one for one in logging.root.handlers if one not in handlers]:
                logging.root.removeHandler(added)
            logging.disable(disabled)
            threading.excepthook, sys.unraisablehook = hooks
            gc.set_threshold(*thresholds)


@contextlib.contextmanager
def _umask() -> Iterator[None]:
    before = os.umask(_UMASK)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _one_matrix_thread() -> Iterator[None]:
    """What the engines set for the whole process, and their results depend on."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller() -> Any:
    """Finds the matrix libraries that are loaded, in 2 ms."""
    import numpy  # noqa: F401 - what is not loaded is not found
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()


_SILENT, _MODES, _MATRICES = _Shared(_silent), _Shared(_umask), _Shared(_one_matrix_thread)
#: For whatever may write a file: it has the mode that the command gives it.
modes = _MODES.during


@contextlib.contextmanager
def masking(*, builds: bool = False) -> Iterator[None]:
    """For whatever uses an engine: its settings of the process and of this thread are put back afterwards.

    `builds`: an engine may be built, which sets the threads of all matrix libraries that are loaded now.
    """
    if builds:
        _controller.cache_clear()
    before = sys.modules["thinc.api"].get_current_ops() if "thinc.api" in sys.modules else None
    try:
        with _MATRICES.during():
            yield
    finally:
        thinc = sys.modules.get("thinc.api")
        if thinc is not None:
            thinc.set_current_ops(before or thinc.get_ops("cpu"))


@contextlib.contextmanager
def _signals_put_back() -> Iterator[None]:
    """The handlers of SIGINT and SIGTERM are afterwards as before. Only the main thread can set them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            # None: a handler that was not set by Python, which nobody here replaces.
            if handler is not None and signal.getsignal(each) is not handler:
                signal.signal(each, handler)


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """For a run or audit: one at a time in a process, with the modes of files that the command has."""
    from transforms.shuffle.temporary import remove_abandoned

    with _ONE_RUN, _signals_put_back(), modes(), masking(builds=True):
        remove_abandoned()
        try:
            yield
        except BaseException:
            _wait_for_beam()
            raise


def _wait_for_beam() -> None:
    """Waits until Beam's thread has noticed that its workers are gone: it logs that, and is not heard yet."""
    for thread in threading.enumerate():
        if thread.name == BEAM_THREAD:
            thread.join(_BEAM_SECONDS)


def contained[**Given, Result](function: Callable[Given, Result]) -> Callable[Given, Result]:
    """The function, silent, and with errors that hold no data.

    It raises ChatsieveError, without the chain of errors that led to it: their messages may quote a record.
    Any other error becomes a PipelineError with class and place. `exit_code` of the error is that of the
    command. An interrupted run raises KeyboardInterrupt after everything it wrote was removed.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        signature.bind(*args, **kwargs)  # a TypeError for wrong arguments
        failure: BaseException
        try:
            with _SILENT.during():
                return function(*args, **kwargs)
        except (KeyboardInterrupt, RunInterruptedError):
            failure = KeyboardInterrupt()
        except Exception as error:  # noqa: BLE001 - raised again below, without its message and chain
            failure = _alone(error)
        raise failure

    return wrapped


def contained_parts[Item](begin: Callable[[], Iterator[Sequence[Item]]]) -> Iterator[Item]:
    """The items of an iterator of parts. `begin`, which gives it, is contained, and so is each step.

    It is a generator: of threads that share it, one gets a ValueError. Iterators of itertools would crash the
    process.
    """
    parts = contained(begin)()
    step: Callable[[], Sequence[Item] | None] = contained(lambda: next(parts, None))
    return _items(step)


def _items[Item](step: Callable[[], Sequence[Item] | None]) -> Iterator[Item]:
    while (part := step()) is not None:
        yield from part


def _alone(error: Exception) -> ChatsieveError:
    """The error without what caused it."""
    if isinstance(error, ChatsieveError):
        alone = type(error)(*error.lines)
        alone.exit_code = exit_code_of(error)
        return alone
    from transforms.shuffle.guard import describe

    if isinstance(error, OSError):
        return PipelineError(describe("a file cannot be read or written", error))
    return PipelineError(describe("internal error", error))
