"""Files of a run that one process appends to, and that do not outlive the run."""

from __future__ import annotations

import os

from transforms.storage import operations
from transforms.storage.contract import Buffer


class ScratchFile:
    """A new private file at `path`, mode 0600, that grows until it is closed. OSError where it exists."""

    def __init__(self, path: str) -> None:
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._descriptor = operations.OPERATIONS.open(path, flags, 0o600)

    def append(self, data: Buffer) -> int:
        """Writes the data and gives the offset at which they begin."""
        offset = os.lseek(self._descriptor, 0, os.SEEK_END)
        rest = memoryview(data).cast("B")
        while len(rest):
            rest = rest[operations.OPERATIONS.write(self._descriptor, rest) :]
        return offset

    def close(self) -> None:
        """Closes the file; it stays on disk."""
        os.close(self._descriptor)
