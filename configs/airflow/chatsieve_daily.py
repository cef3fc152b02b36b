"""A DAG for Airflow 3 that runs chatsieve every night. docs/how-to/airflow.md says how it is used.

The worker's environment has CHATSIEVE_CONFIG, the configuration, and whatever its `key` refers to. The
command must be on the PATH, or CHATSIEVE_COMMAND names it.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from typing import Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowException, AirflowFailException

COMMAND = os.environ.get("CHATSIEVE_COMMAND", "chatsieve")
CONFIG = os.environ.get("CHATSIEVE_CONFIG", "/etc/chatsieve/run.yaml")
#: After these exit codes another attempt would end in the same way, or a person must decide. Any other is
#: tried again: 4 (not ready, or the dataset is held), and a command that was killed.
FINAL = {
    1: "committed, but a check failed: see the report before anything is released",
    2: "refused before anything was written: correct what the last line names",
    3: "failed and rolled back: see the last line, then clear this task",
}


class ChatsieveOperator(BaseOperator):
    """Runs a command of chatsieve; its output goes to the task's log."""

    template_fields = ("arguments",)

    def __init__(self, *, arguments: list[str], **options: Any) -> None:
        super().__init__(**options)
        self.arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow passes it
        """Ends when the command ends; raises AirflowFailException if it must not be tried again."""
        self._process = subprocess.Popen(  # noqa: S603 - the arguments are those of this file
            [COMMAND, *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert self._process.stdout is not None  # noqa: S101 - it is piped
        for line in self._process.stdout:
            self.log.info("%s", line.rstrip())
        code = self._process.wait()
        if code in FINAL:
            raise AirflowFailException(f"exit code {code}: {FINAL[code]}")
        if code:
            raise AirflowException(f"exit code {code}: try again later")

    def on_kill(self) -> None:
        """Airflow ends the task: the command removes what it wrote, and ends."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


with DAG(
    dag_id="chatsieve_daily",
    description="The training dataset of the day",
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC", interval=dt.timedelta(days=1)),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    # One run reads all days that were missed. A run for a past day must not become the current version.
    catchup=False,
    max_active_runs=1,
    # Exit code 4 is awaited for four hours.
    default_args={"retries": 24, "retry_delay": dt.timedelta(minutes=10)},
    tags=["chatsieve"],
):
    ChatsieveOperator(
        task_id="run",
        arguments=[
            *("run", "--config", CONFIG),
            *("--as-of", "{{ data_interval_end | ts }}"),
            *("--set", "output.on_exists=new_version"),
        ],
    )
