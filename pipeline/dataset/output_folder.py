"""The output folder: claimed, staged, committed by renames and a manifest written last, or rolled back.

Whoever holds the lock on the marker file owns the folder; the lock goes with the process, so a killed run
blocks nobody, and its leftovers are known by the marker it left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import IO, Literal

import msgspec

from schemas.errors import OutputError

MANIFEST = "manifest.json"
_MARKER = ".chatsieve-run"
_STAGING = ".staging-"
#: Folders of a dataset and the files in them that are ours.
_OWN = {
    "data": "train-*.parquet",
    "ledger": "part-*.parquet",
    "quarantine": "part-*.jsonl",
    "restricted": "index-*.parquet",
    "report": "report.*",
}
_PRIVATE = frozenset({"restricted"})


class OutputFolder:
    """A claimed output. `prefix` is "" for the first version, else the folder of this version's files."""

    def __init__(self, path: Path, lock: IO[str], version: int, parent: str | None, created: bool) -> None:
        self.path = path
        self.version = version
        self.parent = parent
        self.prefix = "" if version == 1 else f"v{version:04d}/"
        self.staging = path / f"{_STAGING}{secrets.token_hex(8)}"
        self._lock = lock
        self._created = created
        self._committed: list[Path] = []
        self._manifested = False

    def commit(self, files: list[str], manifest: bytes) -> None:
        """Moves the staged files to their names, then writes the manifest: from then on they count."""
        for relative in files:
            source, target = self.staging / relative, self.path / relative
            if target.exists() and self.version == 1:
                raise OutputError(f"{target}: exists already; nothing is overwritten")
            if relative.split("/", 1)[0] in _PRIVATE:
                (self.path / relative.split("/", 1)[0]).mkdir(mode=0o700, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(source)
            source.replace(target)
            self._committed.append(target)
        if self.version > 1:
            kept = self.path / "manifests" / f"{self.version - 1:04d}.json"
            kept.parent.mkdir(exist_ok=True)
            shutil.copyfile(self.path / MANIFEST, kept)
        temporary = self.staging / MANIFEST
        temporary.write_bytes(manifest)
        _sync(temporary)
        temporary.replace(self.path / MANIFEST)
        _sync(self.path)
        self._manifested = True
        self.release()

    def release(self) -> None:
        """Removes what is staged and gives the folder free."""
        shutil.rmtree(self.staging, ignore_errors=True)
        (self.path / _MARKER).unlink(missing_ok=True)
        self._lock.close()

    def rollback(self) -> None:
        """Removes everything this run wrote, as if it had not begun, its own commit included."""
        if self._manifested:
            parent = self.path / "manifests" / f"{self.version - 1:04d}.json"
            if self.version > 1:
                parent.replace(self.path / MANIFEST)
            else:
                (self.path / MANIFEST).unlink(missing_ok=True)
        for target in self._committed:
            target.unlink(missing_ok=True)
        if self._committed:
            _remove_empty_folders(self.path)
        self.release()
        if self._created:
            with contextlib.suppress(OSError):
                self.path.rmdir()


def claim_output(path: Path, on_exists: Literal["refuse", "new_version"]) -> OutputFolder:
    """The output folder, locked, with the leftovers of a dead run removed; OutputError if it is not free."""
    created = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in path.iterdir()}
        _check_free(path, names, on_exists)
        lock = (path / _MARKER).open("a", encoding="utf-8")
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another output.path") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise OutputError(
            f"{path}: another run is writing here; wait for it or give another output.path"
        ) from None
    version, parent = _next_version(path)
    _remove_leftovers(path, version)
    folder = OutputFolder(path, lock, version, parent, created)
    folder.staging.mkdir(mode=0o700)
    return folder


def _check_free(path: Path, names: set[str], on_exists: str) -> None:
    if MANIFEST in names and on_exists == "refuse":
        raise OutputError(
            f"{path}: holds a dataset already; give another output.path, or output.on_exists: new_version"
        )
    if MANIFEST not in names and _MARKER not in names and names:
        raise OutputError(f"{path}: is not empty and not chatsieve's; give an empty or new output.path")


def _next_version(path: Path) -> tuple[int, str | None]:
    if not (path / MANIFEST).exists():
        return 1, None
    try:
        manifest = msgspec.json.decode((path / MANIFEST).read_bytes())
        return int(manifest["dataset_version"]) + 1, str(manifest["digest"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise OutputError(
            f"{path / MANIFEST}: cannot be read as a manifest; give another output.path"
        ) from None


def _remove_leftovers(path: Path, version: int) -> None:
    """Removes what a killed run left: its staging, and files it had moved before it could commit them."""
    for staging in path.glob(f"{_STAGING}*"):
        shutil.rmtree(staging, ignore_errors=True)
    for folder, pattern in _OWN.items():
        part = path / folder if version == 1 else path / folder / f"v{version:04d}"
        for leftover in part.glob(pattern):
            leftover.unlink(missing_ok=True)
    if version == 1:
        (path / "README.md").unlink(missing_ok=True)
    _remove_empty_folders(path)


def _remove_empty_folders(path: Path) -> None:
    for name in _OWN:
        for folder in [*(path / name).glob("v*"), path / name]:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
