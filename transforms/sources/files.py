"""Opens inputs (plain, gzip, zstd) and reads their lines with bounded memory."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import msgspec
import zstandard
from isal import igzip_lib, isal_zlib

_CHUNK = 1 << 19
#: Compressed bytes at a time: a zstd frame may swell by 32,768, a gzip member by 1,032.
_COMPRESSED_CHUNK = {"gzip": 64 << 10, "zstd": 8 << 10}
_HEAD_BYTES = 64 << 10
_DAMAGED: tuple[Any, ...] = (igzip_lib.IsalError, zstandard.ZstdError)
Buffered = io.BufferedReader | io.BytesIO
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line without its line end; `data` is None if it is longer than allowed."""

    number: int
    offset: int
    length: int
    data: bytes | None


class Lines(NamedTuple):
    """Consecutive lines, by column; `raw` includes line ends, None if a line is longer than allowed."""

    numbers: list[int]
    offsets: list[int]
    lengths: list[int]
    raw: list[bytes | None]


class Truncated(Exception):  # noqa: N818 - a state of the input, not an error of this program
    """The compressed stream ends early or is damaged; `at` is the offset in the decompressed bytes."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


def magic_of(path: str) -> bytes:
    """The first bytes of a file; empty for an empty one. Raises OSError."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - paths travel as strings
        return file.read(8)  # no more: what follows may be text


def compression_of(path: str) -> str | None:
    """gzip, zstd or None, detected from the first bytes. Raises OSError."""
    return _compression(magic_of(path))


def _compression(magic: bytes) -> str | None:
    if magic.startswith(_GZIP):
        return "gzip"
    return "zstd" if magic.startswith(_ZSTD) else None


def open_stream(file: str | int) -> io.BufferedReader:
    """The decompressed bytes of a file from its start. Raises OSError; reading may raise Truncated.

    A descriptor is duplicated, and stays open when the stream is closed.
    """
    raw: io.BufferedReader = io.BufferedReader(open_bytes(file), _CHUNK)
    kind = _compression(raw.peek(len(_ZSTD)))
    if kind is None:
        return raw
    return io.BufferedReader(_Decompressed(raw, kind), _CHUNK)


def open_bytes(file: str | int) -> io.FileIO:
    """The bytes of a file as they are, from its start: see `open_stream`."""
    if isinstance(file, str):
        return io.FileIO(file)
    os.lseek(file, 0, os.SEEK_SET)
    return io.FileIO(os.dup(file))


class _Decompressed(io.RawIOBase):
    """Concatenated gzip members or zstd frames as one stream, up to a cut or damage.

    Own code, because of the libraries' readers one drops the bytes before a cut, and the other takes a cut
    for the end of the file.
    """

    def __init__(self, compressed: IO[bytes], kind: str) -> None:
        self._compressed = compressed
        self._kind = kind
        self._decoder: Any = None
        self._rest = b""
        self._ready = memoryview(b"")
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._ready:
            self._ready = memoryview(self._more())
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        self._at += size
        return size

    def close(self) -> None:
        self._compressed.close()
        super().close()

    def _more(self) -> bytes:
        """The next bytes, none at a clean end; raises Truncated."""
        while True:
            data = self._rest or self._compressed.read(_COMPRESSED_CHUNK[self._kind])
            self._rest = b""
            if not data and self._decoder is None:
                return b""
            if self._decoder is None:
                data = data.lstrip(b"\0")  # tapes and copies pad archives with zeros
                if not data:
                    continue
                self._decoder = _decoder(self._kind)
            try:
                made: bytes = self._decoder.decompress(data) if data else b""
            except _DAMAGED:
                raise Truncated(self._at) from None
            if self._decoder.eof:
                self._rest, self._decoder = self._decoder.unused_data, None
            elif not data:
                raise Truncated(self._at)
            if made:
                return made


def _decoder(kind: str) -> Any:
    return (
        isal_zlib.decompressobj(wbits=31) if kind == "gzip" else zstandard.ZstdDecompressor().decompressobj()
    )


def is_binary(path: str) -> bool:
    """True for a file whose first 64 KiB are not text and contain no line of JSON. Raises OSError."""
    try:
        with open_stream(path) as file:
            head = file.read(_HEAD_BYTES)
    except Truncated:
        return False  # the reader reports the cut, and uses the lines before it
    *whole, tail = head.removeprefix(_BOM).split(b"\n")
    # A line longer than the head is recognized by its beginning; a power cut leaves NUL bytes around lines.
    if tail.lstrip(b"\0").startswith(b'{"') or any(is_json(line.strip(b"\0")) for line in whole):
        return False
    if b"\0" in head:
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_in_a_character = error.start >= len(head) - 3
        return not cut_in_a_character
    return False


def is_json(line: bytes) -> bool:
    """True for bytes that are one JSON value."""
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def lines(file: Buffered, start: int, end: int | None, max_bytes: int) -> Iterator[Line]:
    """The lines that begin in [start, end), numbered from 1 within the range, without blank lines.

    For start 0, `file` is at its beginning; else it is seeked. A line that contains `start` belongs to the
    range before. Holds one line and one chunk at most.
    """
    for some in blocks_of_lines(file, start, end, max_bytes):
        yield from each_line(some)


def bodies_of_lines(file: Buffered, max_bytes: int) -> Iterator[bytes | None]:
    """The lines of a file with their line ends, None for one that is too long, without blank lines."""
    for some in blocks_of_lines(file, 0, None, max_bytes):
        yield from some.raw


def each_line(some: Lines) -> Iterator[Line]:
    """The lines one by one."""
    return map(line_at, itertools.repeat(some), range(len(some.raw)))


def line_at(some: Lines, place: int) -> Line:
    """One of the lines."""
    raw = some.raw[place]
    data = None if raw is None else raw.rstrip(b"\r\n")
    return Line(some.numbers[place], some.offsets[place], some.lengths[place], data)


def blocks_of_lines(file: Buffered, start: int, end: int | None, max_bytes: int) -> Iterator[Lines]:
    """The same lines as `lines`, those of one chunk together."""
    offset, number = start, 1
    if start:
        file.seek(start - 1)
        offset = start - 1 + _skip_line(file)
    if end is not None and offset >= end:
        return
    for raw, lengths in _whole_lines(file, None if end is None else end - offset, max_bytes):
        offsets = list(itertools.accumulate(lengths, initial=offset))
        numbers = range(number, number + len(raw))
        unusual = (
            max(lengths) > max_bytes or any(map(bytes.isspace, raw)) or (offset == 0 and raw[0][:3] == _BOM)
        )
        number, offset = number + len(raw), offsets.pop()
        if unusual or (end is not None and offset > end):
            fitting = list(_fitting(zip(numbers, offsets, lengths, raw, strict=True), end, max_bytes))
            if fitting:
                yield Lines(*map(list, zip(*fitting, strict=True)))
        else:
            yield Lines(list(numbers), offsets, lengths, [*raw])
        if end is not None and offset >= end:
            return


def _fitting(
    found: Iterable[tuple[int, int, int, bytes]], end: int | None, max_bytes: int
) -> Iterator[tuple[int, int, int, bytes | None]]:
    """The lines that begin before `end` and are not blank; too long lines without their bytes."""
    for number, offset, length, raw in found:
        if end is not None and offset >= end:
            return
        if length > max_bytes + 2 or len(raw.rstrip(b"\r\n")) > max_bytes:
            yield number, offset, length, None
        elif (rest := raw.removeprefix(_BOM) if offset == 0 else raw).strip():
            yield number, offset, length, rest


def _whole_lines(file: Buffered, most: int | None, max_bytes: int) -> Iterator[tuple[list[bytes], list[int]]]:
    """The lines of each chunk with their line ends, and their lengths; reads little behind `most` bytes.

    A line that is longer than allowed may be incomplete.
    """
    begun: list[bytes] = []
    size = 0
    while chunk := file.read1(_CHUNK if most is None else min(_CHUNK, max(most, _HEAD_BYTES))):
        most = None if most is None else most - len(chunk)
        raw = io.BytesIO(chunk).readlines()  # finds line ends by memchr; bytes.split looks at every byte
        lengths = [*map(len, raw)]
        if begun:
            if size <= max_bytes + 2:
                begun.append(raw[0])
            size += lengths[0]
            if not raw[0].endswith(b"\n"):
                continue
            raw[0], lengths[0], begun = b"".join(begun), size, []
        if not chunk.endswith(b"\n"):
            begun, size = [raw.pop()], lengths.pop()
        if raw:
            yield raw, lengths
    if begun:
        yield [b"".join(begun)], [size]


def _skip_line(file: Buffered) -> int:
    skipped = 0
    while chunk := file.readline(_CHUNK):
        skipped += len(chunk)
        if chunk.endswith(b"\n"):
            break
    return skipped


def read_at(path: str, places: list[tuple[int, int]]) -> Iterator[bytes]:
    """The bytes at each (offset, length) of a plain file. Raises EOFError when the file is shorter now."""
    with open(path, "rb") as file:  # noqa: PTH123
        for offset, length in places:
            file.seek(offset)
            data = file.read(length)
            if len(data) != length:
                raise EOFError
            yield data
