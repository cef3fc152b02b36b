"""A small corpus, the command's run over it, and the same run by the API in this process."""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import threadpoolctl

import chatsieve
from tests.support.command import Corpus
from tests.support.command import chatsieve as command

ONE_WORKER = {"runner.workers": 1}


@dataclasses.dataclass(frozen=True)
class Called:
    """A run by the API: its result, and the state of the process before and after it."""

    result: chatsieve.Result
    before: dict[str, Any]
    after: dict[str, Any]


def state_of_process() -> dict[str, Any]:
    """What a library must leave as it found it."""
    umask = os.umask(0)
    os.umask(umask)
    blas = [each for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"]
    return {
        "umask": umask,
        "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)],
        "disabled": logging.root.manager.disable,
        "root": (logging.root.level, list(logging.root.handlers)),
        "warnings": list(warnings.filters),
        "hooks": (threading.excepthook, sys.unraisablehook, sys.excepthook),
        "collections": (gc.get_threshold(), gc.get_freeze_count()),
        "matrix threads": [each["num_threads"] for each in blas],
    }


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """60 sessions."""
    folder = tmp_path_factory.mktemp("api") / "logs"
    made = command("sample", folder, "--conversations", 60, "--seed", 3)
    assert made.returncode == 0, made.stderr
    return Corpus(folder)


@pytest.fixture(scope="session")
def by_command(logs: Corpus) -> Path:
    """The dataset of the command."""
    out = logs.path.parent / "by_command"
    done = command("run", "-c", logs.config, "--output", out, "--set", "runner.workers=1")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def called(logs: Corpus) -> Called:
    """The first run of this process, under a strict umask and with a log handler of a notebook."""
    out = logs.path.parent / "by_api"
    umask = os.umask(0o077)
    try:
        before = state_of_process()
        result = chatsieve.run(logs.config, output=out, set={**ONE_WORKER, "output.on_exists": "new_version"})
        return Called(result, before, state_of_process())
    finally:
        os.umask(umask)
