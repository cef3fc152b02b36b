"""Compiled Hyperscan databases, cached in the Python environment.

Compiling the databases of one process takes 1.2 to 2 s of CPU time; loading them takes about 5 ms. A cache
file is used only if its content is intact, was compiled from the same expressions by the same Hyperscan for
the same processor features, and nobody but its owner (this user or root) can write it: a crafted database
could read and write any memory of the process. In every other case the expressions are compiled.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import hyperscan

_DIGEST_BYTES = 32
#: A larger file is not read; the largest database has 2.4 MB.
_MAX_BYTES = 64 << 20
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def load_or_compile(name: str, expressions: Sequence[str], flag: int) -> hyperscan.Database:
    """A database whose expressions have their positions as ids, all with one flag; ready to scan.

    The cache file is `name`, in the environment's folder `share/chatsieve`. One is written after compiling
    where that folder is writable.
    """
    key = _key(expressions, flag)
    path = Path(sys.prefix) / "share" / "chatsieve" / f"hyperscan-{name}.db"
    database = _load(path, key)
    if database is None:
        database = compile_all(expressions, flag)
        with contextlib.suppress(OSError):
            _store(path, key, hyperscan.dumpb(database))
    return database


def compile_all(expressions: Sequence[str], flag: int) -> hyperscan.Database:
    """The same database, compiled."""
    database = hyperscan.Database()
    database.compile(
        expressions=[expression.encode() for expression in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flag] * len(expressions),
    )
    return database


def _key(expressions: Sequence[str], flag: int) -> bytes:
    """A digest of everything that a compiled database depends on."""
    # The header of any serialised database names Hyperscan's version and the processor features in use.
    digest = hashlib.sha256(hyperscan.dumpb(compile_all(["x"], flag)))
    for part in (importlib.metadata.version("hyperscan"), str(flag), *expressions):
        digest.update(part.encode() + b"\0")
    return digest.digest()


def _load(path: Path, key: bytes) -> hyperscan.Database | None:
    """The cached database, or None if no cache file can be used."""
    try:
        # Without waiting: a pipe in place of the file would block.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        cached = os.pread(opened, _MAX_BYTES, 0) if _is_trusted(os.fstat(opened)) else b""
    except OSError:
        return None
    finally:
        os.close(opened)
    data = cached[2 * _DIGEST_BYTES :]
    if cached[: 2 * _DIGEST_BYTES] != key + hashlib.sha256(data).digest():
        return None
    try:
        database = hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.error:
        return None
    return database


def _is_trusted(status: os.stat_result) -> bool:
    """True for a regular file of bounded size that only this user or root can have written."""
    owned = status.st_uid in (0, os.geteuid()) and not status.st_mode & _WRITABLE_BY_OTHERS
    return owned and stat.S_ISREG(status.st_mode) and status.st_size <= _MAX_BYTES


def _store(path: Path, key: bytes, data: bytes) -> None:
    """Writes a cache file atomically, so that no process reads a part of it; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(opened, "wb") as file:
            file.write(key + hashlib.sha256(data).digest() + data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
