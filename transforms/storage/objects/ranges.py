"""An object as a file: moves the ranges that are read, and reads ahead only in a stream."""

from __future__ import annotations

import errno
import io
from collections.abc import Buffer

from transforms.storage.contract import Stat
from transforms.storage.objects.bucket import Bucket, Mismatch

#: A request gets no more than this.
_MOST_BYTES = 32 << 20
_AHEAD_BYTES = 8 << 20
#: So many reads that follow each other are a stream. Columns of a row group that lie side by side are fewer.
_STREAM_READS = 3


class RangeFile(io.RawIOBase):
    """The bytes of one state of an object. OSError (ESTALE) if it is replaced in the meantime.

    From the third read on that begins where the one before it ended, it gets as much again as the stream
    has read, up to 8 MiB. Every other read is a request for its bytes alone.
    """

    def __init__(self, bucket: Bucket, key: str, stat: Stat, url: str) -> None:
        super().__init__()
        self._bucket, self._key, self._stat, self._url = bucket, key, stat, url
        self._position = 0
        self._data, self._start = b"", 0
        self._end_of_last, self._reads, self._streamed = -1, 0, 0

    def readable(self) -> bool:
        """See io."""
        return True

    def seekable(self) -> bool:
        """See io."""
        return True

    def tell(self) -> int:
        """See io."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See io."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._stat.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "negative position", self._url)
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """All the bytes asked for, fewer only at the end of the object."""
        if self.closed:
            raise ValueError("read of closed file")
        rest = max(0, self._stat.size - self._position)
        wanted = rest if size is None or size < 0 else min(size, rest)
        return self._bytes(wanted)

    def readall(self) -> bytes:
        """See io."""
        return self.read()

    def readinto(self, buffer: Buffer, /) -> int:
        """See io."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        """See io."""
        rest = max(0, self._stat.size - self._position)
        limit = rest if size is None or size < 0 else min(size, rest)
        parts: list[bytes] = []
        while limit:
            if not self._held():
                self._fill()
            offset = self._position - self._start
            end = self._data.find(b"\n", offset, offset + limit) + 1
            parts.append(self._take(end - offset if end else limit))
            limit = 0 if end else limit - len(parts[-1])
        return b"".join(parts)

    def _held(self) -> int:
        """How many bytes are held from here on."""
        offset = self._position - self._start
        return max(0, len(self._data) - offset) if offset >= 0 else 0

    def _take(self, size: int) -> bytes:
        """Up to this many of the bytes that are held from here on."""
        offset = self._position - self._start
        data = self._data[offset : offset + size]
        self._position += len(data)
        return data

    def _bytes(self, wanted: int) -> bytes:
        parts: list[bytes] = []
        while wanted:
            if not self._held():
                self._fill(wanted)
            parts.append(self._take(wanted))
            wanted -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _fill(self, wanted: int = 1 << 13) -> None:
        """Gets bytes from here on, which is not the end: at least `wanted`, as far as one request goes."""
        start = self._position
        self._reads = self._reads + 1 if start == self._end_of_last else 1
        self._streamed = self._streamed if self._reads > 1 else 0
        ahead = min(self._streamed, _AHEAD_BYTES) if self._reads >= _STREAM_READS else 0
        end = min(start + min(max(wanted, ahead), _MOST_BYTES), self._stat.size)
        try:
            data = self._bucket.get_range(self._key, start, end, self._stat.identity)
        except (Mismatch, FileNotFoundError):
            raise OSError(errno.ESTALE, "was replaced or removed while it was read", self._url) from None
        self._data, self._start = bytes(data), start
        if len(self._data) != end - start:
            raise OSError(errno.EIO, "the store sent fewer bytes than it has", self._url)
        self._end_of_last, self._streamed = end, self._streamed + end - start
