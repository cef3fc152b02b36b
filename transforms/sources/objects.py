"""Inputs in object stores: read by ranges, from one state of an object, and little more than is needed."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import errno
import functools
import io
import itertools
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.errors import PipelineError, StoreError
from transforms.storage.places import read_range, stat_file

#: A stream gets the beginning of an object with its first request, and then four times as much with each.
_HEAD_BYTES, _MOST_BYTES = 256 << 10, 8 << 20
#: Beginnings that a process keeps: a format is detected, planned and read in steps that begin anew.
_HEADS = 16
#: Requests of one reader at the same time.
_AT_ONCE = 4


class Stored(NamedTuple):
    """The state of an object: its size in bytes, and its ETag or generation."""

    size: int
    identity: str


class KnownObject(NamedTuple):
    """An object that is read in a known state only."""

    path: str
    state: Stored


_lock = threading.Lock()
_expected: dict[str, list[Stored]] = {}
_heads: collections.OrderedDict[KnownObject, bytes] = collections.OrderedDict()


@contextlib.contextmanager
def expecting(paths: Sequence[str], states: Sequence[tuple[int, str]]) -> Iterator[None]:
    """Within the context, these objects are read in these states. No states: for files on local disk."""
    named = list(zip(paths, itertools.starmap(Stored, states), strict=True)) if states else []
    with _lock:
        for path, state in named:
            _expected.setdefault(path, []).append(state)
    try:
        yield
    finally:
        with _lock:
            for path, state in named:
                _expected[path].remove(state)
                if not _expected[path]:
                    del _expected[path]


def known_object(path: str) -> KnownObject:
    """The object in the state that is expected, else in that which it has now; raises OSError."""
    with _lock:
        states = _expected.get(path)
        if states:
            return KnownObject(path, states[-1])
    found = stat_file(path)
    return KnownObject(path, Stored(found.size, found.identity))


def head_of(known: KnownObject, size: int, alone: bool) -> bytes:
    """The first bytes of an object; `alone`: what follows them is not needed soon."""
    return _range(known, 0, size) if alone else _head(known)[:size]


class ObjectFile(io.RawIOBase):
    """An object as a stream that can be positioned.

    `end`: no request reads ahead over this offset. Raises PipelineError if the object is not in its known
    state any more, StoreError if it cannot be read.
    """

    def __init__(self, known: KnownObject, end: int | None = None) -> None:
        super().__init__()
        self._known = known
        self._end = known.state.size if end is None else end
        self._position = self._start = 0
        self._window = memoryview(b"")
        #: The bytes of the first request; a range that is known is read whole.
        self._first = self._ahead = _HEAD_BYTES if end is None else _MOST_BYTES

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._known.state.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def size(self) -> int:
        """The object's bytes."""
        return self._known.state.size

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """The bytes that are held from the position on, fewer than fit where a request ends."""
        held = self._window[max(0, self._position - self._start) :]
        if not held or self._position < self._start:
            held = self._window = self._filled(len(buffer))
            self._start = self._position
        size = min(len(buffer), len(held))
        buffer[:size] = held[:size]
        self._position += size
        return size

    def _filled(self, wanted: int) -> memoryview:
        """Bytes from the position on: more than are wanted in a stream, fewer at its end."""
        start = self._position
        if start == 0 and self._end >= min(_HEAD_BYTES, self._known.state.size):
            self._ahead = max(self._first, 4 * _HEAD_BYTES)
            return memoryview(_head(self._known))
        ahead = self._ahead if start == self._start + len(self._window) else self._first
        self._ahead = min(_MOST_BYTES, 4 * ahead)
        within = min(ahead, self._end - start)
        return memoryview(_range(self._known, start, start + (within if within > 0 else wanted)))


class ObjectRanges(ObjectFile):
    """An object of which only the bytes are moved that are asked for."""

    def read(self, size: int = -1, /) -> bytes:
        """The bytes from the position on, fewer only at the end of the object."""
        end = self._known.state.size if size < 0 else self._position + size
        data = _range(self._known, self._position, end)
        self._position += len(data)
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def ranges_of(known: KnownObject, places: Sequence[tuple[int, int]], gap: int) -> Iterator[bytes]:
    """The bytes at each (offset, length), ascending; places with a gap up to `gap` come with one request.

    Several requests are under way at once. Raises EOFError for a place behind the end.
    """
    groups = list(_near(places, gap))
    if any(sum(group[-1]) > known.state.size for group in groups):
        raise EOFError
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as threads:
        for some in itertools.batched(groups, _AT_ONCE):
            fetch = threads.map if len(some) > 1 else map
            for group, data in zip(some, fetch(functools.partial(_whole, known), some), strict=True):
                start = group[0][0]
                for offset, length in group:
                    yield data[offset - start : offset - start + length]


def _near(places: Sequence[tuple[int, int]], gap: int) -> Iterator[list[tuple[int, int]]]:
    """The places in groups, each to be read with one request."""
    group: list[tuple[int, int]] = []
    for offset, length in places:
        near = bool(group) and 0 <= offset - sum(group[-1]) <= gap
        if group and not (near and offset + length - group[0][0] <= _MOST_BYTES):
            yield group
            group = []
        group.append((offset, length))
    if group:
        yield group


def _whole(known: KnownObject, group: Sequence[tuple[int, int]]) -> bytes:
    return _range(known, group[0][0], sum(group[-1]))


def _head(known: KnownObject) -> bytes:
    if not known.state.identity:
        return _range(known, 0, _HEAD_BYTES)  # another object of this size would not be told apart
    with _lock:
        if known in _heads:
            _heads.move_to_end(known)
            return _heads[known]
    data = _range(known, 0, _HEAD_BYTES)
    with _lock:
        _heads[known] = data
        while len(_heads) > _HEADS:
            _heads.popitem(last=False)
    return data


def _range(known: KnownObject, start: int, end: int) -> bytes:
    """The bytes of the range as far as the object goes; raises PipelineError."""
    try:
        data = read_range(known.path, start, min(end, known.state.size), known.state.identity)
        return data if isinstance(data, bytes) else bytes(data)
    except OSError as error:
        bucket = "/".join(known.path.split("/", 3)[:3])  # the rest of a name may identify a person
        if error.errno == errno.ESTALE:
            raise PipelineError(
                f"{bucket}: an object changed while it was read; nothing was committed; run again"
            ) from None
        why = error.strerror or type(error).__name__
        raise StoreError(
            f"{bucket}: an object cannot be read ({why}); nothing was committed; run again"
        ) from None
