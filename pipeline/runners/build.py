"""Builds the Beam pipeline of a plan for one runner. Nothing runs, and no input is read."""

from __future__ import annotations

import shutil
from typing import Any

from pipeline.graph import RunPlan, build_graph


def build_pipeline(plan: RunPlan, runner: Any, options: Any) -> Any:
    """The pipeline of a plan, for a runner of Beam (an object, or the name of its class) and its options."""
    import apache_beam as beam

    pipeline = beam.Pipeline(runner=runner, options=options)
    # Beam makes this folder for transforms of other languages, and leaves it if the run fails.
    shutil.rmtree(pipeline.local_tempdir, ignore_errors=True)
    build_graph(pipeline, plan)
    return pipeline
