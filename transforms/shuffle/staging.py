"""Files of a version, written whole or not at all, with what the manifest lists of each."""

from __future__ import annotations

import hashlib
from pathlib import PurePath

import pyarrow as pa

from schemas.manifest import FileEntry
from transforms.storage.places import store_of


def stage(root: str | PurePath, relative: str, data: bytes | pa.Buffer, rows: int = 0) -> FileEntry:
    """Writes `root/relative` and gives its manifest entry. A retry replaces the file by an equal one."""
    view = memoryview(data)
    store_of(root).put(relative, view)
    return FileEntry(relative, len(view), rows, hashlib.sha256(view).hexdigest())
