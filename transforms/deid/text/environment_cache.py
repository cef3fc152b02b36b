"""Files that are made once in a Python environment and loaded by later processes.

A file is used only if its content is intact, has the same key, and nobody but its owner (this user or root)
can write it: a crafted file could change what is masked, or take over the process. The key is a digest of
everything that the content depends on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from pathlib import Path

_DIGEST_BYTES = 32
#: A larger file is not read; the largest that is written has 6 MB.
MAX_BYTES = 64 << 20
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def load_file(name: str, key: bytes) -> bytes | None:
    """The content of a file of the environment's folder `share/chatsieve`; None if it cannot be used."""
    try:
        # Without waiting: a pipe in place of the file would block.
        opened = os.open(_path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        cached = os.pread(opened, MAX_BYTES, 0) if _is_trusted(os.fstat(opened)) else b""
    except OSError:
        return None
    finally:
        os.close(opened)
    data = cached[2 * _DIGEST_BYTES :]
    return data if cached[: 2 * _DIGEST_BYTES] == key + hashlib.sha256(data).digest() else None


def store_file(name: str, key: bytes, data: bytes) -> None:
    """Writes a file atomically, so that no process reads a part of it; nothing where that is not possible."""
    path = _path(name)
    temporary = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            with os.fdopen(opened, "wb") as file:
                file.write(key + hashlib.sha256(data).digest() + data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _path(name: str) -> Path:
    return Path(sys.prefix) / "share" / "chatsieve" / name


def _is_trusted(status: os.stat_result) -> bool:
    """True for a regular file of bounded size that only this user or root can have written."""
    owned = status.st_uid in (0, os.geteuid()) and not status.st_mode & _WRITABLE_BY_OTHERS
    return owned and stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES
