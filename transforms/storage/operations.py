"""The system calls behind `LocalStore` and `ScratchFile`, so that tests can fail any one of them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


class FileOperations:
    """The system calls that change output files, reading and listing. Tests put another in their place."""

    def open(self, path: str, flags: int, mode: int) -> int:
        """A descriptor of the file, with exactly this mode if it was made."""
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        if flags & os.O_CREAT:
            os.fchmod(descriptor, mode)
        return descriptor

    def read(self, path: str) -> bytes:
        """The content of a file; OSError for a symbolic link, a folder, a pipe or a device."""
        with self.open_regular(path) as file:
            return file.read()

    def open_regular(self, path: str) -> BinaryIO:
        """A file to read; OSError for a symbolic link, a folder, a pipe or a device."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file", path)
        return os.fdopen(descriptor, "rb")

    def write(self, descriptor: int, data: memoryview) -> int:
        """How many bytes were written: perhaps fewer than given."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """Returns when the file, or the folder's entries, would survive a loss of power."""
        os.fsync(descriptor)

    def link(self, source: str, target: str) -> None:
        """A second name of a file; FileExistsError where the name is taken."""
        os.link(source, target, follow_symlinks=False)

    def rename(self, source: str, target: str) -> None:
        """Gives a file another name, replacing what had it."""
        os.replace(source, target)  # noqa: PTH105

    def remove(self, path: str) -> None:
        """Removes a file."""
        os.remove(path)  # noqa: PTH107

    def mkdir(self, path: str, mode: int) -> None:
        """Makes a folder with exactly this mode."""
        os.mkdir(path, mode)  # noqa: PTH102
        os.chmod(path, mode)  # noqa: PTH101

    def rmdir(self, path: str) -> None:
        """Removes an empty folder."""
        os.rmdir(path)  # noqa: PTH106

    def symlink(self, source: str, target: str) -> None:
        """A symbolic link at `target`."""
        os.symlink(source, target)  # noqa: PTH211

    def entries(self, path: str) -> list[os.DirEntry[str]]:
        """The entries of a folder."""
        with os.scandir(path) as entries:
            return list(entries)


#: The operations of this process; looked up at each call, so that another can take their place.
OPERATIONS = FileOperations()


def private_file(path: str | Path) -> int:
    """The descriptor of a new file with mode 0600, whatever the umask; FileExistsError if there is one."""
    return OPERATIONS.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def entries_below(folder: str, name: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(name below `name`, entry) of everything in a folder, at any depth, that is no folder itself."""
    try:
        entries = OPERATIONS.entries(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        below = f"{name}/{entry.name}" if name else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from entries_below(entry.path, below)
        else:
            yield below, entry
