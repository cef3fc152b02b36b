"""A version as `forget` and `expire` read it: only unchanged files are signed again."""

from __future__ import annotations

import hashlib
import hmac
import io
from pathlib import PurePath

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.catalog import MANIFEST, Catalog, Version
from schemas.errors import InputError
from schemas.keys import key_id
from schemas.manifest import Manifest, decode, hmac_of
from transforms.storage.contract import Store


class ErasableVersion:
    """A version to be read, with its manifest.

    Raises InputError, with a way out, where the manifest is missing, damaged, forged or of another key. Under
    another key, the keys that are asked for name nobody: the person would be left in this version.
    """

    def __init__(self, store: Store, root: PurePath, catalog: Catalog, entry: Version, key: bytes) -> None:
        self._store, self._root, self._catalog, self.entry = store, root, catalog, entry
        try:
            data = store.read(f"{entry.folder}/{MANIFEST}")
            self.manifest: Manifest = decode(data)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._unreadable(MANIFEST, error) from None
        if hashlib.sha256(data).hexdigest() != entry.manifest_sha256:
            raise self._refused(MANIFEST, "is not the one that CURRENT names")
        if self.manifest.key_id != key_id(key):
            raise self._refused(MANIFEST, "was made with another key, under which nobody can be found here")
        if not hmac.compare_digest(self.manifest.hmac, hmac_of(self.manifest, key)):
            raise self._refused(MANIFEST, "has an HMAC that was not made with this key")
        self._sums = {file.path: file.sha256 for file in self.manifest.files}

    def names(self, start: str) -> list[str]:
        """The names of the version's files that begin so."""
        return [file.path for file in self.manifest.files if file.path.startswith(start)]

    def table(self, name: str) -> pa.Table:
        """A Parquet file as a table; raises InputError where it is not the one that was committed."""
        try:
            data = self._store.read(f"{self.entry.folder}/{name}")
            if hashlib.sha256(data).hexdigest() != self._sums[name]:
                raise self._refused(name, "is damaged")
            return pq.read_table(io.BytesIO(data))
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(name, error) from None

    def copy(self, name: str, folder: str) -> None:
        """Copies the file into another version's folder; raises InputError where it is missing."""
        try:
            self._store.copy(self._store, f"{self.entry.folder}/{name}", f"{folder}/{name}")
        except FileNotFoundError:
            raise self._refused(name, "is missing") from None

    def _unreadable(self, name: str, error: Exception) -> InputError:
        if isinstance(error, PermissionError):
            where = self._root / self.entry.folder / name
            return InputError(f"{where}: cannot be read ({error.strerror}); run this as its owner")
        return self._refused(name, "is missing or damaged")

    def _refused(self, name: str, what: str) -> InputError:
        where = self._root / self.entry.folder / name
        later = sum(one.version > self.entry.version for one in self._catalog.versions)
        if later:
            way = f"remove this version and those before it with `chatsieve gc {self._root} --keep {later}`"
        else:
            way = (
                "write a new version with `chatsieve run --rebuild` and remove this one with "
                f"`chatsieve gc {self._root} --keep 1`"
            )
        return InputError(
            f"{where}: {what}; nothing was erased; restore it from a copy, or {way}; then repeat"
        )
