"""The elements of a JSON array as raw bytes, read as a stream: one that is malformed spoils no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from transforms.sources.json_commas import commas_of

_CHUNK = 1 << 20
#: Bytes in which the elements' ends are looked for all at once.
_WINDOW = 1 << 20
#: Up to the next bracket, strings included; and the same up to a comma as well.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_TO_COMMA = re.compile(rb'(?:[^"{}\[\],]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_IN_STRING = re.compile(rb"(?:[^\"\\]++|\\.)*+", re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_OPENING = b"[{"
#: Enough for a key, its quotes, a colon and white space.
_TAIL_BYTES = 256


class Element(NamedTuple):
    """An element; `data` None: it is longer than allowed and was not kept."""

    length: int
    data: bytes | None


class ArrayCut(Exception):  # noqa: N818 - a state of the input, not a fault of ours
    """The array does not end, or something follows it."""


def first_byte(file: IO[bytes]) -> bytes:
    """The first byte that is neither white space nor a byte order mark; empty at the end."""
    start = file.read(len(_BOM))
    start = start.removeprefix(_BOM).lstrip()
    while not start and (chunk := file.read(_CHUNK)):
        start = chunk.lstrip()
    return start[:1]


def elements(file: IO[bytes], max_bytes: int, key: bytes | None = None) -> Iterator[Element]:
    """Every element of the array that `file` holds, or that stands under `key` of the object it holds.

    No more than `max_bytes` and a chunk is held. Raises ArrayCut after the last whole element, and
    KeyError if there is no such key or no array under it.
    """
    scan = _Scan(file, max_bytes)
    if key is not None and not scan.find(key):
        raise KeyError
    if key is None:
        scan.enter()
    yield from scan.array()
    if key is None and scan.rest().strip():
        raise ArrayCut


class _Scan:
    """A place in the stream.

    `_kept` are the element's bytes before the buffer, None once there are too many; `_tail` the last of them.
    """

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file = file
        self._max = max_bytes
        self._buffer = b""
        self._at = 0
        self._start = 0
        self._kept: list[bytes] | None = []
        self._length = 0
        self._tail = b""
        self._plain = True

    def enter(self) -> None:
        """To behind the bracket that opens the outermost value."""
        self._to(_TO_BRACKET)
        self._at += 1
        self._mark()

    def find(self, key: bytes) -> bool:
        """To behind the bracket of the array under `key` of the outermost object, if there is one."""
        self.enter()
        pattern = re.compile(rb'"' + re.escape(key) + rb'"\s*:\s*\Z')
        depth = 1
        try:
            while depth:
                byte = self._to(_TO_BRACKET)
                head = (self._tail + self._buffer[self._start : self._at])[-_TAIL_BYTES:]
                self._at += 1
                self._mark()
                if byte == b"[" and depth == 1 and pattern.search(head):
                    return True
                depth += 1 if byte in _OPENING else -1
        except ArrayCut:
            return False
        return False

    def array(self) -> Iterator[Element]:
        """The elements up to the bracket that closes the array; raises ArrayCut if there is none."""
        self._mark()
        any_before = False
        while True:
            for found in self._many():
                any_before = True
                yield found
            byte = self._element()
            found = self._take()
            blank = found.data is not None and not found.data.strip()
            if byte == b"]" and blank and not any_before:
                return
            any_before = True
            yield found
            if byte == b"]":
                return

    def rest(self) -> bytes:
        """A little of what follows."""
        return self._buffer[self._at :] or self._file.read(_CHUNK)

    def _many(self) -> Iterator[Element]:
        """The elements that end with a comma within a window, window by window, while there are any.

        What is odd is left to be scanned byte by byte: very long elements, the last one, malformed ones.
        """
        while self._plain:
            self._buffer = self._buffer[self._at :] + self._file.read(_WINDOW)
            self._at = 0
            commas = commas_of(self._buffer)
            self._plain = commas is not None
            for comma in commas or ():
                length = comma - self._at
                data = self._buffer[self._at : comma] if length <= self._max else None
                self._at = comma + 1
                self._mark()
                yield Element(length, data)
            self._mark()
            if not commas:
                return

    def _element(self) -> bytes:
        depth = 0
        while True:
            byte = self._to(_TO_BRACKET if depth else _TO_COMMA)
            if depth == 0 and byte in b",]":
                return byte
            depth += 1 if byte in _OPENING else -1
            if depth < 0:
                raise ArrayCut
            self._at += 1

    def _to(self, pattern: re.Pattern[bytes]) -> bytes:
        """The byte at which the pattern ends, and stands on it; strings may span chunks."""
        while True:
            found = pattern.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                byte = self._buffer[self._at : self._at + 1]
                if byte != b'"':
                    return byte
                self._at += 1
                self._end_of_string()
            else:
                self._more()

    def _end_of_string(self) -> None:
        while True:
            found = _IN_STRING.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._buffer[self._at : self._at + 1] == b'"':
                self._at += 1
                return
            self._more()

    def _more(self) -> None:
        """A further chunk; what is scanned of the element moves to `_kept`. Raises ArrayCut at the end."""
        chunk = self._file.read(_CHUNK)
        if not chunk:
            raise ArrayCut
        scanned = self._buffer[self._start : self._at]
        self._keep(scanned)
        self._tail = (self._tail + scanned)[-_TAIL_BYTES:]
        self._buffer = self._buffer[self._at :] + chunk
        self._at = self._start = 0

    def _keep(self, data: bytes) -> None:
        self._length += len(data)
        if self._length > self._max:
            self._kept = None
        elif self._kept is not None:
            self._kept.append(data)

    def _mark(self) -> None:
        self._start = self._at
        self._kept, self._length, self._tail = [], 0, b""

    def _take(self) -> Element:
        self._keep(self._buffer[self._start : self._at])
        found = Element(self._length, None if self._kept is None else b"".join(self._kept))
        self._at += 1
        self._mark()
        return found
