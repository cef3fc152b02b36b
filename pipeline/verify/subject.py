"""The version that is verified, and how its files are read whatever they hold."""

from __future__ import annotations

import dataclasses
import os
import stat
from pathlib import PurePath

import msgspec
import pyarrow as pa

from pipeline.dataset.catalog import Catalog, Version
from pipeline.dataset.erasures import NO_KEYS, Keys
from schemas.manifest import Erased, FileEntry, Manifest
from schemas.policy import Policy
from transforms.storage.places import is_remote, store_of

#: What reading a damaged or forged file can raise.
DAMAGE = (
    pa.ArrowException,
    msgspec.MsgspecError,
    OSError,
    ValueError,
    TypeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)
#: Larger JSON is not read.
MOST_BYTES = 512 << 20


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`counts` of a manifest: numbers, none suppressed."""

    records: int
    quarantined_records: int
    sessions: int
    ledger_rows: int
    training_rows: int
    messages_kept: int
    dropped_blocks: int
    decisions: dict[str, int]
    reasons: dict[str, int]
    parts: int = 0
    quarantined_parts: int = 0


@dataclasses.dataclass
class Subject:
    """A version, with its manifest as decoded.

    `policy` and `counts` are None where those of the manifest cannot be read. `bad` are files that are
    missing, changed or unreadable: later checks leave them alone. `erased` are the keys that were erased.
    """

    folder: PurePath
    manifest: Manifest
    catalog: Catalog | None = None
    entry: Version | None = None
    counts: Counts | None = None
    policy: Policy | None = None
    erased: Keys = NO_KEYS
    bad: set[str] = dataclasses.field(default_factory=set)

    def files(self, start: str) -> list[FileEntry]:
        """The listed files whose names begin so, in order of their names."""
        found = {file.path: file for file in self.manifest.files if file.path.startswith(start)}
        return [found[path] for path in sorted(found)]

    def is_whole(self, *starts: str) -> bool:
        """True if all files whose names begin so can be read."""
        return not any(file.path in self.bad for start in starts for file in self.files(start))

    @property
    def is_rewritten(self) -> bool:
        """True if `forget` or `expire` removed rows, so that sums of rows are below the counts."""
        return self.manifest.erased != Erased()


def read_file(path: PurePath) -> bytes:
    """The bytes of a regular file; OSError for anything else, and for one that is too large."""
    if is_remote(path):
        store = store_of(path.parent)
        if store.stat(path.name).size > MOST_BYTES:
            raise OSError("too large")
        return store.read(path.name)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise OSError("not a regular file, or too large")
        return file.read()


def decoded[Decoded](data: bytes, kind: type[Decoded]) -> Decoded | None:
    """JSON as this type; None if it is not."""
    try:
        return msgspec.json.decode(data, type=kind)
    except DAMAGE:
        return None
