"""Runs of a command on one host with a worker pool on another, over a bucket on a third."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.cluster.buckets import BUCKET
from tests.cluster.hosts import ROOT, Host, end, python
from tests.support.command import Corpus

STORE, JOBS, POOL = 7070, 8073, 50000
KEY = "c0de5ec7" * 8
SECONDS = 180


@dataclasses.dataclass(frozen=True)
class Apart:
    """The hosts, the folder behind the bucket, and the variables with which a host reaches the store."""

    hosts: Mapping[str, Host]
    bucket: Path
    variables: Mapping[str, str]

    @contextlib.contextmanager
    def pool(self, name: str = "workers", **changed: str | None) -> Iterator[subprocess.Popen[str]]:
        """A worker pool on the named host, with all variables but for what is changed; None removes one."""
        address = f"{self.hosts[name].address}:{POOL}"
        runner = f"{self.hosts['coordinator'].address}:{JOBS}"
        given = {**self.variables, "CHATSIEVE_KEY": KEY, "CHATSIEVE_RUNNER": runner, **changed}
        environment = {name: value for name, value in given.items() if value is not None}
        command = python("pipeline.runners.pool_main", address)
        with self.hosts[name].started(command, environment, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == f"{address}\n"
                yield process
            finally:
                end(process, signal.SIGTERM)

    def started(self, output: str, workers: str = "workers") -> subprocess.Popen[str]:
        """A run on the coordinator into a folder of the bucket, with workers on the named host."""
        pool = f"runner.environment.config={self.hosts[workers].address}:{POOL}"
        arguments = ["run", "-c", "/config/run.yaml", "--output", f"s3://{BUCKET}/{output}", "--quiet"]
        command = python("pipeline.cli.main", *arguments, "--set", pool)
        given = {**self.variables, "CHATSIEVE_KEY": KEY}
        return self.hosts["coordinator"].started(command, given, stderr=subprocess.PIPE)

    def run(self, output: str, workers: str = "workers") -> tuple[int, str]:
        """The exit code of a run, and what it printed."""
        with self.started(output, workers) as process:
            _, printed = process.communicate(timeout=SECONDS)
        return process.returncode, printed

    def objects(self, output: str) -> list[str]:
        """The names of the objects below a folder of the bucket, but for the token of the first `CURRENT`."""
        files = (path for path in (self.bucket / output).rglob("*") if path.is_file())
        return [str(path) for path in files if path.name != "CURRENT" or path.read_bytes().strip()]


_PUT = """
import sys
from pathlib import Path
from transforms.storage.places import store_of
store, folder = store_of(sys.argv[1]), Path(sys.argv[2])
for path in folder.rglob("*"):
    if path.is_file() and "truth" not in path.parts:
        store.put(path.relative_to(folder).as_posix(), path.read_bytes())
"""


def upload(made: Apart, corpus: Corpus) -> None:
    """Puts the corpus below `in`, from the store's host, which sees the files of this machine."""
    command = [sys.executable, "-c", _PUT, f"s3://{BUCKET}/in", str(corpus.path)]
    packages = {"PYTHONPATH": str(ROOT), **made.variables}
    with made.hosts["store"].started(command, packages, stderr=subprocess.PIPE) as process:
        _, printed = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, printed
