"""The only entrance to files by their paths: on local disk, `s3://bucket/key` or `gs://bucket/key`."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from schemas.errors import ConfigError
from transforms.storage.contract import Buffer, Stat, Store
from transforms.storage.local import LocalStore
from transforms.storage.objects.bucket import Mismatch, bucket_of, is_url, parse
from transforms.storage.objects.store import ObjectStore

if TYPE_CHECKING:
    import pyarrow as pa


class BucketPath(PurePosixPath):
    """A path in a bucket; its text is the URL. It is read and written by `store_of` and `open_file` alone."""

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().partition(":/")
        return f"{scheme}://{rest}"


def location(text: str) -> PurePath:
    """A path on local disk, or a BucketPath; ConfigError for what is no URL of a prefix in a bucket."""
    if not is_url(text):
        return Path(text)
    parse(text, prefix=True)
    return BucketPath(text)


def check_scheme(text: str) -> None:
    """Raises ConfigError for what is no local path: a URL of another kind, s3 or gs otherwise, a NUL."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://|(s3|gs):", text, re.IGNORECASE)
    if found is None or is_remote(text):
        if "\0" in text:
            raise ConfigError(f"{text}: has a NUL character, which no path can have; correct it")
        return
    scheme = (found[1] or found[2]).lower()
    if scheme in ("s3", "gs"):
        raise ConfigError(
            f"{text[:3]}...: write {scheme}://BUCKET/PREFIX; for a local file, ./ before the name"
        )
    raise ConfigError(f"{scheme}:// paths are not supported; give a local path, s3:// or gs://")


def resolved(path: PurePath) -> PurePath:
    """The absolute path without symbolic links; a path in a bucket as it is."""
    return path if is_remote(path) else Path(path).resolve()


def is_remote(path: str | PurePath) -> bool:
    """True for a path in a bucket: it begins with s3:// or gs://."""
    return is_url(str(path))


def store_of(root: str | PurePath, durable: bool = True) -> Store:
    """The store of a folder or prefix; ConfigError for what is no URL.

    `durable` False: its files do not outlive the run, so those on local disk are not synced.
    """
    return ObjectStore(str(root)) if is_remote(root) else LocalStore(Path(root), durable)


def open_file(path: str | PurePath) -> BinaryIO:
    """A file to read: seekable; of an object it moves the ranges that are read, and reads ahead in a stream.

    FileNotFoundError without one, other kinds of OSError where it cannot be read.
    """
    if not is_remote(path):
        return Path(path).open("rb")
    folder, _, name = str(path).rpartition("/")
    return ObjectStore(folder).open(name)


def arrow_file(path: str | PurePath) -> pa.NativeFile:
    """A file for Arrow to read, which closes it: by the system's calls on disk, in ranges from a bucket."""
    import pyarrow as pa  # here, so that the command line's help does not wait for it

    return pa.PythonFile(open_file(path), "r") if is_remote(path) else pa.OSFile(str(path), "rb")


def stat_file(path: str | PurePath) -> Stat:
    """Size, time and identity of a file; those of the target for a local symbolic link. OSError."""
    if is_remote(path):
        place = parse(str(path))
        return bucket_of(place).head(place.key)
    found = os.stat(path)  # noqa: PTH116
    return Stat(found.st_size, found.st_mtime_ns, f"{found.st_dev}:{found.st_ino}")


def read_range(path: str, start: int, end: int, identity: str) -> Buffer:
    """The bytes from `start` to before `end` of an object in this state; none without bytes asked for.

    OSError: ESTALE where the object was replaced or removed.
    """
    place = parse(path)
    if end <= start:
        return b""
    try:
        data = bucket_of(place).get_range(place.key, start, end, identity)
    except (Mismatch, FileNotFoundError):
        raise OSError(errno.ESTALE, "was replaced or removed while it was read", path) from None
    if len(data) != end - start:
        raise OSError(errno.EIO, "the store sent fewer bytes than it has", path)
    return data


def files_below(prefix: str) -> list[tuple[str, Stat]]:
    """(full path, state) of all files below a folder or prefix, sorted by path; OSError.

    The states are those of the listing, which may lag behind. Empty objects in the place of folders, as
    consoles make them, are left out.
    """
    if is_url(prefix):
        place = parse(prefix)
        listed = list(bucket_of(place).below(place.key))
        folders = {key.rpartition("/")[0] for key, _ in listed}
        head = f"{place.scheme}://{place.bucket}"
        found = sorted((f"{head}/{key}", stat) for key, stat in listed if stat.size or key not in folders)
        _check_names(prefix, [path for path, _ in found])
        return found
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(prefix) for name in names]  # noqa: PTH118
    return sorted((path, stat_file(path)) for path in paths)


def _check_names(prefix: str, paths: list[str]) -> None:
    """Raises OSError for an object with a name that is no part of a URL, such as an empty one."""
    for path in paths:
        try:
            parse(path)
        except ConfigError:
            what = "a name below it has an empty part, .. or a control character"
            raise OSError(errno.EILSEQ, what, prefix) from None
