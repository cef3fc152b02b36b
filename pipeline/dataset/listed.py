"""Files of a committed version, if they are still what was committed; nothing else is decoded or kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from pipeline.dataset.catalog import MANIFEST, Version
from schemas.manifest import FileEntry, Manifest, decode
from transforms.storage.contract import Store


def committed_manifest(store: Store, version: Version) -> Manifest | None:
    """The manifest that the catalog names; None if it is missing, another one, or of another format."""
    try:
        data = store.read(f"{version.folder}/{MANIFEST}")
        return decode(data) if hashlib.sha256(data).hexdigest() == version.manifest_sha256 else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def is_listed(store: Store, folder: str, entry: FileEntry) -> bool:
    """True for a file that is the one of its entry. A file of another size is not read."""
    try:
        with store.open(f"{folder}/{entry.path}") as file:
            if file.seek(0, os.SEEK_END) != entry.bytes:
                return False
            file.seek(0)
            return hashlib.file_digest(cast(Any, file), "sha256").hexdigest() == entry.sha256
    except OSError:
        return False


def unlike(store: Store, folder: str, files: Sequence[FileEntry]) -> list[str]:
    """The files of a version that are missing or have another size, sorted; OSError if it cannot be listed.

    One listing and no reading: a file that was changed and has its size is not found. Files that no entry
    lists are left alone.
    """
    sizes = store.sizes(f"{folder}/")
    suspects = [file for file in files if sizes.get(f"{folder}/{file.path}") != file.bytes]
    # A listing may lag behind; to open a file does not.
    return sorted(file.path for file in suspects if _size(store, f"{folder}/{file.path}") != file.bytes)


def listed_file(store: Store, folder: str, entry: FileEntry) -> bytes | None:
    """The content of a small file; None if it is not the one of its entry."""
    try:
        with store.open(f"{folder}/{entry.path}") as file:
            data = file.read(entry.bytes + 1)
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == entry.sha256 else None


def _size(store: Store, name: str) -> int | None:
    """Size in bytes of a file that can be opened."""
    try:
        with store.open(name) as file:
            return file.seek(0, os.SEEK_END)
    except OSError:
        return None
