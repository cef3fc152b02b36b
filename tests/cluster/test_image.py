"""The image: the steps of the Containerfile in empty roots without a network, and its containers."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipeline.commands.sample import write_sample
from tests.cluster.containerfile import Stage, build
from tests.cluster.empty_root import Root, check_possible, make_root
from tests.cluster.servers import program
from tests.configs.manifests import containers, documents, pods

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = ROOT / "build" / "image"
#: Installed for the tests only; an image that contains one was not made from the dependencies of the program.
_NOT_IN_AN_IMAGE = {"pytest", "mypy", "ruff", "duckdb", "playwright", "polars", "altair", "pip"}

pytestmark = pytest.mark.cluster


def _run_step(root: Path, command: str, environment: Mapping[str, str]) -> None:
    Root(root, environment).run(["/bin/sh", "-c", command])


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    """The stages of the Containerfile, built from the context that `make image-context` made."""
    check_possible()
    if not (CONTEXT / "requirements.lock").is_file():
        pytest.fail(f"{CONTEXT} is missing: run make test-cluster")
    text = (ROOT / "Containerfile").read_text()
    bases = {"docker.io/library/python:3.12-slim-bookworm": make_root}
    folder = tmp_path_factory.mktemp("image")
    yield build(text, CONTEXT, bases, folder, _run_step)
    shutil.rmtree(folder)  # gigabytes


def container(stage: Stage, work: Path) -> Root:
    """How a container of a stage is run: read-only, without a network, `work` as its only volume."""
    shutil.chown(work, *stage.user)
    work.chmod(0o700)
    return Root(stage.root, stage.environment, stage.user, stage.folder, {"/work": work}, is_read_only=True)


def digests(folder: Path, *names: str) -> dict[str, str]:
    """The SHA-256 of every file below the folders `names`, by relative path."""
    files = (file for name in names for file in sorted((folder / name).rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def entries(lock: Path) -> dict[str, list[str]]:
    """Version and hashes of each package of a lock file, by name."""
    found: dict[str, list[str]] = {}
    for name, rest in re.findall(
        r"^([a-z0-9._-]+)(==[^\n]*\n(?:    --hash[^\n]*\n)*)", lock.read_text(), re.M
    ):
        found[name] = [rest.split()[0], *sorted(re.findall(r"sha256:\w+", rest))]
    return found


def test_the_wheel_has_the_code_of_this_clone() -> None:
    """The other tests would otherwise test an image of older code."""
    (wheel,) = (CONTEXT / "wheels").glob("chatsieve-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        code = [name for name in archive.namelist() if name.endswith(".py")]
        assert len(code) > 200
        assert [name for name in code if archive.read(name) != (ROOT / name).read_bytes()] == []


def test_the_dependencies_are_those_of_the_lock() -> None:
    """The image must run what was tested: the same versions and hashes, and nothing for development."""
    locked, runtime = entries(ROOT / "requirements.lock"), entries(CONTEXT / "requirements.lock")
    assert len(runtime) > 80
    assert {name: locked.get(name) for name in runtime} == runtime
    assert not _NOT_IN_AN_IMAGE & set(runtime)


def test_a_container_cannot_write_outside_of_its_volume(stages: dict[str, Stage], tmp_path: Path) -> None:
    """A worker must run where a cluster's policy forbids root and writable images, and reach nobody."""
    inside = container(stages["cli"], tmp_path)
    code = (
        "import os, pathlib, tempfile\n"
        "print(os.getuid(), os.getgid(), os.getgroups())\n"
        "print([line.split(':')[0].strip() for line in open('/proc/net/dev').readlines()[2:]])\n"
        "for place in ('/', '/opt/chatsieve', '/opt/chatsieve/share/chatsieve', '/etc'):\n"
        "    print(os.access(place, os.W_OK))\n"
        "tempfile.TemporaryFile(); pathlib.Path('written').write_text('')\n"
    )
    found = inside.run(["python", "-c", code]).stdout.splitlines()
    assert found == ["65532 65532 []", "['lo']", *["False"] * 4]
    assert [path.name for path in tmp_path.iterdir()] == ["written"]


