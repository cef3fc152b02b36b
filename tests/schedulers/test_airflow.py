"""The DAG of configs/airflow, run by Airflow 3: success, retries on exit code 4, none on 1, 2 and 3."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.change import begin_change_of_existing
from tests.support.command import COMMAND, ROOT, Corpus, chatsieve, current

pytestmark = pytest.mark.cluster
PYTHON = ROOT / ".tools/airflow/bin/python"
DAGS = ROOT / "configs/airflow"
#: Two hours after midnight: the end of the data interval, which the command gets as --as-of.
DAY = "2026-03-01T02:00:00+00:00"


@dataclasses.dataclass
class Airflow:
    """An installation with a database of its own. `codes`: the exit codes of the command, one per try."""

    home: Path
    variables: dict[str, str]

    @property
    def codes(self) -> list[int]:
        file = self.home / "codes"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def start(self, command: str, config: Path) -> subprocess.Popen[bytes]:
        """Starts a run of the DAG. `command`: shell text with $@ for the arguments."""
        (self.home / "codes").unlink(missing_ok=True)
        wrapper = self.home / "command"
        wrapper.write_text(f"#!/bin/sh\n{command}\ncode=$?\necho $code >> {self.home}/codes\nexit $code\n")
        wrapper.chmod(0o755)
        variables = {**self.variables, "CHATSIEVE_COMMAND": str(wrapper), "CHATSIEVE_CONFIG": str(config)}
        given = [PYTHON, ROOT / "tests/schedulers/airflow_day.py", DAGS, DAY, self.home / "result.json"]
        log = (self.home / "log").open("wb")
        return subprocess.Popen(given, env=variables, stdout=log, stderr=log, cwd=self.home)

    def result(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """What the run left, when it has ended."""
        assert process.wait() == 0, self.log
        found: dict[str, Any] = json.loads((self.home / "result.json").read_text())
        return found

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")


def variables_of(home: Path) -> dict[str, str]:
    """SQLite below `home`, no examples, nothing of the user's environment but the PATH."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a new installation."""
    home = tmp_path_factory.mktemp("airflow")
    migrate = [PYTHON, "-m", "airflow", "db", "migrate"]
    given = {"env": variables_of(home), "cwd": home}
    done = subprocess.run(migrate, capture_output=True, text=True, check=False, **given)
    assert done.returncode == 0, done.stderr
    return home / "airflow.db"


@pytest.fixture
def airflow(database: Path, tmp_path: Path) -> Airflow:
    """A new installation."""
    home = tmp_path / "airflow"
    home.mkdir()
    shutil.copy(database, home)
    return Airflow(home, variables_of(home))


def test_a_day_is_committed_as_of_the_end_of_its_interval(
    airflow: Airflow, corpus: Corpus, tmp_path: Path
) -> None:
    """The real command writes a version, decided for the moment of the schedule and not for the clock."""
    out = tmp_path / "out"
    result = airflow.result(airflow.start(f'{COMMAND} "$@" --output {out}', corpus.config))
    assert (result["run"], result["task"], result["tries"], airflow.codes) == ("success", "success", 1, [0])
    assert (result["catchup"], result["max_active_runs"]) == (False, 1)
    assert (result["retries"], result["retry_delay"]) == (24, 600)
    assert result["interval"] == ["2026-02-28T02:00:00+00:00", DAY]
    assert json.loads((current(out) / "manifest.json").read_bytes())["as_of"] == "2026-03-01T02:00:00Z"
    assert "sessions are eligible; see " in airflow.log


def test_a_dataset_that_is_held_is_tried_again_until_it_is_free(
    airflow: Airflow, corpus: Corpus, tmp_path: Path
) -> None:
    """Exit code 4 means later: the retries of Airflow wait for the other command."""
    out = tmp_path / "out"
    assert chatsieve("audit", "-c", corpus.config, "--output", out, "--quiet").returncode == 0
    held, _ = begin_change_of_existing(out)
    process = airflow.start(f'shift; {COMMAND} audit "$@" --output {out} --quiet', corpus.config)
    while not airflow.codes and process.poll() is None:
        time.sleep(0.2)
    held.release()
    result = airflow.result(process)
    assert airflow.codes[0] == 4
    assert airflow.codes[-1] == 0
    assert (result["run"], result["task"]) == ("success", "success")
    assert result["tries"] == len(airflow.codes) >= 2


@pytest.mark.parametrize(
    ("code", "command"),
    [
        (1, '{chatsieve} audit "$@" --output {out} --quiet --set audit.fail_if.min_sessions=100000'),
        (2, '{chatsieve} audit "$@" --output {out} --set no.such.key=1'),
        (3, "exit_3() {{ return 3; }}; exit_3"),
    ],
)
def test_a_code_that_another_attempt_cannot_change_fails_at_once(
    airflow: Airflow, corpus: Corpus, tmp_path: Path, code: int, command: str
) -> None:
    """Four hours of retries would hide a refusal from the engineer on call."""
    text = "shift; " + command.format(chatsieve=COMMAND, out=tmp_path / "out")
    result = airflow.result(airflow.start(text, corpus.config))
    assert (result["run"], result["task"], result["tries"]) == ("failed", "failed", 1)
    assert airflow.codes == [code]
    assert f"exit code {code}: " in airflow.log


def test_the_command_gets_the_signal_when_airflow_ends_the_task(airflow: Airflow, tmp_path: Path) -> None:
    """A command that outlived its task would hold the dataset."""
    program = f"""
import os, sys, threading, time
sys.path.insert(0, {str(DAGS)!r})
os.environ["CHATSIEVE_COMMAND"] = "sleep"
from chatsieve_daily import ChatsieveOperator
operator = ChatsieveOperator(task_id="one", arguments=["600"])
errors = []
def execute():
    try:
        operator.execute({{}})
    except Exception as error:
        errors.append(str(error))
thread = threading.Thread(target=execute)
thread.start()
while operator._process is None:
    time.sleep(0.05)
operator.on_kill()
thread.join()
print(operator._process.returncode, errors)
"""
    done = subprocess.run(
        [PYTHON, "-c", program],
        env=airflow.variables,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    wanted = f"{-signal.SIGTERM} ['exit code {-signal.SIGTERM}: try again later']"
    assert done.stdout.splitlines()[-1:] == [wanted], done.stderr
