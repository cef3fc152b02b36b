"""Runs a graph on Beam's local runner, with progress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.graph import RunPlan, build_graph
from pipeline.runners.progress import Progress
from schemas.errors import ChatsieveError, ConfigError, PipelineError
from transforms.output.stage import CATALOG
from transforms.shuffle.entries import entries_by_kind
from transforms.shuffle.guard import describe


def run_graph(
    plan: RunPlan, workers: int, beam_arguments: Sequence[str], progress: Progress
) -> list[dict[str, list[dict[str, Any]]]]:
    """The catalog of each pack of the plan, after the graph ran: the entries of each kind.

    One worker runs in this process; several are processes of their own. Raises PipelineError with the
    class and place of what failed, never with data.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.runners.direct import local_runner
    from pipeline.runners.worker_processes import WorkerProcesses

    # Never DirectRunner: it would first try to download another runner, then fall back silently.
    arguments = ["--runner=FnApiRunner", f"--direct_num_workers={workers}", *beam_arguments]
    options = _options(PipelineOptions, arguments)
    processes = WorkerProcesses() if workers > 1 else None
    with local_runner(progress, processes and processes.environment) as runner:
        pipeline = beam.Pipeline(runner=runner, options=options)
        build_graph(pipeline, plan)

        def run() -> None:
            pipeline.run().wait_until_finish()

        try:
            if processes is None:
                run()
            else:
                processes.run(run)
        except ChatsieveError:
            raise
        except Exception as error:
            raise PipelineError(_failure(error)) from error
    return [_read_catalog(pack.staging) for pack in plan.packs]


def _options(make: Any, arguments: list[str]) -> Any:
    try:
        options = make(arguments)
        unknown = set(arguments[1:]) - {a for a in arguments[1:] if _known(options, a)}
    except SystemExit:
        raise ConfigError(
            "the Beam options after -- cannot be parsed; see the Apache Beam documentation"
        ) from None
    if unknown:
        raise ConfigError(f"unknown Beam option {min(unknown).split('=', 1)[0]}; check its spelling")
    return options


def _known(options: Any, argument: str) -> bool:
    name = argument.removeprefix("--").split("=", 1)[0].replace("-", "_")
    return (
        not argument.startswith("--")
        or name in options.get_all_options()
        or name.removeprefix("no_") in (options.get_all_options())
    )


def _read_catalog(staging: str) -> dict[str, list[dict[str, Any]]]:
    try:
        data = (Path(staging) / CATALOG).read_bytes()
    except OSError:
        raise PipelineError(
            "the runner ended without a result; nothing was committed; run again with --debug"
        ) from None
    return entries_by_kind([item.encode() for item in msgspec.json.decode(data)])


def _failure(error: Exception) -> str:
    """One line without data: the message of an error of ours in the chain, else class and place."""
    for line in str(error).splitlines():
        for marker in ("PipelineError: ", "ConsentError: ", "InputError: ", "ConfigError: ", "DeidError: "):
            if marker in line:
                return line.split(marker, 1)[1].split(" [while running", 1)[0].strip()
    return describe("the runner failed", error)
