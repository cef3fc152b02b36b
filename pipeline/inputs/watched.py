"""Files that a run must find unchanged at its end: what was decided on is what was written."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.errors import PipelineError
from transforms.output.file_names import masked_name
from transforms.sources.base import InputFile
from transforms.sources.file_state import FileState, opened, state_of
from transforms.sources.files import open_bytes
from transforms.storage.places import files_below, is_remote

#: As many objects are looked at one by one.
_FEW = 50
_SECOND = 1_000_000_000
#: Nanoseconds: ticks of Linux have 10 ms at most. Times in whole seconds come from a file system that has no
#: others; those of FAT are even.
_FINE_TICK, _COARSE_TICK = 20_000_000, 2 * _SECOND


class WatchedFile(NamedTuple):
    """A file and its state before it was read. `sha256` is None for a log: workers digest it.

    `listed`: for an object that a listing gave, the folder that was listed.
    """

    path: str
    state: FileState
    sha256: str | None
    listed: str | None = None


def watch_log(file: InputFile, root: str) -> WatchedFile:
    """A file of an input below `root`, in its present state, or in that of the listing that gave it."""
    if file.identity:
        return WatchedFile(file.path, FileState(file.size, file.identity), None, root)
    return WatchedFile(file.path, state_of(file.path), None)


def watch(path: str) -> WatchedFile:
    """The file as it is now, with the SHA-256 of its content.

    OSError where it cannot be read, PipelineError where it changes while it is digested.
    """
    state = state_of(path)
    with opened(path, {path: state}) as descriptor, open_bytes(descriptor) as file:
        return WatchedFile(path, state, hashlib.file_digest(file, "sha256").hexdigest())


def wait_for_ticks(files: Iterable[WatchedFile]) -> None:
    """Returns once a file that is written to from now on gets another time of change; 2 seconds at most.

    A file system notes times in ticks. A file that is read in the tick of its last change could be changed
    again in the same tick, by as many bytes: its state would be the same, and a later run would take its
    facts over. Objects have no such time.
    """
    changed = max((file.state.changed for file in files), default=0)
    tick = _COARSE_TICK if changed % _SECOND == 0 else _FINE_TICK
    left = changed + tick - time.time_ns()
    if changed and left > 0:
        time.sleep(min(left, tick) / _SECOND)  # a server's clock may be ahead


def states_of(files: Iterable[WatchedFile]) -> dict[str, FileState]:
    """The state of each file by path, for the workers that read it."""
    return {file.path: file.state for file in files}


def check_unchanged(files: Iterable[WatchedFile]) -> None:
    """Raises PipelineError if a file was written to, replaced or removed since `watch`."""
    files = list(files)
    now = _listed_states(files)
    for file in files:
        try:
            # A listing may lag behind: an object that differs in it is asked for by name.
            same = now.get(file.path) == file.state or state_of(file.path) == file.state
        except FileNotFoundError:
            same = False
        except OSError as error:
            if is_remote(file.path):
                raise PipelineError(
                    f"{_name(file)}: cannot be looked at again ({error.strerror}); "
                    "nothing was committed; run again"
                ) from None
            same = False
        if not same:
            raise PipelineError(f"{_name(file)}: changed while it was read; nothing was committed; run again")


def _listed_states(files: Sequence[WatchedFile]) -> dict[str, FileState]:
    """The states of the objects below folders of which many were read: one request a thousand of them."""
    counts = collections.Counter(file.listed for file in files if file.listed)
    found = dict[str, FileState]()
    for folder, count in counts.items():
        if count > _FEW:
            with contextlib.suppress(OSError):
                listed = files_below(folder)
                found |= {path: FileState(stat.size, stat.identity) for path, stat in listed}
    return found


def _name(file: WatchedFile) -> str:
    return masked_name(file.path.rpartition("/")[2])
