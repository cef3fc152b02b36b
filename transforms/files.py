"""Opening inputs: plain, gzip and zstd bytes, and their lines with bounded memory."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import zstandard
from isal import igzip

from schemas.errors import InputError

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class Line(NamedTuple):
    """A line without its end; `data` None: it is longer than allowed and was not kept."""

    number: int
    offset: int
    length: int
    data: bytes | None


class Truncated(Exception):  # noqa: N818 - a state of the input, not a fault of ours
    """The compressed stream ends early or is damaged; `at` is the offset in the decompressed bytes."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


def magic_of(path: str) -> bytes:
    """The first bytes of a file; empty for an empty one. Raises OSError."""
    with open(path, "rb") as file:  # noqa: PTH123 - paths travel as strings
        return file.read(8)


def compression_of(path: str) -> str | None:
    """gzip, zstd or None, by the bytes and not by the name. Raises OSError."""
    magic = magic_of(path)
    if magic.startswith(_GZIP):
        return "gzip"
    return "zstd" if magic.startswith(_ZSTD) else None


def open_stream(path: str) -> IO[bytes]:
    """The decompressed bytes of a file from its start. Raises OSError; reading may raise Truncated."""
    kind = compression_of(path)
    raw = open(path, "rb")  # noqa: PTH123, SIM115 - the reader that is returned closes it
    if kind == "gzip":
        return io.BufferedReader(_Whole(igzip.open(raw, "rb")), _CHUNK)  # type: ignore[no-untyped-call]
    if kind == "zstd":
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=True)
        return io.BufferedReader(_Whole(reader, raw), _CHUNK)
    return raw


class _Whole(io.RawIOBase):
    """A decompressor that tells a damaged or cut stream by Truncated, whatever the library raises."""

    def __init__(self, inner: Any, compressed: IO[bytes] | None = None) -> None:
        self._inner = inner
        self._compressed = compressed
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read(len(buffer))
        except (EOFError, OSError, zlib.error, igzip.BadGzipFile, zstandard.ZstdError):
            raise Truncated(self._at) from None
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


def lines(file: IO[bytes], start: int, end: int | None, max_bytes: int) -> Iterator[Line]:
    """The lines that begin in [start, end), numbered from 1 within the range; blank ones are left out.

    `file` stands at the beginning of its data for start 0; else it is seeked. A line that is cut by `start`
    belongs to the range before. No more than a line and a chunk is held.
    """
    offset = start
    if start:
        file.seek(start - 1)
        skipped = _skip_line(file)
        offset = start - 1 + skipped
    number = 0
    while end is None or offset < end:
        data = file.readline(max_bytes + 2)
        if not data:
            return
        length = len(data)
        too_long = len(data.rstrip(b"\r\n")) > max_bytes
        if not data.endswith(b"\n") and length >= max_bytes + 2:
            length += _skip_line(file)
        number += 1
        body = data.rstrip(b"\r\n")
        if offset == 0:
            body = body.removeprefix(b"\xef\xbb\xbf")
        if too_long:
            yield Line(number, offset, length, None)
        elif body.strip():
            yield Line(number, offset, length, body)
        offset += length


def _skip_line(file: IO[bytes]) -> int:
    skipped = 0
    while chunk := file.readline(_CHUNK):
        skipped += len(chunk)
        if chunk.endswith(b"\n"):
            break
    return skipped


def read_at(path: str, places: list[tuple[int, int]]) -> Iterator[bytes]:
    """The bytes at each (offset, length) of a plain file. Raises InputError when the file is shorter now."""
    with open(path, "rb") as file:  # noqa: PTH123
        for offset, length in places:
            file.seek(offset)
            data = file.read(length)
            if len(data) != length:
                raise InputError(f"{path}: changed while it was read; run again on settled files")
            yield data
