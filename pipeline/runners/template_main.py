"""The program of a Dataflow template: a job of one step, which runs one command of chatsieve on one worker.

A template must end when its job has been given to Dataflow, but the command commits after its own graph has
run. So the job's only step is the command. With `runner: direct` in the configuration the worker does all of
the work; with `runner: dataflow` the command starts a second job and waits for it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from schemas.errors import PipelineError

COMMANDS = ("run", "audit")
#: Parameters of the template; each is the option of the same name of both commands.
PARAMETERS = ("config", "as_of", "input", "consent", "output", "policy", "set")
_REPEATED = {"input", "consent", "set"}


def command_of(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The command line of chatsieve, and the options for Beam, from the arguments of the template's launcher.

    Several values of one parameter are separated by `;`. Raises SystemExit for a missing parameter.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--command", choices=COMMANDS, default="run")
    for name in PARAMETERS:
        parser.add_argument(f"--{name}", required=name == "config")
    given, options = parser.parse_known_args(arguments)
    command = [given.command]
    for name in PARAMETERS:
        value = getattr(given, name)
        values = [] if not value else value.split(";") if name in _REPEATED else [value]
        command += [f"--{name.replace('_', '-')}={each}" for each in values]
    return [*command, "--quiet"], options


class RunCommand(beam.DoFn):  # type: ignore[misc]
    """Runs chatsieve with the given arguments. Gives its exit code, 0 or 1; other codes are a PipelineError.

    What it prints stays on the worker, except for the last line of an error, which never has data.
    """

    def process(self, arguments: list[str]) -> Iterator[int]:
        """See the class."""
        command = [sys.executable, "-P", "-m", "pipeline.cli.main", *arguments]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - this interpreter
        if done.returncode not in (0, 1):
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            last = lines[-1] if lines else "no message"
            raise PipelineError(f"chatsieve ended with exit code {done.returncode} ({last})")
        yield done.returncode


def main(arguments: Sequence[str] | None = None) -> None:
    """Gives the job to Beam, and does not wait for it."""
    command, options = command_of(sys.argv[1:] if arguments is None else arguments)
    pipeline = beam.Pipeline(options=PipelineOptions(options))
    _ = pipeline | "Arguments" >> beam.Create([command]) | "Run command" >> beam.ParDo(RunCommand())
    pipeline.run()


if __name__ == "__main__":
    main()
