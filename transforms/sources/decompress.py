"""Decompresses gzip and zstd as a stream, up to a cut or damage."""

from __future__ import annotations

import io
from typing import IO, Any

import zstandard
from isal import igzip_lib, isal_zlib

#: Compressed bytes at a time: a zstd frame may swell by 32,768, a gzip member by 1,032.
_COMPRESSED_CHUNK = {"gzip": 64 << 10, "zstd": 8 << 10}
_DAMAGED: tuple[Any, ...] = (igzip_lib.IsalError, zstandard.ZstdError)
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
#: The bytes that `compression_in` needs.
COMPRESSION_BYTES = len(_ZSTD)


class Truncated(Exception):  # noqa: N818 - a state of the input, not an error of this program
    """The compressed stream ends early or is damaged; `at` is the offset in the decompressed bytes."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


def compression_in(magic: bytes) -> str | None:
    """gzip, zstd or None, detected from the first bytes."""
    if magic.startswith(_GZIP):
        return "gzip"
    return "zstd" if magic.startswith(_ZSTD) else None


class Decompressed(io.RawIOBase):
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
