"""Files that a run must find unchanged at its end: what was decided on is what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from schemas.errors import PipelineError
from transforms.output.file_names import masked_name
from transforms.sources.file_state import FileState, opened, state_of
from transforms.sources.files import open_bytes


class WatchedFile(NamedTuple):
    """A file and its state before it was read. `sha256` is None for a log: workers digest it."""

    path: str
    state: FileState
    sha256: str | None


def watch(path: str, digest: bool) -> WatchedFile:
    """The file as it is now; `digest`: with the SHA-256 of its content.

    OSError where it cannot be read, PipelineError where it changes while it is digested.
    """
    state = state_of(path)
    if not digest:
        return WatchedFile(path, state, None)
    with opened(path, {path: state}) as descriptor, open_bytes(descriptor) as file:
        return WatchedFile(path, state, hashlib.file_digest(file, "sha256").hexdigest())


def states_of(files: Iterable[WatchedFile]) -> dict[str, FileState]:
    """The state of each file by path, for the workers that read it."""
    return {file.path: file.state for file in files}


def check_unchanged(files: Iterable[WatchedFile]) -> None:
    """Raises PipelineError if a file was written to, replaced or removed since `watch`."""
    for file in files:
        try:
            same = state_of(file.path) == file.state
        except OSError:
            same = False
        if not same:
            name = masked_name(Path(file.path).name)
            raise PipelineError(f"{name}: changed while it was read; nothing was committed; run again")
