"""One finished dataset; each test has a copy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.commands.erasure_keys import moment_of
from pipeline.commands.forget import expire, forget
from pipeline.dataset.erasures import Asked
from tests.support.command import Corpus
from tests.support.forging import Dataset, linked_copy


@pytest.fixture(scope="session")
def key(corpus: Corpus, finished: tuple[Path, subprocess.CompletedProcess[str]]) -> bytes:
    """The key of the run."""
    assert finished
    return bytes.fromhex((corpus.path / "chatsieve.key").read_text().strip())


@pytest.fixture(scope="session")
def lived(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
    key: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The finished dataset with a second version, a user erased, and a row expired."""
    dataset = Dataset(linked_copy(finished[0], tmp_path_factory.mktemp("lived") / "dataset"))
    dataset.add_version(key)
    user = next(row["user_key"] for row in dataset.rows(dataset.part("data/")) if row["user_key"])
    forget(dataset.root, Asked(frozenset([frozenset([bytes.fromhex(user)])])), key)
    first = min(row["retain_until"] for row in dataset.rows(dataset.part("data/", 1)))
    expire(dataset.root, moment_of(f"{first}T00:00:00Z"), key)
    return dataset.root


@pytest.fixture
def dataset(finished: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> Dataset:
    """A dataset to forge."""
    return Dataset(linked_copy(finished[0], tmp_path / "dataset"))


@pytest.fixture
def aged(lived: Path, tmp_path: Path) -> Dataset:
    """A dataset of two versions, with two erasures."""
    return Dataset(linked_copy(lived, tmp_path / "aged"))
