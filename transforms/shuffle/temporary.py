"""Folders for temporary files, which do not outlive their process for longer than until the next command."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "chatsieve-spill-"


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder (mode 0700) in the system's folder for temporary files, removed at the end.

    It is locked until then. If the process is killed, the lock goes with it, and `remove_abandoned` of a
    later command removes the folder. A process id in its name would not do: ids are used again, and
    containers share folders.
    """
    path, lock = _made()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def remove_abandoned() -> None:
    """Removes the temporary folders of this user's processes that were killed."""
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                with contextlib.suppress(OSError):
                    _remove_unlocked(entry.path)


def _made() -> tuple[Path, int]:
    while True:
        path = Path(tempfile.gettempdir()) / f"{_PREFIX}{secrets.token_hex(8)}"
        path.mkdir(mode=0o700)
        path.chmod(0o700)
        # Until it is locked, another command may take it for abandoned and remove it.
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if path.exists():
                return path, lock
            os.close(lock)


def _remove_unlocked(path: str) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(folder)
        # Only what `_made` makes: a folder of this name may have been made by another program.
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(folder)
