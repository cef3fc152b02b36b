"""What a file of JSON begins with: an array, an object, or something else."""

from __future__ import annotations

from typing import IO

_CHUNK = 1 << 20
_BOM = b"\xef\xbb\xbf"


def first_byte(file: IO[bytes]) -> bytes:
    """The first byte that is neither white space nor a byte order mark; empty at the end."""
    start = file.read(len(_BOM))
    start = start.removeprefix(_BOM).lstrip()
    while not start and (chunk := file.read(_CHUNK)):
        start = chunk.lstrip()
    return start[:1]
