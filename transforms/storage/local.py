"""A store on local disk: objects as files below a folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from transforms.storage import operations
from transforms.storage.contract import Buffer, Conflict, Stat, Store, Unknown

#: Folders of private files: mode 0700, their files 0600. All others have 0750 and 0640, whatever the umask.
PRIVATE = frozenset({"restricted", "staging"})
#: A file that is not finished yet; `list` gives its name too, so that leftovers can be found.
TEMPORARY = ".tmp-"
_WRITE_BYTES = 8 << 20


class LocalStore:
    """Objects as files below `root`, which is made with the first one. Etags are SHA-256 of the content.

    `put` writes a temporary file, syncs it, renames it and syncs the folder; `durable` False leaves out the
    syncs, for files that do not outlive the run. `create` links the temporary file to its name.

    `replace` needs no lock: it takes place by renaming a temporary file, and `revoke` removes that file. Each
    replacement writes its own temporary file, removes those of the others, and reads the object after that.
    Of two replacements of one state, the one that lists the folder later has removed the other's file, or has
    read the other's object; so at most one is done, even if a process is stopped for hours between two steps.
    """

    def __init__(self, root: str | Path, durable: bool = True) -> None:
        # Path.resolve raises for a loop of links; here the first access does, with an OSError.
        self.root = Path(os.path.realpath(root))
        self._durable = durable
        self._url = str(root)

    @property
    def url(self) -> str:
        """See Store; as it was given."""
        return self._url

    def names(self, prefix: str = "") -> list[str]:
        """See Store. Symbolic links are listed, and never followed."""
        return sorted(name for name, _ in self._entries(prefix))

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """See Store."""
        found = {name: entry.stat(follow_symlinks=False) for name, entry in self._entries(prefix)}
        return {name: state.st_size for name, state in found.items() if stat.S_ISREG(state.st_mode)}

    def read(self, name: str) -> bytes:
        """See Store."""
        return operations.OPERATIONS.read(self._path(name))

    def read_tagged(self, name: str) -> tuple[bytes, str]:
        """See Store."""
        data = self.read(name)
        return data, _etag_of(data)

    def open(self, name: str) -> BinaryIO:
        """See Store; OSError for a symbolic link, a folder, a pipe or a device."""
        return operations.OPERATIONS.open_regular(self._path(name))

    def stat(self, name: str) -> Stat:
        """See Store."""
        found = os.stat(self._path(name), follow_symlinks=False)  # noqa: PTH116
        return Stat(found.st_size, found.st_mtime_ns, f"{found.st_dev}:{found.st_ino}")

    def put(self, name: str, data: Buffer) -> None:
        """See Store."""
        target = self._path(name)
        with self._temporary(name, data) as temporary:
            operations.OPERATIONS.rename(temporary, target)
        self._sync_folder(target)

    def create(self, name: str, data: Buffer) -> bool:
        """See Store."""
        target = self._path(name)
        with self._temporary(name, data) as temporary:
            try:
                operations.OPERATIONS.link(temporary, target)
            except (FileExistsError, FileNotFoundError):
                return False  # or a replacement of an object that was there a moment ago removed the file
            except OSError:
                # The answer may be what was lost, not the link.
                if not _same_file(temporary, target):
                    raise
        self._sync_folder(target)
        return True

    def replace(
        self, name: str, data: Buffer, etag: str | None, may: Callable[[], bool] = lambda: True
    ) -> str:
        """See Store."""
        target = self._path(name)
        with self._temporary(name, data) as temporary:
            _revoke(target, but=temporary)
            if not may() or self._etag(name) != etag:
                raise Conflict(name)
            try:
                if etag is None:
                    operations.OPERATIONS.link(temporary, target)
                else:
                    operations.OPERATIONS.rename(temporary, target)
                self._sync_folder(target)
            except (FileNotFoundError, FileExistsError):
                raise Conflict(name) from None  # another one revoked this, or was first
            except OSError as error:
                raise Unknown(name) from error
        return _etag_of(data)

    def revoke(self, name: str) -> None:
        """See Store."""
        _revoke(self._path(name))

    def _entries(self, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        folder = prefix.rpartition("/")[0]
        return (
            each
            for each in operations.entries_below(self._path(folder), folder)
            if each[0].startswith(prefix)
        )

    def _etag(self, name: str) -> str | None:
        try:
            return self.read_tagged(name)[1]
        except FileNotFoundError:
            return None

    def copy(self, source: Store, name: str, target: str) -> None:
        """See Store; a second name of the same file where the file system has that, else a copy."""
        if isinstance(source, LocalStore):
            path = self._path(target)
            self._make_folder(path)
            temporary = _temporary_name(path)
            try:
                operations.OPERATIONS.link(source._path(name), temporary)
                operations.OPERATIONS.rename(temporary, path)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                    raise
            else:
                self._sync_folder(path)
                return
            finally:
                # To rename one name of a file to another of its names changes nothing.
                with contextlib.suppress(OSError):
                    operations.OPERATIONS.remove(temporary)
        self.put(target, source.read(name))

    def remove(self, name: str) -> None:
        """See Store; folders that are empty then are removed with it."""
        path = Path(self._path(name))
        with contextlib.suppress(FileNotFoundError):
            operations.OPERATIONS.remove(str(path))
        for folder in path.parents:
            if folder == self.root or self.root not in folder.parents:
                break
            try:
                operations.OPERATIONS.rmdir(str(folder))
            except OSError:
                break

    def folders(self) -> list[str]:
        """See Store; folders without a file too."""
        try:
            entries = operations.OPERATIONS.entries(str(self.root))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))

    def entries(self) -> list[str]:
        """See Store; NotADirectoryError where a file has the folder's place."""
        try:
            return sorted(entry.name for entry in operations.OPERATIONS.entries(str(self.root)))
        except FileNotFoundError:
            return []

    def remove_all(self, folder: str) -> None:
        """See Store; the folder itself is removed too."""
        for name in self.names(f"{folder}/"):
            self.remove(name)
        for path, _, _ in os.walk(self._path(folder), topdown=False):
            operations.OPERATIONS.rmdir(path)

    def remove_root(self) -> None:
        """Removes the store's folder if it is empty; OSError if it is not."""
        operations.OPERATIONS.rmdir(str(self.root))

    def link(self, name: str, target: str) -> None:
        """Points the symbolic link `name` at `target`: for people on local disk, not part of the contract."""
        temporary = _temporary_name(self._path(name))
        try:
            operations.OPERATIONS.symlink(target, temporary)
            operations.OPERATIONS.rename(temporary, self._path(name))
        finally:
            with contextlib.suppress(OSError):
                operations.OPERATIONS.remove(temporary)

    def link_target(self, name: str) -> str | None:
        """The target of the symbolic link `name`; None where there is none."""
        try:
            return os.readlink(self._path(name))  # noqa: PTH115
        except OSError:
            return None

    @contextlib.contextmanager
    def _temporary(self, name: str, data: Buffer) -> Iterator[str]:
        """A finished file beside the object's, removed at the end unless it got the object's name."""
        path = self._path(name)
        self._make_folder(path)
        temporary = _temporary_name(path)
        try:
            descriptor = operations.OPERATIONS.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._mode(name)
            )
            try:
                _write_all(descriptor, data)
                if self._durable:
                    operations.OPERATIONS.fsync(descriptor)
            finally:
                os.close(descriptor)
            yield temporary
        finally:
            with contextlib.suppress(OSError):
                operations.OPERATIONS.remove(temporary)

    def _path(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError("a name of an object is relative and has no ..")
        return str(self.root / name) if name else str(self.root)

    def _mode(self, name: str) -> int:
        return 0o600 if PRIVATE & set(name.split("/")[:-1]) else 0o640

    def make_folder(self, name: str) -> None:
        """Makes a folder for local files of a run, with its mode; no part of the contract."""
        self._make_folder(f"{self._path(name)}/.")

    def _make_folder(self, path: str) -> None:
        """The folders of a path, each with its mode, as far as they are missing."""
        missing = []
        folder = Path(path).parent
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            private = self.root in folder.parents and PRIVATE & set(folder.relative_to(self.root).parts)
            with contextlib.suppress(FileExistsError):
                operations.OPERATIONS.mkdir(str(folder), 0o700 if private else 0o750)

    def _sync_folder(self, path: str) -> None:
        if not self._durable:
            return
        descriptor = operations.OPERATIONS.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY, 0)  # noqa: PTH120
        try:
            operations.OPERATIONS.fsync(descriptor)
        finally:
            os.close(descriptor)


def _temporary_name(path: str) -> str:
    folder, _, last = path.rpartition("/")
    return f"{folder}/{TEMPORARY}{last}-{secrets.token_hex(4)}"


def _revoke(target: str, but: str = "") -> None:
    """Removes the temporary files of an object, except for one."""
    folder, _, last = target.rpartition("/")
    try:
        entries = operations.OPERATIONS.entries(folder)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(f"{TEMPORARY}{last}-") and entry.path != but:
            with contextlib.suppress(FileNotFoundError):
                operations.OPERATIONS.remove(entry.path)


def _write_all(descriptor: int, data: Buffer) -> None:
    rest = memoryview(data).cast("B")
    while len(rest):
        rest = rest[operations.OPERATIONS.write(descriptor, rest[:_WRITE_BYTES]) :]


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except OSError:
        return False


def _etag_of(data: Buffer) -> str:
    return hashlib.sha256(data).hexdigest()
