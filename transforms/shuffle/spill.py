"""Blobs put on disk while a shuffle carries only where they lie: a local shuffle is held in memory.

What is spilled is keyed digests, instants and the places of records; as file names can be personal, it is
encrypted under a key that lives in the memory of the run alone. What a killed run leaves behind is noise.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path
from typing import IO

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: No Arrow stream begins with it: they begin with four bytes of ones.
_MARK = b"@"
_NONCE_BYTES = 12
#: A smaller blob costs less in the shuffle than its pointer would save.
_LEAST_BYTES = 1024
_LOCK = threading.Lock()
_FILES: dict[tuple[int, str], IO[bytes]] = {}


class _Pointer(msgspec.Struct, frozen=True, array_like=True):
    file: str
    offset: int
    length: int


@dataclasses.dataclass(frozen=True)
class Spill:
    """A folder that a run may put blobs in; `key` is 32 random bytes, made for this run and kept nowhere.

    Every process appends to a file of its own. A retried bundle writes its blobs again, and those of the
    first try are never read.
    """

    folder: str
    key: bytes

    @classmethod
    def below(cls, staging: str) -> Spill:
        """A spill in the staging folder of a run, under a fresh key."""
        return cls(str(Path(staging) / "spill"), AESGCM.generate_key(256))

    def put(self, blob: bytes) -> bytes:
        """A pointer to the blob, or the blob itself if it is small."""
        if len(blob) < _LEAST_BYTES:
            return blob
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + AESGCM(self.key).encrypt(nonce, blob, None)
        with _LOCK:
            file = self._file()
            offset = file.tell()
            file.write(sealed)
            file.flush()
        return _MARK + msgspec.json.encode(_Pointer(file.name, offset, len(sealed)))

    def get(self, blob: bytes) -> bytes:
        """The blob that `put` was given."""
        if not blob.startswith(_MARK):
            return blob
        pointer = _pointer(blob)
        with Path(pointer.file).open("rb") as file:
            file.seek(pointer.offset)
            sealed = file.read(pointer.length)
        return AESGCM(self.key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)

    def _file(self) -> IO[bytes]:
        process = (os.getpid(), self.folder)
        if process not in _FILES:
            for file in _FILES.values():  # of runs that are over
                file.close()
            _FILES.clear()
            folder = Path(self.folder)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _FILES[process] = (folder / f"{os.getpid()}-{os.urandom(4).hex()}").open("ab")
        return _FILES[process]


def put(spill: Spill | None, blob: bytes) -> bytes:
    """The blob as it travels: spilled where there is a spill."""
    return spill.put(blob) if spill else blob


def size_of(blob: bytes) -> int:
    """Bytes of a blob, or of what it points to."""
    return _pointer(blob).length if blob.startswith(_MARK) else len(blob)


def _pointer(blob: bytes) -> _Pointer:
    return msgspec.json.decode(blob[len(_MARK) :], type=_Pointer)
