"""`run` and `audit` give what the command gives, and leave the process as they found it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import copy
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest

import chatsieve
from tests.api.conftest import ONE_WORKER, Called, state_of_process
from tests.support.command import Corpus, current, read_lines

pytestmark = pytest.mark.e2e


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}


def modes_below(folder: Path) -> dict[str, str]:
    found = {str(path.relative_to(folder)): stat.filemode(path.stat().st_mode) for path in folder.rglob("*")}
    return {"": stat.filemode(folder.stat().st_mode), **found}


def test_a_run_writes_the_bytes_of_the_command(called: Called, by_command: Path) -> None:
    """Data, ledger, index and state: a dataset does not show how it was made."""
    made = files_below(Path(called.result.folder))
    assert made == files_below(current(by_command))
    assert any(name.startswith("data/") for name in made)


def test_files_have_the_modes_of_the_command_whatever_the_umask(called: Called, by_command: Path) -> None:
    """The umask was 077: a reader of the group could not have read the data."""
    assert modes_below(Path(called.result.folder)) == modes_below(current(by_command))
    assert stat.S_IMODE(Path(called.result.report).stat().st_mode) == 0o640


def test_the_process_is_left_as_it_was(called: Called) -> None:
    """A notebook goes on: with its umask, signals, loggers, warnings and threads of matrix products."""
    assert called.after == called.before
    assert called.before["umask"] == 0o077
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_figures_are_those_of_the_report(called: Called) -> None:
    """A program decides by these figures."""
    result = called.result
    counts = json.loads((Path(result.folder) / "report/report.json").read_bytes())["counts"]
    assert (result.sessions, result.records) == (counts["sessions"], counts["records"])
    assert sum(result.by_decision.values()) == sum(result.by_reason.values()) == result.sessions
    assert result.eligible == result.by_decision["eligible"] > 0
    assert result.rows == len(chatsieve.open_dataset(result.dataset)) > 0
    assert (result.version, result.thresholds_crossed, result.exit_code) == (1, (), 0)
    assert Path(result.report).is_file()
    assert copy.deepcopy(result) == result


def test_a_second_run_beside_a_running_loop_finds_nothing_new(called: Called, logs: Corpus) -> None:
    """A notebook has a running loop, and runs the same cell again."""

    def again() -> chatsieve.Result:
        asyncio.get_running_loop()  # RuntimeError without one
        return chatsieve.run(
            logs.config,
            output=called.result.dataset,
            set={**ONE_WORKER, "output.on_exists": "new_version"},
        )

    async def cell() -> chatsieve.Result:
        return again()

    # A browser of other tests in this process keeps its loop running.
    result = again() if _has_loop() else asyncio.run(cell())
    assert result.nothing_new is not None
    assert (result.version, result.by_reason) == (1, called.result.by_reason)


def test_a_mapping_in_a_thread_decides_as_the_file_does(
    called: Called, logs: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signals can be set in the main thread only; paths of a mapping start from the working folder."""
    monkeypatch.chdir(logs.path)
    config: dict[str, Any] = {
        "inputs": ({"path": Path("logs/*.jsonl.gz"), "format": "canonical"},),
        "consent": {"snapshots": ["consent/*.parquet"]},
        "authorizations": "authorizations.csv",
        "deletions": "deletions.csv",
        "policy": "consumer-terms-2025-09-28",
        "deid": "default",
        "key": (logs.path / "chatsieve.key").read_text().strip(),
        "output": {"path": tmp_path / "unused"},
        "runner": {"workers": 1},
        "audit": {"fail_if": {"min_sessions": 1000}},
    }
    before, given = state_of_process(), repr(config)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        result = pool.submit(
            chatsieve.audit, config, as_of=called.result.as_of, output=tmp_path / "audit"
        ).result()
    assert state_of_process() == before
    assert (result.kind, result.rows, result.dataset) == ("audit", 0, str(tmp_path / "audit"))
    assert result.by_reason == called.result.by_reason
    audit = chatsieve.open_dataset(result.dataset)
    assert (audit.kind, len(audit), len(audit.ledger)) == ("audit", 0, result.sessions)
    with pytest.raises(chatsieve.InputError, match="an audit has a ledger only"):
        audit.to_arrow()
    assert repr(config) == given
    assert config["key"] not in repr(result)
    # A crossed threshold is no exception: the version counts.
    assert result.exit_code == 1
    assert ["audit.fail_if.min_sessions" in each for each in result.thresholds_crossed] == [True]


def test_a_key_that_a_configuration_creates_has_the_modes_of_the_command(
    logs: Corpus, tmp_path: Path
) -> None:
    """Nobody else may read it, although the umask of a notebook lets everybody."""
    settings = {"inputs.0.path": "nothing.jsonl", "key_file": tmp_path / "keys/run.key", "create_key": True}
    umask = os.umask(0)
    try:
        with pytest.raises(chatsieve.InputError):
            chatsieve.run(logs.config, output=tmp_path / "out", set=settings)
    finally:
        assert os.umask(umask) == 0
    assert modes_below(tmp_path / "keys") == {"": "drwxr-x---", "run.key": "-rw-------"}


