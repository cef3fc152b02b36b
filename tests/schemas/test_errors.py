"""Exit codes of errors: a store that may recover is told apart from what another try cannot change."""

from __future__ import annotations

import datetime as dt
import errno
import os
from pathlib import Path

import pytest

from pipeline.dataset.writer import begin
from pipeline.inputs.globs import input_files
from pipeline.inputs.readiness import Readiness
from schemas import errors
from schemas.errors import ChatsieveError, exit_code_of
from tests.support.dated_logs import DatedLogs
from tests.support.memory_bucket import URL, MemoryBucket, memory_bucket
from transforms.consent.files import read_batches
from transforms.storage.places import location

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
PASSING = (errno.EAGAIN, errno.EIO, errno.ETIMEDOUT, errno.EHOSTUNREACH)
LASTING = (errno.EACCES, errno.ENODEV, errno.EINVAL, errno.ENOSPC)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryBucket:
    """A bucket behind every URL."""
    return memory_bucket(monkeypatch)


def failing(store: MemoryBucket, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Every request fails so from now on."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number), f"{URL}/x")

    for name in ("head", "below", "get", "get_range", "put", "top"):
        monkeypatch.setattr(store, name, fail)


def list_logs(_: Path) -> None:
    input_files(f"{URL}/logs/*", "canonical")


def read_consent(_: Path) -> None:
    for _table in read_batches(f"{URL}/consent.csv", ("state",)):
        pass


def look_for_a_marker(folder: Path) -> None:
    ready = {"marker": f"{URL}/{{date}}/_SUCCESS"}
    Readiness().missing(DatedLogs(folder, ready=ready).settings(), NOW)


def claim_a_dataset(_: Path) -> None:
    begin(location(f"{URL}/out"), "run", "refuse")


@pytest.mark.parametrize("number", [*PASSING, *LASTING])
@pytest.mark.parametrize("step", [list_logs, read_consent, look_for_a_marker, claim_a_dataset])
def test_a_store_that_may_recover_is_no_refusal(
    store: MemoryBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: object, number: int
) -> None:
    """A scheduler stops at 2, and tries again after 3."""
    failing(store, monkeypatch, number)
    with pytest.raises(ChatsieveError) as caught:
        step(tmp_path)  # type: ignore[operator]
    assert exit_code_of(caught.value) == (3 if number in PASSING else 2)


def test_other_errors_keep_their_code() -> None:
    """A busy dataset is 4 even if a store failed on the way; a fault of the configuration is 2."""
    codes = {
        errors.ConfigError: 2,
        errors.PolicyError: 2,
        errors.InputError: 2,
        errors.ConsentError: 2,
        errors.OutputError: 2,
        errors.PipelineError: 3,
        errors.StoreError: 3,
        errors.DeidError: 3,
        errors.BusyError: 4,
        errors.NotReadyError: 4,
    }
    assert {kind: exit_code_of(kind("x")) for kind in codes} == codes
    busy = errors.BusyError("x")
    busy.__context__ = OSError(errno.EIO, "x")
    assert exit_code_of(busy) == 4
