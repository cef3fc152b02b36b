"""Runs a graph on a Beam runner, quietly, with progress."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.graph import RunPlan, build
from pipeline.runners.beam_loading import MEMORY, collect_less_often
from pipeline.runners.progress import Progress
from schemas.errors import ChatsieveError, ConfigError, PipelineError
from transforms.output.stage import CATALOG
from transforms.shuffle.entries import entries_by_kind
from transforms.shuffle.guard import describe


def run_graph(
    plan: RunPlan, workers: int, beam_arguments: Sequence[str], progress: Progress
) -> list[dict[str, list[dict[str, Any]]]]:
    """Runs the graph of a plan and gives the catalog of each of its packs: the entries of each kind.

    One worker runs in this process; several are processes of their own. Raises PipelineError with the
    class and place of what failed, never with data.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.runners.direct import local_runner

    # Never DirectRunner: it would first try to download another runner, then fall back silently.
    arguments = ["--runner=FnApiRunner", f"--direct_num_workers={workers}", *beam_arguments]
    options = _options(PipelineOptions, arguments)
    collect_less_often()
    with local_runner(progress, _worker_processes() if workers > 1 else None) as runner:
        pipeline = beam.Pipeline(runner=runner, options=options)
        build(pipeline, plan)
        try:
            pipeline.run().wait_until_finish()
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
        raise ConfigError("the Beam options after -- cannot be parsed") from None
    if unknown:
        raise ConfigError(f"unknown Beam option {min(unknown).split('=', 1)[0]}")
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
        raise PipelineError("the runner ended without a catalog; nothing was committed") from None
    return entries_by_kind([item.encode() for item in msgspec.json.decode(data)])


def _failure(error: Exception) -> str:
    """One line that is safe to print: our own message if one is in the chain, else class and place."""
    for line in str(error).splitlines():
        for marker in ("PipelineError: ", "ConsentError: ", "InputError: ", "ConfigError: ", "DeidError: "):
            if marker in line:
                return line.split(marker, 1)[1].split(" [while running", 1)[0].strip()
    return describe("the runner failed", error)


def _worker_processes() -> Any:
    """Workers as processes of this interpreter; `exec`, so that no shell stands between them and us.

    What the environment says of memory already holds.
    """
    from apache_beam.transforms import environments

    memory = " ".join(f"{name}={value}" for name, value in MEMORY.items() if name not in os.environ)
    python = f"{shlex.quote(sys.executable)} -m pipeline.runners.worker_main {os.getpid()}"
    command = f"exec env {memory} {python}"
    return environments.SubprocessSDKEnvironment.from_command_string(command_string=command)
