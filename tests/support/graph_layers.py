"""Everything that is written in a serialised graph or in its shuffle: each layer of the data, decoded."""

from __future__ import annotations

import base64
import binascii
import bz2
import lzma
import pickletools
import re
import zlib
from collections.abc import Callable, Iterator

import pyarrow as pa

#: Where a compressed layer may begin, and how it is decompressed; what follows its end is ignored.
_COMPRESSED: tuple[tuple[bytes, Callable[[], object]], ...] = (
    (b"BZh", bz2.BZ2Decompressor),
    (b"\x78\x01", zlib.decompressobj),
    (b"\x78\x5e", zlib.decompressobj),
    (b"\x78\x9c", zlib.decompressobj),
    (b"\x78\xda", zlib.decompressobj),
    (b"\x1f\x8b\x08", lambda: zlib.decompressobj(wbits=31)),
    (b"\xfd7zXZ", lzma.LZMADecompressor),
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
_DEEPEST = 8


def layers(data: bytes) -> Iterator[bytes]:
    """The data, and all that is found in it, decoded in turn.

    Found are compressed, base64, hex and pickled data, and tables as Arrow streams.
    """
    seen = {data}
    pending = [(data, 0)]
    while pending:
        layer, depth = pending.pop()
        yield layer
        if depth < _DEEPEST:
            inner = {*_decompressed(layer), *_decoded(layer), *_unpickled(layer), *_tables(layer)} - seen
            seen |= inner
            pending += [(each, depth + 1) for each in inner]


def places_of(needles: dict[str, bytes], data: bytes) -> set[str]:
    """The names of the needles that any layer of the data has, as they are, in hex or base64, in any case."""
    spellings = {
        name: {needle.lower(), needle.hex().encode(), *(_base64_of(needle, n) for n in range(3))}
        for name, needle in needles.items()
    }
    found: set[str] = set()
    for layer in layers(data):
        lower = layer.lower()
        found |= {name for name, forms in spellings.items() if any(form in lower for form in forms)}
    return found


def _base64_of(needle: bytes, before: int) -> bytes:
    """What base64 of a text with the needle has, in lower case, after `before` other bytes modulo 3."""
    text = base64.b64encode(bytes(before) + needle).lower()
    return text[(4 * before + 2) // 3 : (before + len(needle)) * 4 // 3]


def _decompressed(data: bytes) -> Iterator[bytes]:
    for mark, make in _COMPRESSED:
        at = data.find(mark)
        while at >= 0:
            try:
                found = make().decompress(data[at:])  # type: ignore[attr-defined]
            except (OSError, zlib.error, lzma.LZMAError, EOFError):
                found = b""
            if len(found) > 4:
                yield found
            at = data.find(mark, at + 1)


def _tables(data: bytes) -> Iterator[bytes]:
    """Each Arrow stream, written again without compression."""
    at = data.find(b"\xff\xff\xff\xff")
    while at >= 0:
        try:
            with pa.ipc.open_stream(data[at:]) as reader:
                table = reader.read_all()
        except (pa.ArrowException, OSError):
            table = None
        if table is not None:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            yield sink.getvalue().to_pybytes()
        at = data.find(b"\xff\xff\xff\xff", at + 4)


def _decoded(data: bytes) -> Iterator[bytes]:
    for run in _BASE64.findall(data):
        text = run.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = text[start : start + (len(text) - start) // 4 * 4] if start else text
            try:
                yield base64.b64decode(part + b"=" * (-len(part) % 4))
            except binascii.Error:
                continue
    for digits in _HEX.findall(data):
        yield bytes.fromhex(digits.decode())


def _unpickled(data: bytes) -> Iterator[bytes]:
    """The bytes of each argument in the pickles that the data has: older protocols write bytes as text."""
    at = data.find(b"\x80")
    while 0 <= at < len(data) - 1:
        if 2 <= data[at + 1] <= 5:
            try:
                for _, argument, _ in pickletools.genops(data[at:]):
                    if isinstance(argument, str) and len(argument) > 4:
                        yield argument.encode("utf-8", "surrogatepass")
                        if not argument.isascii() and max(argument) <= "\xff":
                            yield argument.encode("latin-1")
                    elif isinstance(argument, bytes | bytearray) and len(argument) > 4:
                        yield bytes(argument)
                    elif isinstance(argument, int) and argument.bit_length() > 64:
                        yield argument.to_bytes(argument.bit_length() // 8 + 1, "big", signed=True)
            except (ValueError, IndexError, UnicodeDecodeError):
                pass
        at = data.find(b"\x80", at + 1)
