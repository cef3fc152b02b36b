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

#: Beginnings of the names of the folders, by what is in them.
SPILL, SOCKETS = "chatsieve-spill-", "chatsieve-sockets-"


@contextlib.contextmanager
def temporary_folder(prefix: str = SPILL, parent: str | None = None) -> Iterator[Path]:
    """A new folder (mode 0700) below `parent`, by default the system's folder for temporary files.

    It is removed at the end, and locked until then. If the process is killed, the lock goes with it, and
    `remove_abandoned` of a later command removes the folder. A process id in its name would not do: ids are
    used again, and containers share folders. The name is the prefix and eight characters: the path of a
    socket has a limit. OSError if `parent` cannot be written.
    """
    path, lock = _made(prefix, Path(parent or tempfile.gettempdir()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def remove_abandoned(prefix: str = SPILL, parent: str | None = None) -> None:
    """Removes the temporary folders of this user's processes that were killed."""
    with contextlib.suppress(OSError), os.scandir(parent or tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                with contextlib.suppress(OSError):
                    _remove_unlocked(entry.path)


def _made(prefix: str, parent: Path) -> tuple[Path, int]:
    while True:
        path = parent / f"{prefix}{secrets.token_hex(4)}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
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
