"""Builds the Beam pipeline of a plan for one runner. Nothing runs, and no input is read."""

from __future__ import annotations

import secrets
import shutil
from typing import Any

from pipeline.graph import build_graph
from pipeline.plan import RunPlan
from schemas.errors import ConfigError


def build_pipeline(plan: RunPlan, runner: Any, options: Any) -> Any:
    """The pipeline of a plan, for a runner of Beam (an object, or the name of its class) and its options.

    The options are completed, so that the job has nothing about this machine. Call `check_travels` first for
    a runner whose workers are not started by this process.
    """
    import apache_beam as beam
    from apache_beam.internal import cloudpickle_pickler

    # Beam pickles its own functions with the path of their file, which is below a folder of the user.
    cloudpickle_pickler.DEFAULT_CONFIG.filepath_interceptor = _below_packages
    _keep_private(options)
    pipeline = beam.Pipeline(runner=runner, options=options)
    # Beam makes this folder for transforms of other languages, and leaves it if the run fails.
    shutil.rmtree(pipeline.local_tempdir, ignore_errors=True)
    build_graph(pipeline, plan)
    return pipeline


def _below_packages(path: str) -> str:
    """The path of a source file below the folder of installed packages, else its name."""
    _, folder, below = path.rpartition("/site-packages/")
    return below if folder else path.rpartition("/")[2]


def _keep_private(options: Any) -> None:
    """By default, Beam stages a list of the installed packages and their folders, and names the job after
    the user who starts it. A service can ask for samples of the elements that are processed.
    """
    from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions

    debug = options.view_as(DebugOptions)
    if "enable_data_sampling" in (debug.experiments or ()):
        raise ConfigError(
            "the Beam experiment enable_data_sampling cannot be used: it shows names of files and keys of "
            "users on the page of the job"
        )
    debug.add_experiment("disable_logging_submission_environment")
    debug.add_experiment("disable_always_on_exception_sampling")
    cloud = options.view_as(GoogleCloudOptions)
    cloud.job_name = cloud.job_name or f"chatsieve-{secrets.token_hex(4)}"
