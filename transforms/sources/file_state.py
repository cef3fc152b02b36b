"""The state of a file: what shows that it was written to, replaced or moved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from schemas.errors import PipelineError


class FileState(NamedTuple):
    """Size, identity and times (nanoseconds). `changed` cannot be set back, so it shows every write."""

    size: int
    inode: tuple[int, int]
    modified: int
    changed: int


def state_of(path: str) -> FileState:
    """The state of the file that the path names now; raises OSError."""
    found = os.stat(path)  # noqa: PTH116 - one call for all
    inode = (found.st_dev, found.st_ino)
    return FileState(found.st_size, inode, found.st_mtime_ns, found.st_ctime_ns)


def check_state(path: str, known: Mapping[str, FileState]) -> None:
    """Raises PipelineError if the file at a known path is another one, or gone.

    A folder may be exchanged and put back before the commit: only the reader can see that.
    """
    if path not in known:
        return
    try:
        same = state_of(path) == known[path]
    except OSError:
        same = False
    if not same:
        raise PipelineError(
            "a consent snapshot or deletion list changed while it was read; nothing was committed; run again"
        )
