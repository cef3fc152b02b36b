"""Keeps blobs from being stored readable: in encrypted files of this machine, or sealed in the shuffle.

With workers on this machine the shuffle is in memory; large blobs go to files, and it carries pointers. The
shuffle of a cluster stores what it carries, so each blob is sealed there. Blobs hold keyed digests, instants
and the places of records, and file names can be personal. The key is derived from the key and the salt of the
run (`transforms.shuffle.run_key`). Without both, what a killed run left cannot be decrypted.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transforms.shuffle.run_key import RunKey
from transforms.storage.scratch import ScratchFile

#: Marks a pointer. An Arrow stream begins with four bytes 0xFF, JSON with a brace or bracket.
_MARK = b"@"
#: Marks a sealed blob.
_SEALED = b"#"
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
    """The blobs of one run, encrypted under a key derived from the run's.

    `folder`: of the files; every process appends to one of its own. A retried bundle writes its blobs again;
    the blobs of the first attempt are never read. None: every blob, of any size, is sealed and stays in the
    shuffle, because workers have no folder in common.
    """

    folder: str | None
    run_key: RunKey

    @classmethod
    def below(cls, folder: str, run_key: RunKey) -> Spill:
        """A spill in a private local folder of a run."""
        return cls(str(Path(folder) / "spill"), run_key)

    def put(self, blob: bytes) -> bytes:
        """The sealed blob; with a folder a pointer to it, or the blob itself if it is small."""
        if self.folder is None:
            return _SEALED + self._seal(blob)
        if len(blob) < _LEAST_BYTES:
            return blob
        sealed = self._seal(blob)
        with _LOCK:
            file = _file(self.folder)
            offset = file.append(sealed)
        return _MARK + msgspec.json.encode(_Pointer(file.path, offset, len(sealed)))

    def get(self, blob: bytes) -> bytes:
        """The blob that `put` was given; InvalidTag for one that was not sealed with this run's key."""
        if self.folder is None:
            return self._open(blob.removeprefix(_SEALED))
        if not blob.startswith(_MARK):
            return blob
        pointer = _pointer(blob)
        with Path(pointer.file).open("rb") as file:
            file.seek(pointer.offset)
            sealed = file.read(pointer.length)
        return self._open(sealed)

    def _seal(self, blob: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, blob, None)

    def _open(self, sealed: bytes) -> bytes:
        if len(sealed) < _NONCE_BYTES:
            raise InvalidTag
        return self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)

    def _cipher(self) -> AESGCM:
        return AESGCM(self.run_key.derived("spill"))


def size_of(blob: bytes) -> int:
    """The size in bytes of a blob, or of the blob that a pointer refers to."""
    return _pointer(blob).length if blob.startswith(_MARK) else len(blob)


def _file(folder: str) -> ScratchFile:
    """The file of this process in the folder."""
    process = (os.getpid(), folder)
    if process not in _FILES:
        for file in _FILES.values():  # of finished runs
            file.close()
        _FILES.clear()
        place = Path(folder)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _FILES[process] = ScratchFile(str(place / f"{os.getpid()}-{os.urandom(4).hex()}"))
    return _FILES[process]


def _pointer(blob: bytes) -> _Pointer:
    return msgspec.json.decode(blob[len(_MARK) :], type=_Pointer)