def test_the_demo_writes_the_same_bytes_as_outside(stages: dict[str, Stage], tmp_path: Path) -> None:
    """The image must not change a decision or a byte, and must need no network, no root and no other file."""
    work, outside = tmp_path / "work", tmp_path / "outside"
    work.mkdir()
    stage = stages["cli"]
    caches = digests(stage.root / "opt/chatsieve", "share")
    done = container(stage, work).run([*stage.entrypoint, "demo"])
    assert "report/report.html" in done.stdout + done.stderr
    assert digests(stage.root / "opt/chatsieve", "share") == caches

    shutil.copytree(work / "chatsieve-demo", outside, symlinks=True)
    shutil.rmtree(outside / "out/demo")  # the key stays
    command = [
        sys.executable,
        "-m",
        "pipeline.cli.main",
        "run",
        "-c",
        outside / "configs/demo.yaml",
        "--quiet",
    ]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (version,) = (work / "chatsieve-demo/out/demo").glob("v0001-*")
    (expected,) = (outside / "out/demo").glob("v0001-*")
    written = digests(version, "data", "ledger", "quarantine")
    assert len(written) >= 6
    assert written == digests(expected, "data", "ledger", "quarantine")


def test_a_second_run_adds_nothing_to_the_caches(stages: dict[str, Stage]) -> None:
    """What a run could not find in the image, every start of a container would make again."""
    stage = stages["build"]
    caches = digests(stage.root / "opt/chatsieve", "share")
    assert {Path(name).suffix for name in caches} >= {".db", ".js", ".msgpack"}
    _run_step(stage.root, "chatsieve demo /tmp/again --quiet", stage.environment)
    assert digests(stage.root / "opt/chatsieve", "share") == caches


def test_the_cronjob_of_the_manifest_runs(stages: dict[str, Stage], tmp_path: Path) -> None:
    """The arguments, volumes and configuration of the CronJob must work for the image's user."""
    config, job = documents(ROOT / "configs/kubernetes/cronjob.yaml")
    (pod,) = pods(job)
    (manifest,) = containers(pod)
    folders = {name: tmp_path / name for name in ("etc", "out", "data")}
    folders["etc"].mkdir()
    (folders["etc"] / "run.yaml").write_text(config["data"]["run.yaml"])
    folders["out"].mkdir()
    shutil.chown(folders["out"], *stages["cli"].user)
    write_sample(folders["data"], conversations=20, seed=4, input_format="parquet")
    stage = stages["cli"]
    places = {mount["name"]: mount["mountPath"] for mount in manifest["volumeMounts"]}
    volumes = {
        places["config"]: folders["etc"],
        places["data"]: folders["data"],
        places["out"]: folders["out"],
    }
    (variable,) = manifest["env"]
    environment = {**stage.environment, variable["name"]: "5" * 64}
    inside = Root(stage.root, environment, stage.user, stage.folder, volumes, is_read_only=True)
    then = ["--as-of", "2026-03-01T00:00:00Z", "--set", "runner.workers=2"]  # the corpus is of that time
    inside.run([*stage.entrypoint, *manifest["args"], *then])
    assert (folders["out"] / "dataset/CURRENT").is_file()


_WAIT = """
import socket, sys, time

for port in (50000, 8073):  # the runner fails at once where no worker pool answers
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("localhost", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    else:
        sys.exit(f"nothing listens on port {port}")
"""
_PORTABLE = {
    "name": "portable",
    "job_endpoint": "localhost:8073",
    "environment.type": "EXTERNAL",
    "environment.config": "localhost:50000",
}


def test_beams_boot_program_serves_a_portable_runner(stages: dict[str, Stage], tmp_path: Path) -> None:
    """A runner starts workers through boot: they must find Python, code, models and key, and install nothing.

    The dataset has the bytes of a run on this container's own workers.
    """
    stage = stages["worker"]
    work = tmp_path / "work"
    work.mkdir()
    (work / "wait.py").write_text(_WAIT)
    prism = f"{program('prism')} --job_port=8073 --serve_http=false >{tmp_path}/prism 2>&1"
    inside = dataclasses.replace(container(stage, work), beside=[prism])
    (boot,) = stage.entrypoint
    settings = " ".join(f"--set runner.{name}={value}" for name, value in _PORTABLE.items())
    script = (
        f"{boot} --worker_pool >/work/pool 2>&1 &\n"
        "set -e\n"
        "chatsieve demo here --quiet\n"
        "python wait.py\n"
        f"chatsieve run -c here/configs/demo.yaml --output there --quiet {settings}\n"
    )
    done = inside.run(["/bin/sh", "-c", script], check=False)
    log = (work / "pool").read_text()
    assert done.returncode == 0, done.stderr + log + (tmp_path / "prism").read_text()
    assert f"Starting worker with command ['{boot}'" in log
    (here,) = (work / "here/out/demo").glob("v0001-*")
    (there,) = (work / "there").glob("v0001-*")
    written = digests(there, "data", "ledger", "quarantine")
    assert len(written) >= 6
    assert written == digests(here, "data", "ledger", "quarantine")