@pytest.mark.usefixtures("called")
def test_an_interrupt_rolls_back_and_arrives(
    logs: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop button of a notebook: nothing is left, and the next interrupt works too."""

    def interrupted(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return []

    monkeypatch.setattr("transforms.deid.masked_batch.mask_sessions", interrupted)
    before = state_of_process()
    with pytest.raises(KeyboardInterrupt) as caught:
        chatsieve.run(logs.config, output=tmp_path / "out", set=ONE_WORKER)
    assert caught.value.__context__ is None
    assert not (tmp_path / "out").exists()
    assert state_of_process() == before


@pytest.mark.usefixtures("called")
def test_an_interrupt_while_beam_starts_a_thread_leaves_none(
    logs: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a thread would keep the interrupted program from its end, for ever."""
    from apache_beam.runners.worker.statesampler import StateSampler, statesampler_impl

    def interrupted(sampler: Any) -> None:
        statesampler_impl.StateSampler.start(sampler)
        raise KeyboardInterrupt

    before = threading.enumerate()
    monkeypatch.setattr(StateSampler, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        chatsieve.run(logs.config, output=tmp_path / "out", set=ONE_WORKER)
    left = [each for each in threading.enumerate() if each not in before and not each.daemon]
    assert left == []


@pytest.mark.faults
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_interrupted_from_outside_rolls_back(logs: Corpus, tmp_path: Path, workers: int) -> None:
    """In a process of its own, as a notebook's kernel is, also while worker processes work."""
    code = (
        "import chatsieve, os, signal, sys, threading, time; from pathlib import Path\n"
        "out = Path(sys.argv[2])\n"
        "def stop():\n"
        "    while not list(out.glob('v*/staging')): time.sleep(0.01)\n"
        "    time.sleep(1); os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=stop).start()\n"
        "try: chatsieve.run(sys.argv[1], output=out, set={'runner.workers': int(sys.argv[3])})\n"
        "except KeyboardInterrupt: print('interrupted')\n"
        "time.sleep(2); print(list(out.parent.iterdir()), signal.getsignal(signal.SIGINT).__name__)\n"
    )
    command = [sys.executable, "-c", code, logs.config, tmp_path / "data/out", str(workers)]
    (tmp_path / "data").mkdir()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("interrupted\n[] default_int_handler\n", "")


@pytest.mark.faults
@pytest.mark.usefixtures("called")
def test_a_failed_run_rolls_back_and_its_error_has_no_data(
    logs: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook prints the chain of errors and its messages, so a record in them would be shared with it."""

    def failing(*_: Any) -> Any:
        raise ValueError("CANARY of a record")

    monkeypatch.setattr("transforms.deid.masked_batch.mask_sessions", failing)
    with pytest.raises(chatsieve.PipelineError) as caught:
        chatsieve.run(logs.config, output=tmp_path / "out", set=ONE_WORKER)
    assert not (tmp_path / "out").exists()
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("error", "code", "given"),
    [
        (chatsieve.ConfigError, 2, {"set": {"output.shards": "many"}}),
        (chatsieve.ConfigError, 2, {"as_of": "2026-03-01T00:00:00"}),
        (chatsieve.ConfigError, 2, {"policy": "no-such-policy"}),
        (chatsieve.ConfigError, 2, {"output": " "}),
        (chatsieve.InputError, 2, {"set": {"inputs.0.path": "nothing-*.jsonl"}}),
        (chatsieve.OutputError, 2, {"output": "occupied"}),
        (chatsieve.NotReadyError, 4, {"set": {"inputs.0.ready": {"marker": "_DONE"}}}),
    ],
)
def test_a_refusal_is_an_error_of_its_class(
    logs: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[chatsieve.ChatsieveError],
    code: int,
    given: dict[str, Any],
) -> None:
    """Callers catch by class; `exit_code` is that of the command. Nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied/file").write_text("mine")
    with pytest.raises(error) as caught:
        chatsieve.run(logs.config, **{"output": tmp_path / "out", **given})
    assert type(caught.value) is error
    assert (caught.value.exit_code, len(caught.value.lines)) == (code, 1)
    assert not (tmp_path / "out").exists()


def test_faults_name_the_keyword_or_the_key() -> None:
    """All faults at once: of a mapping by key, of a keyword by its name."""
    with pytest.raises(chatsieve.ConfigError) as caught:
        chatsieve.run({"inputs": [{"path": "a", "formt": "b"}]}, set={"output.shards": "many"})
    lines = caught.value.lines
    assert "the configuration: inputs[0].formt: unknown key; did you mean format?" in lines
    assert "set['output.shards']: expected a whole number, without quotes" in lines
    with pytest.raises(chatsieve.ConfigError, match=r"\Aset\['inputs.7.path'\]: the list has no element 7;"):
        chatsieve.run({"inputs": []}, set={"inputs.7.path": "a"})
    with pytest.raises(chatsieve.ConfigError, match=r"\Aconfig: expected a path, not int\Z"):
        chatsieve.run(3)  # type: ignore[arg-type]


def test_wrong_arguments_are_a_type_error() -> None:
    """As for any Python function."""
    with pytest.raises(TypeError, match="no_such"):
        chatsieve.run("run.yaml", no_such=1)  # type: ignore[call-arg]


def test_the_texts_and_ids_of_the_corpus_are_in_no_representation(called: Called, logs: Corpus) -> None:
    """A result is the last line of a cell: it is shown, saved and shared."""
    (_, first, *_) = read_lines(logs.path / "truth/decisions.jsonl")
    shown = repr(called.result) + repr(chatsieve.explain(first["conversation_id"], logs.config))
    values = {each["value"] for each in logs.planted() if len(each["value"]) > 5}
    assert values
    assert not [value for value in values if value in shown]
    assert first["conversation_id"] not in shown
    assert (logs.path / "chatsieve.key").read_text().strip() not in shown


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
