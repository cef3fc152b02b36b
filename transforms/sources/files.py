"""Opens inputs, on local disk or in an object store, and reads their lines with bounded memory."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from transforms.sources.decompress import COMPRESSION_BYTES, Decompressed, Truncated, compression_in
from transforms.sources.objects import KnownObject, ObjectFile, ObjectRanges, head_of, known_object, ranges_of
from transforms.sources.read_once import HELD_BYTES, DigestedFile, digest_of, digested
from transforms.storage.places import is_remote

_CHUNK = 1 << 19
_HEAD_BYTES = 64 << 10
_MAGIC_BYTES = 8
#: Files that are read at some places only, so their beginning is not read ahead.
_READ_BY_POSITION = (".parquet", ".zip")
#: Records of an object that are this near come with one request.
_GAP_BYTES = 128 << 10
#: A file that `opened` of file_state.py gives: a descriptor, or an object in its known state.
Opened = int | KnownObject
Buffered = io.BufferedReader | io.BytesIO
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


def magic_of(path: str) -> bytes:
    """The first bytes of a file; empty for an empty one. Raises OSError."""
    if is_remote(path):
        return head_of(known_object(path), _MAGIC_BYTES, alone=path.endswith(_READ_BY_POSITION))
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - paths travel as strings
        return file.read(_MAGIC_BYTES)  # no more: what follows may be text


def compression_of(path: str) -> str | None:
    """gzip, zstd or None, detected from the first bytes. Raises OSError."""
    return compression_in(magic_of(path))


def size_of(path: str) -> int:
    """The bytes of a file. Raises OSError."""
    return known_object(path).state.size if is_remote(path) else os.stat(path).st_size  # noqa: PTH116


def open_stream(file: str | Opened, ahead: int = _CHUNK) -> io.BufferedReader:
    """The decompressed bytes of a file from its start. Raises OSError; reading may raise Truncated.

    A descriptor is duplicated, and stays open when the stream is closed. `ahead`: bytes read at a time.
    """
    raw: io.BufferedReader = io.BufferedReader(open_bytes(file), ahead)
    kind = compression_in(raw.peek(COMPRESSION_BYTES))
    if kind is None:
        return raw
    return io.BufferedReader(Decompressed(raw, kind), ahead)


def open_range(path: str, start: int, end: int | None) -> io.BufferedReader:
    """As `open_stream`, to read from `start` on, and of a plain file (`end` is given) little behind `end`.

    The stream is at the beginning of the file.
    """
    if end is None or not is_remote(path):
        return open_stream(path)
    return io.BufferedReader(digested(path, ObjectFile(known_object(path), max(end, start))), _CHUNK)


def open_bytes(file: str | Opened) -> io.FileIO | ObjectFile | DigestedFile:
    """The bytes of a file as they are, from its start: see `open_stream`."""
    if isinstance(file, KnownObject):
        return ObjectFile(file)
    if isinstance(file, str):
        return digested(file, ObjectFile(known_object(file)) if is_remote(file) else io.FileIO(file))
    os.lseek(file, 0, os.SEEK_SET)
    return io.FileIO(os.dup(file))


def open_text(file: str | Opened) -> io.TextIOWrapper:
    """A file of UTF-8 text, with line ends as they are, for `csv`."""
    return io.TextIOWrapper(io.BufferedReader(open_bytes(file)), encoding="utf-8-sig", newline="")


def open_columns(file: str | Opened) -> Any:
    """A file for reads by position, as pyarrow takes it: of an object, no more is moved than is read.

    A small file whose digest is wanted is read into memory: see `read_once`.
    """
    if isinstance(file, str) and digest_of(file) is not None and size_of(file) <= HELD_BYTES:
        with open_bytes(file) as whole:
            return pa.BufferReader(whole.read())
    if isinstance(file, str) and not is_remote(file):
        return pa.OSFile(file)
    if isinstance(file, int):
        return open_bytes(file)
    return pa.PythonFile(ObjectRanges(known_object(file) if isinstance(file, str) else file), mode="r")


@contextlib.contextmanager
def open_archive(path: str) -> Iterator[zipfile.ZipFile]:
    """A zip archive; its members are read as streams. Raises OSError, zipfile.BadZipFile."""
    with contextlib.ExitStack() as stack:
        file: Any = path
        if is_remote(path) or digest_of(path) is not None:
            file = stack.enter_context(io.BufferedReader(open_bytes(path), _CHUNK))
        yield stack.enter_context(zipfile.ZipFile(file))


def is_binary(path: str) -> bool:
    """True for a file whose first 64 KiB are not text and contain no line of JSON. Raises OSError."""
    try:
        with open_stream(path, _HEAD_BYTES) as file:
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


def read_at(path: str, places: Sequence[tuple[int, int]], gap: int = _GAP_BYTES) -> Iterator[bytes]:
    """The bytes at each (offset, length) of a plain file. Raises EOFError when the file is shorter now.

    Of an object, places come with one request if up to `gap` bytes are between them.
    """
    if is_remote(path):
        yield from ranges_of(known_object(path), places, gap)
        return
    with open(path, "rb") as file:  # noqa: PTH123
        for offset, length in places:
            file.seek(offset)
            data = file.read(length)
            if len(data) != length:
                raise EOFError
            yield data
