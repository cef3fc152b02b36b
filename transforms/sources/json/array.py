"""The elements of a JSON array as bytes, read as a stream; a malformed element does not affect others.

Own code: exports are arrays of hundreds of MB on one line, and no JSON library in use reads an array in
bounded memory and continues behind a damaged element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from transforms.sources.files import is_json
from transforms.sources.json.element_ends import element_ends
from transforms.sources.json.resync import Beginnings

_CHUNK = 1 << 20
#: Bytes searched at once for the ends of elements.
_WINDOW = 1 << 20
#: Up to the next bracket outside of strings; up to the next bracket or comma.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_TO_COMMA = re.compile(rb'(?:[^"{}\[\],]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_IN_STRING = re.compile(rb"(?:[^\"\\]++|\\.)*+", re.DOTALL)
_OPENING = b"[{"
#: What may follow the array: nothing in a file of its own, the object's end or its next field in an object.
_ENDS_FILE = re.compile(rb"\s*\Z")
_ENDS_FIELD = re.compile(rb'\s*(?:\Z|\}|,\s*(?:"|\Z))')
_BETWEEN = b" \t\r\n,]"
#: Enough for a key, its quotes, a colon and white space.
_TAIL_BYTES = 256


class Element(NamedTuple):
    """An element; `data` is None if it is longer than allowed."""

    length: int
    data: bytes | None


class ArrayCut(Exception):  # noqa: N818 - a state of the input, not an error of this program
    """The array does not end, or something follows it."""


def elements(file: IO[bytes], max_bytes: int, key: bytes | None = None) -> Iterator[Element]:
    """Every element of the array in `file`, or of the array under `key` of the object in `file`.

    Holds three times `max_bytes` and a chunk at most. If an element does not close, or closes too early,
    reading continues where bytes begin like an earlier element. Raises ArrayCut after the last whole element
    if there is no such place, and KeyError if the key is missing or holds no array.
    """
    scan = _Scan(file, max_bytes)
    if key is not None and not scan.find(key):
        raise KeyError
    if key is None:
        scan.enter()
    ends = _ENDS_FILE if key is None else _ENDS_FIELD
    before: Element | None = None  # returned once the bytes behind it show that it ended there
    found = scan.array()
    while True:
        element, behind = None, b"]"
        try:
            element = next(found, None)
            if element is not None:
                behind = (element.data or b"") + b","
        except ArrayCut:
            behind = scan.begun()
        else:
            if element is None and ends.match(scan.rest()):
                break
        between = None
        if element is None or not scan.beginnings.fit(element.data):
            between, before = _restarted(scan, before, behind)
        if before is not None:
            yield before
        before = element if between is None else None
        if between is not None:
            broken = between.strip(_BETWEEN)
            if broken or element is not None:
                yield Element(len(broken), broken)
            found = scan.array()
        elif scan.damaged:  # no element begins here, but one may end here
            scan.plain = scan.damaged = False
            found = scan.array()
        elif element is None:
            raise ArrayCut
    if before is not None:
        yield before


def _restarted(scan: _Scan, before: Element | None, behind: bytes) -> tuple[bytes | None, Element | None]:
    """The bytes skipped to reach the next element (None if there is none), and what is left of `before`.

    If `before` is not JSON it ended too early, and the next element may begin inside it.
    """
    if before is None or before.data is None or is_json(before.data):
        return scan.restart(behind), before
    joint = b"" if behind == b"]" else b","
    between = scan.restart(before.data + joint + behind)
    return between, before if between is None else None


class _Scan:
    """A position in the stream.

    `_kept`: the element's bytes before the buffer; None if there are too many. `_tail`: the last of them.
    `plain`: search by window. `damaged`: the window is not well formed.
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
        self.damaged = False
        self.plain = True
        self._again = b""
        #: Bytes that may be scanned again: limits the time for a file of nothing but beginnings.
        self._patience = 8 * max(max_bytes, _CHUNK)
        self.beginnings = Beginnings()

    def enter(self) -> None:
        """Moves behind the bracket that opens the outermost value."""
        self._to(_TO_BRACKET)
        self._at += 1
        self._mark()

    def find(self, key: bytes) -> bool:
        """Moves behind the bracket that opens the array under `key` of the object; False if there is none."""
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
            if self.damaged:
                raise ArrayCut
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
        """Some of the bytes that follow."""
        if self._at == len(self._buffer):
            self._buffer, self._at = self._read(_CHUNK), 0
            self._mark()
        return self._buffer[self._at :]

    def begun(self) -> bytes:
        """The bytes scanned of an element that did not end; empty if it was too long to keep."""
        return b"" if self._kept is None else b"".join(self._kept) + self._buffer[self._start : self._at]

    def restart(self, prefix: bytes) -> bytes | None:
        """Moves to the next beginning of an element in `prefix`, or in the bytes behind it.

        Returns the bytes before that element; None, without moving, if there is none.
        """
        pattern, ahead = self.beginnings.pattern, prefix + self._buffer[self._at :] + self._again
        if pattern is None:
            return None
        first = len(ahead) - len(ahead.lstrip()) + 1
        found = pattern.search(ahead, first)
        while found is None and len(ahead) <= self._max and (more := self._file.read(len(ahead) + _CHUNK)):
            ahead += more
            found = pattern.search(ahead, first)
        self._patience -= len(prefix) if found else 0
        if found is None or self._patience < 0:
            self._again = ahead[len(prefix) + len(self._buffer) - self._at :]
            return None
        self._buffer, self._at, self._again, self.damaged = b"", 0, ahead[found.start() :], False
        self._mark()
        return ahead[: found.start()]

    def _many(self) -> Iterator[Element]:
        """The elements that end with a comma inside a window, window by window.

        Very long, malformed and last elements are left to `_element`.
        """
        while self.plain:
            self._buffer = self._buffer[self._at :] + self._read(_WINDOW)
            self._at = 0
            commas, well_formed = element_ends(self._buffer)
            for comma in commas:
                length = comma - self._at
                data = self._buffer[self._at : comma] if length <= self._max else None
                self._at = comma + 1
                self._mark()
                yield Element(length, data)
            self._mark()
            if not commas:
                self.damaged = not well_formed and self.beginnings.pattern is not None
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
        """Moves to the byte at which the pattern ends, and returns it; strings may span chunks."""
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
        """Reads a chunk and moves the scanned bytes to `_kept`. Raises ArrayCut at the end of the file."""
        chunk = self._read(_CHUNK)
        if not chunk:
            raise ArrayCut
        scanned = self._buffer[self._start : self._at]
        self._tail = (self._tail + scanned)[-_TAIL_BYTES:]
        self._buffer = self._buffer[self._at :] + chunk
        self._at = self._start = 0
        self._keep(scanned)

    def _read(self, size: int) -> bytes:
        """The next bytes; those to be scanned again come first."""
        data, self._again = self._again[:size], self._again[size:]
        return data or self._file.read(size)

    def _keep(self, data: bytes) -> None:
        """Keeps bytes of the element unless it is too long; raises ArrayCut if they contain another."""
        self._length += len(data)
        if self._kept is None:
            return
        self._kept.append(data)
        if self._length > self._max:
            pattern, kept = self.beginnings.pattern, b"".join(self._kept)
            if pattern and self._patience > 0 and pattern.search(kept, len(kept) - len(kept.lstrip()) + 1):
                raise ArrayCut
            self._kept = None

    def _mark(self) -> None:
        self._start = self._at
        self._kept, self._length, self._tail = [], 0, b""

    def _take(self) -> Element:
        scanned = self._buffer[self._start : self._at]
        self._start = self._at
        self._keep(scanned)
        found = Element(self._length, None if self._kept is None else b"".join(self._kept))
        self._at += 1
        self._mark()
        return found
