"""Checks of this machine: key file, memory, folder for temporary files, installed packages."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from pipeline.commands.doctor.findings import Told, fault, refusals_of, warning
from pipeline.inputs.config import Settings
from pipeline.telemetry.otlp import signals
from transforms.shuffle.run_key import check_travels
from transforms.shuffle.temporary import temporary_folder

_GIB = 1 << 30
#: The memory of a worker with its models and buffers (docs/explanation/scale.md), and the least with which
#: one begins.
_WORKER_BYTES, _LEAST_BYTES = _GIB, _GIB // 2
#: The program writes no more there unless the output is in a bucket: consent of other systems.
_TEMPORARY_BYTES = 64 << 20
_PROC, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def key(settings: Settings) -> Iterator[Told]:
    """The key file is private, and workers elsewhere can have the key."""
    source = settings.key_reference.source
    if source.kind == "file":
        mode = stat.S_IMODE(Path(source.place[0]).stat().st_mode)
        if mode & 0o077:
            yield warning(f"{source.place[0]}: others can read the key (mode {mode:04o}); run chmod 600")
    runner = settings.config.runner
    if not runner.has_local_workers:
        yield from refusals_of(lambda: check_travels(settings.key_reference, runner.name))


def memory(settings: Settings) -> Iterator[Told]:
    """There is memory for the workers on this machine."""
    runner = settings.config.runner
    free = available_bytes(_PROC, _CGROUP)
    if free is None or not runner.has_local_workers:
        return
    if free < _LEAST_BYTES:
        yield fault(
            f"memory: {free / _GIB:.1f} GiB are available, and one worker needs {_LEAST_BYTES / _GIB:.1f}; "
            "end other programs, or use a larger machine"
        )
    elif free < runner.workers * _WORKER_BYTES:
        fewer = max(1, free // _WORKER_BYTES)
        yield warning(
            f"memory: {free / _GIB:.1f} GiB are available, and {runner.workers} workers can need "
            f"{runner.workers * _WORKER_BYTES / _GIB:.1f}; give runner.workers: {fewer}"
        )


def available_bytes(meminfo: Path, cgroup: Path) -> int | None:
    """The memory that a new process can have: by the system, or by the limit of its container."""
    found = list[int]()
    try:
        if told := re.search(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE):
            found.append(int(told[1]) * 1024)
    except OSError:
        pass
    try:
        limit, used = (int((cgroup / name).read_text()) for name in ("memory.max", "memory.current"))
        found.append(max(0, limit - used))
    except (OSError, ValueError):
        pass  # no container, or no limit
    return min(found, default=None)


def temporary(_: Settings) -> Iterator[Told]:
    """The folder for temporary files can be written, is not open to others, and has room."""
    folder = Path(tempfile.gettempdir())
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        yield warning(f"{folder}: others can replace temporary files in it; run chmod +t, or set TMPDIR")
    try:
        with temporary_folder():
            free = shutil.disk_usage(folder).free
    except OSError as error:
        yield fault(
            f"{folder}: no temporary folder can be made ({error.strerror}); set TMPDIR to another one"
        )
        return
    if free < _TEMPORARY_BYTES:
        yield fault(f"{folder}: {free >> 20} MiB are free for temporary files; make room, or set TMPDIR")


def packages(_: Settings) -> Iterator[Told]:
    """Installed packages have versions that chatsieve allows; OpenTelemetry is there if asked for."""
    for text in importlib.metadata.requires("chatsieve") or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield fault(f"packages: {wanted.name} is not installed; install chatsieve again")
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            yield warning(
                f"packages: {wanted.name} {version} is installed, expected {wanted.specifier}; decisions "
                "and bytes are tested with these versions only"
            )
    if signals(os.environ) and importlib.util.find_spec("opentelemetry") is None:
        yield warning("packages: a collector is set, and the extra `otel` is not installed; nothing is sent")
