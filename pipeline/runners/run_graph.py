"""Runs a graph on the runner of the configuration, and reads what the stages wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.plan import RunPlan
from pipeline.runners.other_code import other_code
from pipeline.runners.progress import Progress
from schemas.errors import ChatsieveError, ConsentError, PipelineError
from schemas.runners import DirectRunner, PrismRunner, RunnerConfig
from schemas.sections.job_runners import DataflowRunner, FlinkRunner, SparkRunner
from transforms.output.stage import CATALOG
from transforms.shuffle.entries import entries_by_kind
from transforms.shuffle.guard import describe
from transforms.storage.places import store_of


def run_graph(
    plan: RunPlan, config: RunnerConfig, arguments: Sequence[str], progress: Progress
) -> list[dict[str, list[dict[str, Any]]]]:
    """The catalog of each pack of the plan, after the graph ran: the entries of each kind.

    `arguments`: Beam options as `pipeline.runners.options.checked` gives them.

    The entries are the sums of a run; counters of Beam are not: a retry counts twice, and some runners lose
    counts. Raises PipelineError with the class and place of what failed, never with data.
    """
    try:
        _run(plan, config, arguments, progress)
    except ChatsieveError as error:
        error.args = tuple(_without_step(str(each)) for each in error.args)
        raise
    except Exception as error:
        if _is_interrupt(error):
            raise KeyboardInterrupt from None
        raise _failure(error) from error
    return [_read_catalog(pack.staging) for pack in plan.packs]


def _run(plan: RunPlan, config: RunnerConfig, arguments: Sequence[str], progress: Progress) -> None:
    """Runs the graph in the way of the runner that the configuration names."""
    if isinstance(config, DirectRunner):
        from pipeline.runners import direct

        direct.run(config, arguments, plan, progress)
    elif isinstance(config, PrismRunner):
        from pipeline.runners import prism

        prism.run(config, arguments, plan, progress)
    elif isinstance(config, DataflowRunner):
        from pipeline.runners import dataflow

        dataflow.run(config, arguments, plan, progress)
    elif isinstance(config, FlinkRunner | SparkRunner):
        from pipeline.runners import cluster

        cluster.run(config, arguments, plan, progress)
    else:
        from pipeline.runners import portable

        portable.run(config, arguments, plan, progress)


def _read_catalog(staging: str) -> dict[str, list[dict[str, Any]]]:
    try:
        data = store_of(staging).read(CATALOG)
    except OSError:
        raise PipelineError(
            "the runner ended without a result; nothing was committed; run again with --debug"
        ) from None
    return entries_by_kind([item.encode() for item in msgspec.json.decode(data)])


def _is_interrupt(error: BaseException | None) -> bool:
    """True for what Beam makes of a KeyboardInterrupt that arrived in a step which runs in this process."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _failure(error: Exception) -> ChatsieveError:
    """The error of ours in the chain, else class and place; one line without data.

    A runner passes errors of workers on as text. A row of consent that cannot be read refuses the run like
    one that is found while planning: nothing counts before the commit.
    """
    for line in str(error).splitlines():
        for name, kind in _OURS.items():
            if f"{name}: " in line:
                # Some runners pass the text on as its repr: what follows is the rest of a traceback.
                message = line.split(f"{name}: ", 1)[1].split("\\n", 1)[0]
                return kind(_without_step(message))
    if other := other_code(str(error)):
        return PipelineError(other)
    own = getattr(error, "line", None)
    return PipelineError(own() if callable(own) else describe("the runner failed", error))


def _without_step(line: str) -> str:
    """The message of an error without the step that Beam adds."""
    return line.split(" [while running", 1)[0].strip()


_OURS: dict[str, type[ChatsieveError]] = {
    "PipelineError": PipelineError,
    "StoreError": PipelineError,
    "ConsentError": ConsentError,
    "InputError": PipelineError,
    "ConfigError": PipelineError,
    "DeidError": PipelineError,
}
