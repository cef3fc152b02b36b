"""SHA-256 of an input file from the bytes that its reader takes, so that it is read once and not twice."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol, cast

from schemas.units import Unit

#: A Parquet file is read at several places; up to this size it is read into memory first, as a whole.
HELD_BYTES = 32 << 20
_CHUNK = 1 << 20


class _Bytes(Protocol):
    """A file as `open_bytes` gives it."""

    def readinto(self, buffer: memoryview) -> int | None: ...
    def seek(self, offset: int, whence: int = 0) -> int: ...
    def tell(self) -> int: ...
    def close(self) -> None: ...


class Digest:
    """The digest of a file's first `size` bytes, in order. Bytes that were added before are skipped."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.size = 0

    def add(self, offset: int, data: memoryview | bytes) -> None:
        """Adds what is new of bytes at an offset; nothing where bytes before them are missing."""
        end = offset + len(data)
        if offset <= self.size < end:
            self._sha256.update(memoryview(data)[self.size - offset :])
            self.size = end

    def hexdigest(self) -> str:
        """In hex digits."""
        return self._sha256.hexdigest()


class DigestedFile(io.RawIOBase):
    """A file whose bytes are added to a digest as they are read."""

    def __init__(self, file: _Bytes, digest: Digest) -> None:
        super().__init__()
        self._file, self._digest = file, digest
        self._position = file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = self._file.seek(offset, whence)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        size = self._file.readinto(view) or 0
        self._digest.add(self._position, view[:size])
        self._position += size
        return size

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


_reading = threading.local()


def is_read_whole(unit: Unit) -> bool:
    """True for a unit that covers its files from start to end, and is read in order or held in memory."""
    if unit.kind == "bytes":
        return unit.start == 0 and unit.end == unit.size
    if unit.kind == "row_group":
        return unit.end == 1 and unit.size <= HELD_BYTES
    return True


@contextlib.contextmanager
def digesting(paths: Sequence[str]) -> Iterator[dict[str, Digest]]:
    """Within the context, what this thread reads of these files is digested too: the digests by path.

    They may be incomplete at the end, as reading may stop at a fault: see `completed`.
    """
    digests = {path: Digest() for path in paths}
    before = getattr(_reading, "digests", None)
    _reading.digests = digests
    try:
        yield digests
    finally:
        _reading.digests = before


def digest_of(path: str) -> Digest | None:
    """The digest that reading a file now adds to; None where it is not wanted."""
    digests: dict[str, Digest] = getattr(_reading, "digests", None) or {}
    return digests.get(path)


def digested[File](path: str, file: File) -> File | DigestedFile:
    """The file that was opened at this path; its bytes are added to the digest that is wanted of it."""
    digest = digest_of(path)
    return file if digest is None else DigestedFile(cast(_Bytes, file), digest)


def completed(digest: Digest, file: _Bytes) -> Digest:
    """The digest of the whole file: reads on to its end, from where the digest ends."""
    file.seek(digest.size)
    buffer = memoryview(bytearray(_CHUNK))
    while size := file.readinto(buffer):
        digest.add(digest.size, buffer[:size])
    return digest
