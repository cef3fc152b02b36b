"""Fixtures for all tests: a sample corpus, one finished run over it, and a guard of the files opened."""

from __future__ import annotations

import fcntl
import pickle
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support import opened_files
from tests.support.command import TWO_WORKERS, Corpus, chatsieve
from tests.support.night import Night, night_of
from tests.support.samples import SKIPPED, samples_folder


def pytest_configure() -> None:
    """Records each file outside the clone that a test opens. No example of Hypothesis has a time limit."""
    opened_files.guard()
    hypothesis.settings.register_profile("chatsieve", deadline=None)
    hypothesis.settings.load_profile("chatsieve")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests of public samples where there are none."""
    if samples_folder() is None:
        for item in items:
            if item.get_closest_marker("samples"):
                item.add_marker(pytest.mark.skip(reason=SKIPPED))


@pytest.fixture(autouse=True)
def _only_files_of_the_clone() -> Iterator[None]:
    """Fails a test that opened a file outside the clone, as a stranger's machine does not have it."""
    yield
    opened = opened_files.take()
    assert not opened, f"opened outside the clone: {opened}"


@pytest.fixture(autouse=True)
def _signals_as_at_the_start() -> Iterator[None]:
    """A command that has ended ignores signals, as a job of a shell may. Processes would inherit that."""
    _heed_signals()
    yield
    _heed_signals()


def _heed_signals() -> None:
    for each, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, handler)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """220 sessions with every scenario; its configuration uses one worker, which is in the same process."""

    def make(folder: Path) -> Corpus:
        path = folder / "sample"
        made = chatsieve("sample", path, "--conversations", 220, "--seed", 11)
        assert made.returncode == 0, made.stderr
        found = Corpus(path)
        text = found.config.read_text()
        assert "workers: 2" in text
        found.config.write_text(text.replace("workers: 2", "workers: 1"))
        return found

    return _made_once(tmp_path_factory, "corpus", make)


@pytest.fixture(scope="session")
def finished(
    corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The corpus run by the installed command with two workers: the dataset and the output of the command."""

    def make(folder: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
        out = folder / "out"
        done = chatsieve("run", "-c", corpus.config, "--output", out, *TWO_WORKERS, fresh=True)
        assert done.returncode == 0, done.stderr
        return out, done

    return _made_once(tmp_path_factory, "finished", make)


@pytest.fixture(scope="session")
def night(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Every command of a schedule, run once on a dataset whose names are canaries, and watched."""
    return _made_once(tmp_path_factory, "night", lambda folder: night_of(corpus, folder))


def _made_once[T](factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Makes a fixture in the first process of the tests that asks, and reads it in the others."""
    base = factory.getbasetemp()
    # With pytest-xdist each process has a folder of its own in that of the session.
    folder = (base.parent if base.name.startswith("popen-") else base) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / "made.pickle"
        if not made.exists():
            value: Any = make(folder)
            made.write_bytes(pickle.dumps(value))
        return pickle.loads(made.read_bytes())  # noqa: S301 - written above
