"""Which files below a folder any process opens: inotify sees Python, libraries in C, and workers."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from types import TracebackType

_IN_OPEN, _IN_ISDIR, _NONBLOCK = 0x20, 0x40000000, 0o4000
_EVENT = struct.Struct("iIII")


class OpensSeen:
    """While entered, the files that are opened below `folder`; `names` has them relative to it afterwards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names: set[str] = set()

    def __enter__(self) -> OpensSeen:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(_NONBLOCK)
        assert self._descriptor >= 0
        self._paths: dict[int, Path] = {}
        for folder in (self._folder, *(path for path in self._folder.rglob("*") if path.is_dir())):
            watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _IN_OPEN)
            assert watch > 0
            self._paths[watch] = folder
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        try:
            while True:
                self._take(os.read(self._descriptor, 1 << 16))
        except BlockingIOError:
            pass
        finally:
            os.close(self._descriptor)

    def _take(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            watch, mask, _, size = _EVENT.unpack_from(data, at)
            assert watch > 0, "the queue of events overflowed"
            name = data[at + _EVENT.size : at + _EVENT.size + size].rstrip(b"\0").decode()
            at += _EVENT.size + size
            if name and not mask & _IN_ISDIR:
                self.names.add(str((self._paths[watch] / name).relative_to(self._folder)))
