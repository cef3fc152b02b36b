"""The only entrance to files by their paths: on local disk, `s3://bucket/key` or `gs://bucket/key`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from transforms.storage.contract import Stat, Store
from transforms.storage.local import LocalStore
from transforms.storage.objects.bucket import bucket_of, is_url, parse
from transforms.storage.objects.store import ObjectStore


def is_remote(path: str) -> bool:
    """True for a path in a bucket: it begins with s3:// or gs://."""
    return is_url(path)


def store_of(root: str | Path) -> Store:
    """The store of a folder or prefix; a LocalStore for a local path. ConfigError for what is no URL."""
    return ObjectStore(str(root)) if is_url(str(root)) else LocalStore(root)


def open_file(path: str) -> BinaryIO:
    """A file to read: seekable; of an object it moves the ranges that are read, and reads ahead in a stream.

    FileNotFoundError without one, other kinds of OSError where it cannot be read.
    """
    if not is_url(path):
        return Path(path).open("rb")
    folder, _, name = path.rpartition("/")
    return ObjectStore(folder).open(name)


def stat_file(path: str) -> Stat:
    """Size, time and identity of a file; those of the target for a local symbolic link. OSError."""
    if is_url(path):
        place = parse(path)
        return bucket_of(place).head(place.key)
    found = os.stat(path)  # noqa: PTH116
    return Stat(found.st_size, found.st_mtime_ns, f"{found.st_dev}:{found.st_ino}")


def files_below(prefix: str) -> list[tuple[str, Stat]]:
    """(full path, state) of all files below a folder or prefix, sorted by path; OSError.

    The states are those of the listing, which may lag behind. Empty objects whose name ends in a slash, as
    consoles make them for folders, are left out.
    """
    if is_url(prefix):
        place = parse(prefix)
        listed = list(bucket_of(place).below(place.key))
        folders = {key.rpartition("/")[0] for key, _ in listed}
        head = f"{place.scheme}://{place.bucket}"
        return sorted((f"{head}/{key}", stat) for key, stat in listed if stat.size or key not in folders)
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(prefix) for name in names]  # noqa: PTH118
    return sorted((path, stat_file(path)) for path in paths)
