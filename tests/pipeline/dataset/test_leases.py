"""A job that runs on after its command writes nothing once another command may have removed its folder."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from pipeline.commands import run
from pipeline.dataset.writer import begin
from pipeline.inputs.config import load_settings
from pipeline.plan import RunPlan
from pipeline.runners.progress import Progress
from pipeline.runners.run_graph import run_graph
from schemas.errors import BusyError, PipelineError
from schemas.runners import DirectRunner
from tests.pipeline.dataset.test_writer import committed
from tests.prove.left_by_faults import leftovers_of
from tests.support.command import Corpus, chatsieve
from tests.support.stopped_writers import lapse
from transforms.storage.leases import Holder, Lease, own_holder
from transforms.storage.local import LocalStore

_LOST = "the run lost its claim of version 1"


def _stored(path: Path, **changes: Any) -> Lease:
    """The lease of a claim of this process, which is stored with changes; `until` is in seconds from now."""
    holder = own_holder("own", "v0001-abcdef")
    if "until" in changes:
        changes["until"] = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=changes["until"])
    LocalStore(path).put("claims/0001", msgspec.json.encode(msgspec.structs.replace(holder, **changes)))
    return Lease(str(path), 1, "own")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"host": "elsewhere"},
        {"host": "elsewhere", "until": 10},
        {"host": "elsewhere", "until": -20},
        {"until": -3600},
    ],
    ids=["own", "of another host", "nearly over", "over, clocks may differ", "suspended on this host"],
)
def test_a_run_that_holds_its_claim_writes(tmp_path: Path, changes: dict[str, Any]) -> None:
    """A worker's clock may be ahead, and a laptop may have slept: neither ends a run."""
    _stored(tmp_path, **changes).check()


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "other"},
        {"host": "elsewhere", "until": -61},
        {"process": "999999999@1", "until": -61},
    ],
    ids=["taken over", "no longer renewed", "killed on this host"],
)
def test_a_run_without_its_claim_does_not_write(tmp_path: Path, changes: dict[str, Any]) -> None:
    """One line, without the path: the error is shown by the service that runs the job."""
    with pytest.raises(PipelineError, match=_LOST) as found:
        _stored(tmp_path, **changes).check()
    assert str(tmp_path) not in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("left", [None, b"", b'{"run": 1}', b"\xff"])
def test_a_claim_that_is_removed_or_damaged_is_lost(tmp_path: Path, left: bytes | None) -> None:
    """What was removed is never there again for this run."""
    lease = _stored(tmp_path)
    LocalStore(tmp_path).remove("claims/0001")
    if left is not None:
        LocalStore(tmp_path).put("claims/0001", left)
    with pytest.raises(PipelineError, match=_LOST):
        lease.check()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("leases") / "sample"
    made = chatsieve("sample", folder, "--conversations", 40)
    assert made.returncode == 0, made.stderr
    return Corpus(folder)


@pytest.fixture
def run_on(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the graph of a run, whose claim another command takes over before the n-th check of the workers.

    Gives the number of checks. The workers are elsewhere: no spill keeps them from writing.
    """
    monkeypatch.setattr(DirectRunner, "has_local_workers", False)
    check = Lease.check

    def run_it(path: Path, taken_at: int, kind: Any) -> int:
        checks = 0

        def noted(lease: Lease) -> None:
            nonlocal checks
            checks += 1
            if checks == taken_at:
                lapse(path)
                committed(path, b"other")
            check(lease)

        def graph(plan: RunPlan, *rest: Any) -> NoReturn:
            if taken_at:
                with pytest.raises(PipelineError, match=_LOST):
                    run_graph(plan, *rest)
                assert not Path(plan.packs[0].folder).exists()
            else:
                run_graph(plan, *rest)
            raise PipelineError("the job has ended")

        monkeypatch.setattr(Lease, "check", noted)
        monkeypatch.setattr(run, "run_graph", graph)
        overrides = {"runner": {"name": "direct", "workers": 1}, "output.shards": 2}
        overrides |= {"output.path": str(path), "audit.path": str(path)}
        with pytest.raises((PipelineError, BusyError)):
            run.execute(load_settings(corpus.config, overrides), kind, [], Progress(False))
        return checks

    return run_it


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["run", "audit"])
def test_a_job_whose_claim_was_taken_over_writes_nothing_more(
    run_on: Callable[..., int], tmp_path: Path, kind: str
) -> None:
    """The other command removed the folder of the job; a file in it would be left over for good.

    The claim is taken over before the first write, in the middle and before the last one.
    """
    total = run_on(tmp_path / "count", 0, kind)
    assert total >= (5 if kind == "run" else 2)
    for taken_at in {1, total // 2 + 1, total}:
        path = tmp_path / f"{taken_at}"
        run_on(path, taken_at, kind)
        assert leftovers_of(path) == []


_STOPS = """
import os, signal, sys
from pathlib import Path
from pipeline.dataset.writer import begin
writer = begin(Path(sys.argv[1]), "run", "new_version")
os.kill(os.getpid(), signal.SIGSTOP)
writer.rollback()
"""


def test_workers_of_a_stopped_command_stop_when_another_takes_over(tmp_path: Path) -> None:
    """The command renews nothing and cannot cancel its job; the workers find out by themselves."""
    path = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", _STOPS, str(path)])
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        holder = msgspec.json.decode(LocalStore(path).read("claims/0001"), type=Holder)
        lease = Lease(str(path), 1, holder.run)
        lease.check()
        with pytest.raises(BusyError):
            begin(path, "run", "new_version")
        lease.check()
        lapse(path)
        committed(path, b"other")
        with pytest.raises(PipelineError, match=_LOST):
            lease.check()
        assert not (path / holder.folder).exists()
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert process.wait(timeout=60) == 0
    assert leftovers_of(path) == []
