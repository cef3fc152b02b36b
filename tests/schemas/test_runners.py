"""The section `runner`: each runner takes its own keys, and a refusal names the key at fault."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.sections.job_runners import is_this_host
from schemas.strict_yaml import validate

_BASE = {
    "inputs": [{"path": "logs"}],
    "consent": {"snapshots": ["consent"]},
    "policy": "p",
    "deid": "d",
    "output": {"path": "out"},
}
_EXTERNAL = {"type": "EXTERNAL", "config": "pool:50000"}
_PORTABLE = {"name": "portable", "job_endpoint": "jobs:8099", "environment": _EXTERNAL}
_LOOPBACK = {"name": "portable", "job_endpoint": "localhost:8099", "environment": {"type": "LOOPBACK"}}
_FLINK = {"name": "flink", "job_endpoint": "jobs:8099", "environment": _EXTERNAL}
_SPARK = {"name": "spark", "job_server_jar": "x.jar", "spark_master_url": "u", "environment": _EXTERNAL}
_DATAFLOW = {
    "name": "dataflow",
    "project": "p",
    "region": "r",
    "temp_location": "gs://b/t",
    "sdk_container_image": "image:1",
}


def _runner(given: Any) -> Any:
    return validate({**_BASE, "runner": given}, {(): 1}, Path("run.yaml"), RunConfig, ConfigError).runner


@pytest.mark.parametrize(
    ("given", "name", "workers", "is_local"),
    [
        ({}, "direct", 2, True),
        ({"workers": 4}, "direct", 4, True),
        ({"name": "prism"}, "prism", 1, True),
        (_PORTABLE, "portable", 2, False),
        (_LOOPBACK, "portable", 2, True),
        ({**_FLINK, "workers": 64}, "flink", 64, False),
        ({**_SPARK, "environment": {"type": "LOOPBACK"}}, "spark", 2, True),
        (_DATAFLOW, "dataflow", 2, False),
    ],
)
def test_each_runner_is_read(given: Any, name: str, workers: int, is_local: bool) -> None:
    """Blobs go to files of this machine only if all workers are here."""
    found = _runner(given)
    assert (found.name, found.workers, found.has_local_workers) == (name, workers, is_local)


_NAMES = "direct, portable, prism, flink, spark, dataflow"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"name": "ray"}, f"runner: expected a mapping with a name: {_NAMES}"),
        ("prism", f"runner: expected a mapping with a name: {_NAMES}"),
        ({"name": "prism", "workers": 2}, "runner.workers: unknown key; "),
        ({"job_endpoint": "a:1"}, "runner.job_endpoint: unknown key; "),
        ({"name": "direct", "program": "x"}, "runner.program: unknown key; "),
        ({**_PORTABLE, "flink_master": "x"}, "runner.flink_master: unknown key; "),
        ({**_PORTABLE, "job_endpoint": "jobs"}, "runner.job_endpoint: expected HOST:PORT"),
        ({**_PORTABLE, "job_endpoint": "http://jobs:1"}, "runner.job_endpoint: expected HOST:PORT"),
        ({**_PORTABLE, "environment": {"type": "EXTERNAL"}}, "runner.environment: config: LOOPBACK takes"),
        (
            {**_PORTABLE, "environment": {"type": "EXTERNAL", "config": "x"}},
            "runner.environment: expected HOST",
        ),
        (
            {**_PORTABLE, "environment": {"type": "LOOPBACK", "config": "x"}},
            "runner.environment: config: LOOPB",
        ),
        (
            {**_PORTABLE, "environment": {"type": "LOOPBACK"}},
            "runner: environment LOOPBACK needs a job service",
        ),
        (
            {**_PORTABLE, "environment": {"type": "VM", "config": "x"}},
            "runner.environment.type: expected 'EXT",
        ),
        ({**_PORTABLE, "start_timeout": "P1M"}, "runner.start_timeout: expected a duration such as PT10M"),
        ({**_PORTABLE, "idle_timeout": "PT0S"}, "runner.idle_timeout: expected a duration such as PT10M"),
        ({**_PORTABLE, "idle_timeout": 5}, "runner.idle_timeout: expected an ISO 8601 duration"),
        (
            {"name": "flink", "environment": _EXTERNAL},
            "runner: expected either job_endpoint or job_server_jar",
        ),
        ({**_FLINK, "job_server_jar": "x.jar"}, "runner: expected either job_endpoint or job_server_jar"),
        (
            {**_DATAFLOW, "temp_location": "s3://b/t"},
            "runner.temp_location: expected a location such as gs://",
        ),
        ({**_DATAFLOW, "environment": _EXTERNAL}, "runner.environment: unknown key; "),
    ],
)
def test_a_fault_names_its_key(given: Any, fault: str) -> None:
    """A key of another runner must not be ignored: the user believes that it has an effect."""
    with pytest.raises(ConfigError) as caught:
        _runner(given)
    assert str(caught.value).startswith(f"run.yaml:1: {fault}")


def test_limits_can_be_set_and_lifted() -> None:
    """A queue may hold a job for hours; then no limit for the start is right."""
    assert _runner(_PORTABLE).start_timeout == dt.timedelta(minutes=10)
    assert _runner({**_PORTABLE, "start_timeout": None}).start_timeout is None
    assert _runner({**_PORTABLE, "idle_timeout": "PT1H"}).idle_timeout == dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("localhost:1", True),
        ("127.0.0.1:8099", True),
        ("127.1.2.3:8099", True),
        ("[::1]:8099", True),
        ("localhost.example.com:1", False),
        ("127.0.0.1.example.com:1", False),
        ("10.0.0.1:8099", False),
        ("[::]:8099", False),
    ],
)
def test_only_addresses_of_this_machine_are_local(address: str, is_here: bool) -> None:
    """Workers of LOOPBACK listen on this machine alone."""
    assert is_this_host(address) is is_here
