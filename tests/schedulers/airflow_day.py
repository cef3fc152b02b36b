"""Runs the DAG once with `dag.test()`, in Airflow's environment.

Arguments: the logical date, and the file for the result: JSON with what the DAG is set to, the state of the
run and of its task, and the number of tries. The pause before a retry is one second.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

folder, day, result = sys.argv[1:]
bag = DagBag(folder)
assert not bag.import_errors, bag.import_errors
dag = bag.dags["chatsieve_daily"]
(task,) = dag.tasks
settings = {
    "catchup": dag.catchup,
    "max_active_runs": dag.max_active_runs,
    "retries": task.retries,
    "retry_delay": task.retry_delay.total_seconds(),
}
task.retry_delay = dt.timedelta(seconds=1)
run = dag.test(logical_date=dt.datetime.fromisoformat(day))
(instance,) = run.get_task_instances()
found = {
    **settings,
    "run": str(run.state),
    "task": str(instance.state),
    "tries": instance.try_number,
    "interval": [run.data_interval_start.isoformat(), run.data_interval_end.isoformat()],
}
Path(result).write_text(json.dumps(found))
