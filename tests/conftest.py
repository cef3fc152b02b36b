"""Fixtures for all tests: a sample corpus, and one finished run over it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.command import Corpus, chatsieve
from tests.support.samples import SKIPPED, samples_folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests of public samples where there are none."""
    if samples_folder() is None:
        for item in items:
            if item.get_closest_marker("samples"):
                item.add_marker(pytest.mark.skip(reason=SKIPPED))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """220 sessions, every scenario among them."""
    path = tmp_path_factory.mktemp("corpus") / "sample"
    made = chatsieve("sample", path, "--conversations", 220, "--seed", 11)
    assert made.returncode == 0, made.stderr
    return Corpus(path)


@pytest.fixture(scope="session")
def finished(corpus: Corpus) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The corpus run with two workers: the dataset, and what the command said."""
    out = corpus.path.parent / "out"
    done = chatsieve("run", "-c", corpus.config, "--output", out)
    assert done.returncode == 0, done.stderr
    return out, done
