"""A Beam pipeline with the graph of a plan, for one of Beam's runners."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.graph import RunPlan, build_graph
from schemas.errors import ConfigError


def pipeline_of(runner: Any, arguments: Sequence[str], plan: RunPlan) -> Any:
    """The pipeline of the plan, not yet run; ConfigError for options that Beam refuses."""
    try:
        options = PipelineOptions(list(arguments))
        options.get_all_options()
    except SystemExit:
        raise ConfigError(
            "the Beam options after -- cannot be parsed; see the Apache Beam documentation"
        ) from None
    pipeline = beam.Pipeline(runner=runner, options=options)
    # Beam makes this folder for transforms of other languages, and leaves it if the run fails.
    shutil.rmtree(pipeline.local_tempdir, ignore_errors=True)
    build_graph(pipeline, plan)
    return pipeline
