"""Writes files to the staging folder of a run, atomically, and describes them for the manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from schemas.manifest import FileEntry


def stage(root: Path, relative: str, data: bytes | pa.Buffer, rows: int = 0, mode: int = 0o644) -> FileEntry:
    """Writes `root/relative` and returns its manifest entry. A retry replaces the file with an equal one."""
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.touch(mode=mode)
    temporary.write_bytes(data)
    temporary.replace(path)
    return FileEntry(relative, len(memoryview(data)), rows, hashlib.sha256(data).hexdigest())
