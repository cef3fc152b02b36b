"""Signals wait while the outcome of a commit is not known."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from pipeline.dataset.signals import signals_held

_BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def interrupting() -> Iterator[None]:
    """The handlers of the command line; those of the tests are put back."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in _BOTH}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", _BOTH)
def test_a_signal_takes_effect_after_the_block(number: signal.Signals) -> None:
    """Another thread takes the signal where the main thread blocks it; it must wait all the same."""
    ended = threading.Event()
    threading.Thread(target=ended.wait, daemon=True).start()
    done: list[signal.Signals] = []

    def held() -> None:
        with signals_held():
            os.kill(os.getpid(), number)
            done.append(number)

    with pytest.raises(KeyboardInterrupt):
        held()
    ended.set()
    assert done == [number]


@pytest.mark.parametrize("number", _BOTH)
def test_a_signal_in_a_block_that_ignores_it_never_takes_effect(number: signal.Signals) -> None:
    """After a commit nothing may fail, neither in the block nor later."""
    with signals_held() as ignore:
        os.kill(os.getpid(), number)
        ignore()
    os.kill(os.getpid(), number)
    assert signal.getsignal(number) is signal.SIG_IGN


def test_handlers_are_put_back() -> None:
    """A long command can be interrupted again."""
    before = [signal.getsignal(each) for each in _BOTH]
    with signals_held():
        pass
    assert [signal.getsignal(each) for each in _BOTH] == before


def test_threads_are_not_concerned() -> None:
    """Handlers belong to the main thread; another one can neither set them nor be interrupted."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            with signals_held() as ignore:
                ignore()
        except BaseException as error:  # noqa: BLE001 - asserted below
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert raised == []
