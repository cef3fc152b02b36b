"""Files of a run on their way: written whole or not at all, with what the manifest says of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from schemas.manifest import FileEntry


def stage(root: Path, relative: str, data: bytes | pa.Buffer, rows: int = 0, mode: int = 0o644) -> FileEntry:
    """Writes `root/relative` and gives its manifest entry; a retry replaces the file by an equal one."""
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.touch(mode=mode)
    temporary.write_bytes(data)
    temporary.replace(path)
    return FileEntry(relative, len(memoryview(data)), rows, hashlib.sha256(data).hexdigest())
