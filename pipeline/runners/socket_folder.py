"""A private folder for the Unix sockets of one run, and the removal of those that killed runs left.

The folder has mode 0700: only processes of the same user can connect to a socket in it. No other machine can.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import PipelineError

_PREFIX = "chatsieve-sockets-"
_FALLBACKS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the folder below is private
_LOCK, _SOCKET = "lock", "s"
#: gRPC decodes the path of a socket as a URI, so other characters are avoided.
_PLAIN = re.compile(r"/[A-Za-z0-9/._+-]*")


@contextlib.contextmanager
def socket_folder() -> Iterator[str]:
    """The path for a socket, in a new folder that is removed at the end.

    The folder is below TMPDIR. If the path of TMPDIR is too long for a socket, or its file system has no
    sockets, the folder is below `/tmp`, `/var/tmp` or `/dev/shm`. PipelineError if none of them can be used.
    """
    for parent in (tempfile.gettempdir(), *_FALLBACKS):
        _remove_abandoned(Path(parent))
        folder = _make(parent)
        if folder is None:
            continue
        with _locked(folder):
            try:
                yield str(folder / _SOCKET)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        return
    raise PipelineError(
        "no folder for the sockets of the worker processes; set TMPDIR to a writable local folder "
        "with a path of at most 70 letters, digits or ._+-"
    )


def _make(parent: str) -> Path | None:
    """A new folder below `parent` in which a socket can be made; None if that fails."""
    if not _PLAIN.fullmatch(parent):
        return None
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(folder / _SOCKET))
        (folder / _SOCKET).unlink()
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds a lock in the folder. The system releases it when this process ends, however it ends."""
    new = folder / f"{_LOCK}.new"
    with new.open("xb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # Under its final name the lock is always held while its run is alive.
        new.rename(folder / _LOCK)
        yield


def _remove_abandoned(parent: Path) -> None:
    """Removes this user's socket folders whose run was killed."""
    with contextlib.suppress(OSError):
        for folder in parent.glob(f"{_PREFIX}*"):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        if folder.lstat().st_uid != os.geteuid():
            return False
        with (folder / _LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
