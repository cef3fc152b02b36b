"""Builds the Beam pipeline of a plan for one runner. Nothing runs, and no input is read."""

from __future__ import annotations

import secrets
import shutil
from typing import Any

from pipeline.graph import RunPlan, build_graph
from transforms.shuffle.run_key import check_travels

#: The runners whose workers are processes that the command starts itself, on this machine.
LOCAL = frozenset({"direct", "prism"})


def build_pipeline(plan: RunPlan, name: str, runner: Any, options: Any) -> Any:
    """The pipeline of a plan, for a runner of Beam (an object, or the name of its class) and its options.

    `name`: of the runner in the configuration. Raises ConfigError where its workers cannot get the key. For
    runners that are not local the options are completed, so that the job has nothing about this machine.
    """
    import apache_beam as beam

    if name not in LOCAL:
        check_travels(plan.run_key.reference, name)
        _leave_out_this_machine(options)
    pipeline = beam.Pipeline(runner=runner, options=options)
    # Beam makes this folder for transforms of other languages, and leaves it if the run fails.
    shutil.rmtree(pipeline.local_tempdir, ignore_errors=True)
    build_graph(pipeline, plan)
    return pipeline


def _leave_out_this_machine(options: Any) -> None:
    """By default, Beam stages a list of the installed packages and their folders, and names the job after
    the user who starts it.
    """
    from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions

    options.view_as(DebugOptions).add_experiment("disable_logging_submission_environment")
    cloud = options.view_as(GoogleCloudOptions)
    cloud.job_name = cloud.job_name or f"chatsieve-{secrets.token_hex(4)}"
