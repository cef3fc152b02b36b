"""Writes blobs to disk, so that a local shuffle, which is in memory, carries only pointers.

Blobs hold keyed digests, instants and the places of records. File names can be personal, so blobs are
encrypted with a key that is derived from the key and the salt of the run (`transforms.shuffle.run_key`).
Without both, files of a killed run cannot be decrypted; the salt is stored nowhere.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transforms.shuffle.run_key import RunKey
from transforms.storage.scratch import ScratchFile

#: Marks a pointer. An Arrow stream begins with four bytes 0xFF, never with this.
_MARK = b"@"
_NONCE_BYTES = 12
#: A smaller blob stays in the shuffle: a pointer would save little.
_LEAST_BYTES = 1024
_LOCK = threading.Lock()
_FILES: dict[tuple[int, str], ScratchFile] = {}


class _Pointer(msgspec.Struct, frozen=True, array_like=True):
    file: str
    offset: int
    length: int


@dataclasses.dataclass(frozen=True)
class Spill:
    """A folder for the blobs of one run, encrypted under a key derived from the run's.

    Every process appends to a file of its own. A retried bundle writes its blobs again; the blobs of the
    first attempt are never read.
    """

    folder: str
    run_key: RunKey

    @classmethod
    def below(cls, folder: str, run_key: RunKey) -> Spill:
        """A spill in a private local folder of a run."""
        return cls(str(Path(folder) / "spill"), run_key)

    def put(self, blob: bytes) -> bytes:
        """A pointer to the blob, or the blob itself if it is small."""
        if len(blob) < _LEAST_BYTES:
            return blob
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher().encrypt(nonce, blob, None)
        with _LOCK:
            file = self._file()
            offset = file.append(sealed)
        return _MARK + msgspec.json.encode(_Pointer(file.path, offset, len(sealed)))

    def get(self, blob: bytes) -> bytes:
        """The blob that `put` was given."""
        if not blob.startswith(_MARK):
            return blob
        pointer = _pointer(blob)
        with Path(pointer.file).open("rb") as file:
            file.seek(pointer.offset)
            sealed = file.read(pointer.length)
        return self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)

    def _cipher(self) -> AESGCM:
        return AESGCM(self.run_key.derived("spill"))

    def _file(self) -> ScratchFile:
        process = (os.getpid(), self.folder)
        if process not in _FILES:
            for file in _FILES.values():  # of finished runs
                file.close()
            _FILES.clear()
            folder = Path(self.folder)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _FILES[process] = ScratchFile(str(folder / f"{os.getpid()}-{os.urandom(4).hex()}"))
        return _FILES[process]


def put(spill: Spill | None, blob: bytes) -> bytes:
    """The blob, or a pointer to it if there is a spill."""
    return spill.put(blob) if spill else blob


def size_of(blob: bytes) -> int:
    """The size in bytes of a blob, or of the blob that a pointer refers to."""
    return _pointer(blob).length if blob.startswith(_MARK) else len(blob)


def _pointer(blob: bytes) -> _Pointer:
    return msgspec.json.decode(blob[len(_MARK) :], type=_Pointer)
