"""The catalog of a dataset, `CURRENT`: which versions there are, and which one counts."""

from __future__ import annotations

import errno
import os
import re
from pathlib import PurePath
from typing import Literal

import msgspec

from schemas.errors import InputError
from schemas.manifest import VERSION_FOLDER
from transforms.storage.contract import Store
from transforms.storage.places import is_remote, location, store_of

CURRENT = "CURRENT"
#: The list of the files of a version, in its folder.
MANIFEST = "manifest.json"
FORMAT = "chatsieve-dataset/2"
Kind = Literal["run", "audit"]
#: A folder or a symbolic link in its place, a path that cannot be one, or a file of somebody else.
NO_FILE = (
    *(errno.EISDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO),
    *(errno.ENAMETOOLONG, errno.EACCES, errno.EPERM),
)
#: DATASET@N, and what was meant as that.
_AT = re.compile(r"(.+)@([^/]*)\Z", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,9}\Z")


class Version(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """One immutable version: its folder, the digest of its manifest and its number of training rows.

    `at`: when it was committed, UTC. `why` is the command that made it: run, audit, forget or expire.
    """

    version: int
    folder: str
    manifest_sha256: str
    rows: int
    at: str
    why: str


class Catalog(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """All versions, oldest first; `version` and `folder` name the one that counts.

    `kind`: a dataset holds runs, an audit folder holds audits. `erased`: digests of what `forget` removed;
    every later run excludes these.
    """

    format: str = FORMAT
    kind: Kind
    version: int
    folder: str
    versions: list[Version]
    erased: list[str] = msgspec.field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """True where the versions are numbered upwards, each with its own folder, and the newest one counts.

        A command that changes the catalog refuses any other: it may remove what it should keep.
        """
        numbers = [one.version for one in self.versions]
        return (
            numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            and numbers[0] > 0
            and all(one.folder.startswith(f"v{one.version:04d}-") for one in self.versions)
            and (self.version, self.folder) == (numbers[-1], self.versions[-1].folder)
        )

    def entry(self, number: int | None = None) -> Version | None:
        """The version with this number, the current one for None; None if there is none."""
        wanted = self.version if number is None else number
        return next((one for one in self.versions if one.version == wanted), None)


class Read(msgspec.Struct, frozen=True):
    """A catalog as it was read, and the etag that `replace` takes."""

    catalog: Catalog
    etag: str


def encode(catalog: Catalog) -> bytes:
    """The object CURRENT: indented JSON."""
    return msgspec.json.format(msgspec.json.encode(catalog), indent=2) + b"\n"


def read_catalog(store: Store, where: str) -> Read | None:
    """The catalog of a dataset, None if it has none yet; InputError for one that cannot be read.

    `where` names the dataset in the message.
    """
    try:
        data, etag = store.read_tagged(CURRENT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        raise InputError(f"{where}/{CURRENT}: cannot be read as a file ({error.strerror})") from None
    try:
        catalog = msgspec.json.decode(data, type=Catalog)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(f"{where}/{CURRENT}: is not a catalog of chatsieve") from None
    if catalog.format != FORMAT:
        raise InputError(f"{where}/{CURRENT}: expected format {FORMAT}; use the version that wrote it")
    if catalog.entry() is None or any(not VERSION_FOLDER.match(one.folder) for one in catalog.versions):
        raise InputError(f"{where}/{CURRENT}: names no version that it lists")
    return Read(catalog, etag)


def catalog_to_read(store: Store, where: str) -> Read | None:
    """The same for a command that has written nothing yet: InputError where the store cannot be read, too."""
    try:
        return read_catalog(store, where)
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None


def is_dataset(where: PurePath) -> bool:
    """True where a catalog is, whatever it holds; InputError where a bucket cannot be read."""
    if not is_remote(where):
        # False for any path that cannot be, where Path.exists raises.
        return os.path.lexists(where / CURRENT)
    try:
        store_of(where).read(CURRENT)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    return True


def named_version(where: PurePath) -> tuple[PurePath, int | None]:
    """(dataset, N) of DATASET@N; (`where`, None) for any other path.

    Raises InputError if what follows the name of a dataset and @ is not a number.
    """
    found = _AT.match(str(where))
    # os.path.exists is False for any path that cannot be, where Path.exists raises.
    if found is None or (is_dataset(where) if is_remote(where) else os.path.exists(where)):  # noqa: PTH110
        return where, None
    root = location(found[1])
    if _NUMBER.match(found[2]):
        return root, int(found[2])
    if is_dataset(root):
        raise InputError(f"{where}: expected the number of a version after @, such as {root}@1")
    return where, None


def is_version_folder(name: str) -> bool:
    """True for a name that only a version's folder has."""
    return VERSION_FOLDER.match(name) is not None
