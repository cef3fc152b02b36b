"""Runs a graph on Beam's local runner, with progress."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.graph import RunPlan, build_graph
from pipeline.runners.progress import Progress
from schemas.errors import ChatsieveError, ConfigError, ConsentError, PipelineError
from transforms.output.stage import CATALOG
from transforms.shuffle.entries import entries_by_kind
from transforms.shuffle.guard import describe
from transforms.storage.places import store_of

#: Beam options that the configuration sets. The workers of `direct_running_mode` listen on the network.
_CONFIGURED = frozenset({"direct_num_workers", "direct_running_mode", "runner"})


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

    options = _options(PipelineOptions, beam_arguments, workers)
    processes = WorkerProcesses() if workers > 1 else None
    with local_runner(progress, processes and processes.environment) as runner:
        pipeline = beam.Pipeline(runner=runner, options=options)
        # Beam makes this folder for transforms of other languages, and leaves it if the run fails.
        shutil.rmtree(pipeline.local_tempdir, ignore_errors=True)
        build_graph(pipeline, plan)

        def run() -> None:
            pipeline.run().wait_until_finish()

        try:
            if processes is None:
                run()
            else:
                processes.run(run)
        except ChatsieveError as error:
            error.args = tuple(_without_step(str(each)) for each in error.args)
            raise
        except Exception as error:
            raise _failure(error) from error
    return [_read_catalog(pack.staging) for pack in plan.packs]


def _options(make: Any, arguments: Sequence[str], workers: int) -> Any:
    """The options for Beam. ConfigError for those that are unknown or that the configuration sets."""
    for argument in arguments:
        if _name(argument) in _CONFIGURED:
            raise ConfigError(
                f"the Beam option --{_name(argument)} cannot be used; set runner.workers in the configuration"
            )
    # Never DirectRunner: it would first try to download another runner, then fall back silently.
    arguments = ["--runner=FnApiRunner", f"--direct_num_workers={workers}", *arguments]
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


def _name(argument: str) -> str:
    return argument.removeprefix("--").split("=", 1)[0].replace("-", "_")


def _known(options: Any, argument: str) -> bool:
    name = _name(argument)
    return (
        not argument.startswith("--")
        or name in options.get_all_options()
        or name.removeprefix("no_") in (options.get_all_options())
    )


def _read_catalog(staging: str) -> dict[str, list[dict[str, Any]]]:
    try:
        data = store_of(staging).read(CATALOG)
    except OSError:
        raise PipelineError(
            "the runner ended without a result; nothing was committed; run again with --debug"
        ) from None
    return entries_by_kind([item.encode() for item in msgspec.json.decode(data)])


def _failure(error: Exception) -> ChatsieveError:
    """The error of ours in the chain, else class and place; one line without data.

    A runner passes errors of workers on as text. A row of consent that cannot be read refuses the run like
    one that is found while planning: nothing counts before the commit.
    """
    for line in str(error).splitlines():
        for name, kind in _OURS.items():
            if f"{name}: " in line:
                return kind(_without_step(line.split(f"{name}: ", 1)[1]))
    return PipelineError(describe("the runner failed", error))


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
