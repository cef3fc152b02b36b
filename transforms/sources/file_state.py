"""The state of a file: what shows that it was written to, replaced or moved."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.errors import PipelineError


class FileState(NamedTuple):
    """Size, identity and times (nanoseconds). `changed` cannot be set back, so it shows every write."""

    size: int
    inode: tuple[int, int]
    modified: int
    changed: int


#: The states of files by path, for files whose content was digested.
States = Mapping[str, FileState]
UNKNOWN: States = {}


def state_of(file: str | int) -> FileState:
    """The state of an open file, or of the file that a path names now; raises OSError."""
    found = os.stat(file)  # noqa: PTH116 - one call for all
    inode = (found.st_dev, found.st_ino)
    return FileState(found.st_size, inode, found.st_mtime_ns, found.st_ctime_ns)


@contextlib.contextmanager
def opened(path: str, known: States) -> Iterator[int]:
    """The descriptor of a file. Raises OSError, and PipelineError if it is not the file of the known state.

    The state of the descriptor is compared, before and after the reading. A folder or a link may be exchanged
    and put back between two looks at a path: what is read is what was digested nevertheless.
    """
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
