"""The state of a file: what shows that it was written to, replaced or moved."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.errors import PipelineError
from transforms.sources.files import Opened
from transforms.sources.objects import KnownObject, Stored
from transforms.storage.places import is_remote, stat_file


class FileState(NamedTuple):
    """Size, identity and times (nanoseconds). `changed` cannot be set back, so it shows every write.

    `identity`: device and inode. For an object, its ETag or generation, which every write changes; its times
    are 0, since a listing rounds them otherwise than the object itself. Only an object without an ETag has
    `modified`.
    """

    size: int
    identity: tuple[int, int] | str
    modified: int = 0
    changed: int = 0


#: The states of files by path, for files whose content was digested.
States = Mapping[str, FileState]
UNKNOWN: States = {}


def state_of(file: str | int) -> FileState:
    """The state of an open file, or of the file that a path names now; raises OSError."""
    if isinstance(file, str) and is_remote(file):
        stat = stat_file(file)
        return FileState(stat.size, stat.identity, 0 if stat.identity else stat.modified)
    found = os.stat(file)  # noqa: PTH116 - one call for all
    identity = (found.st_dev, found.st_ino)
    return FileState(found.st_size, identity, found.st_mtime_ns, found.st_ctime_ns)


@contextlib.contextmanager
def opened(path: str, known: States) -> Iterator[Opened]:
    """The descriptor of a file. Raises OSError, and PipelineError if it is not the file of the known state.

    The state of the descriptor is compared, before and after the reading. A folder or a link may be exchanged
    and put back between two looks at a path: what is read is what was digested nevertheless. Of an object,
    every request names the state.
    """
    if is_remote(path):
        state = known[path] if path in known else state_of(path)
        yield KnownObject(path, Stored(state.size, str(state.identity)))
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(descriptor, path, known)
        yield descriptor
        _check(descriptor, path, known)
    finally:
        os.close(descriptor)


def _check(descriptor: int, path: str, known: States) -> None:
    if path in known and state_of(descriptor) != known[path]:
        raise PipelineError(
            "a consent snapshot or list changed while it was read; nothing was committed; run again"
        )
