"""One new version of a dataset: claimed, written into its own folder, committed by one conditional put.

Until `CURRENT` is replaced nothing counts. After that nothing can fail: what is left to do is only tried.
No failure removes a file of a version that `CURRENT` names.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

import msgspec

from pipeline.dataset.catalog import CURRENT, MANIFEST, Catalog, Kind, Version
from pipeline.dataset.change import Change, begin_change, changeable
from pipeline.dataset.listed import committed_manifest, is_listed
from pipeline.dataset.signals import signals_held
from schemas.errors import OutputError, PipelineError
from schemas.manifest import FileEntry
from transforms.storage.contract import Store
from transforms.storage.local import TEMPORARY, LocalStore
from transforms.storage.places import store_of

#: Below the version's folder: what the run needs while it writes, removed before the manifest is written.
STAGING = "staging"
#: The end of DATASET@N, as commands that read a dataset take it.
_NUMBERED = re.compile(r".@[0-9]+\Z")
#: Names that a folder may hold before there is a catalog: leftovers of writers that died.
_OWN = ("claims/", "v0", TEMPORARY)


class DatasetWriter:
    """A claimed version. Workers write files below `folder` under their final names.

    `version` is its number, `parent` the version before it, `before` the catalog as it was claimed (None for
    a new dataset), `staging` a private folder for the run alone, `lease` is checked by workers.
    """

    def __init__(self, path: PurePath, kind: Kind, change: Change) -> None:
        self.path = path
        self.kind = kind
        self.version = change.claim.version
        self.parent: Version | None = change.before.entry() if change.before else None
        self._name = change.claim.folder
        self.folder = path / self._name
        self.staging = self.folder / STAGING
        self.lease = change.claim.lease
        self._change = change
        self._is_superseded = False
        self.before = change.before
        self.store: Store = change.store
        self._store = self.store

    @property
    def is_committed(self) -> bool:
        """True once `CURRENT` names this version, even if an error came after that."""
        return self._change.is_done

    def commit(self, manifest: bytes, files: Sequence[FileEntry], rows: int, why: str) -> None:
        """Writes the manifest and makes the version count. BusyError where another writer was first.

        `files`: those that the manifest lists; the version's folder must hold exactly these.
        """
        try:
            self._complete(manifest, files)
        except (OSError, PipelineError):
            self._is_superseded = self._change.is_superseded
            self.check_superseded()
            raise
        entry = Version(
            version=self.version,
            folder=self._name,
            manifest_sha256=hashlib.sha256(manifest).hexdigest(),
            rows=rows,
            at=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            why=why,
        )
        self._change.replace(self._next(entry), self._is_in)

    def check_superseded(self) -> None:
        """Raises BusyError if another command took this one's place before it failed: that may be why."""
        if self._is_superseded:
            raise self._change.superseded()

    def release(self) -> None:
        """Gives the claim up and removes what no version needs; never raises."""
        self._change.release()

    def rollback(self) -> None:
        """Removes what this run wrote, unless it is committed, and the dataset's folder if that is empty.

        Never raises: what cannot be removed is left to the next command. Signals are ignored from then on.
        """
        with signals_held() as ignore:
            ignore()
            self._is_superseded = self._is_superseded or self._change.is_superseded
            # Before the catalog is read: a commit whose answer was lost may still be on its way.
            is_settled = self._change.revoke()
            if is_settled and not self.is_committed and not self._change.counts(self._is_in, unreadable=True):
                with contextlib.suppress(OSError):
                    self._store.remove_all(self._name)
            self.release()
            if self._change.before is None and not self.is_committed and isinstance(self._store, LocalStore):
                with contextlib.suppress(OSError):
                    self._store.remove_root()

    def _complete(self, manifest: bytes, files: Sequence[FileEntry]) -> None:
        self._store.remove_all(f"{self._name}/{STAGING}")
        self._share(files)
        present = [name.removeprefix(f"{self._name}/") for name in self._store.names(f"{self._name}/")]
        listed = [file.path for file in files]
        missing = set(listed) - set(present)
        if len(listed) != len(set(listed)) or set(present) - set(listed) or not self._are_there(missing):
            raise PipelineError("commit: files and manifest differ; nothing was committed")
        self._store.put(f"{self._name}/{MANIFEST}", manifest)

    def _are_there(self, paths: set[str]) -> bool:
        """True if the files exist, although a listing does not have them: a listing may lag behind."""
        try:
            for path in sorted(paths):
                self._store.stat(f"{self._name}/{path}")
        except FileNotFoundError:
            return False
        return True

    def _share(self, files: Sequence[FileEntry]) -> None:
        """Gives files that equal those of the version before the same space on disk, where there is a disk.

        The other file is digested first: a manifest does not prove what is on disk now.
        """
        if self.parent is None or not isinstance(self._store, LocalStore):
            return
        folder = self.parent.folder
        manifest = committed_manifest(self._store, self.parent)
        # A damaged parent shares nothing; the files of this version are whole.
        listed = manifest.files if manifest else []
        for file in {file.path: file for file in listed if file in files}.values():
            if is_listed(self._store, folder, file):
                with contextlib.suppress(FileNotFoundError):
                    self._store.copy(self._store, f"{folder}/{file.path}", f"{self._name}/{file.path}")

    def _is_in(self, catalog: Catalog) -> bool:
        return any(one.folder == self._name for one in catalog.versions)

    def _next(self, entry: Version) -> Catalog:
        before = self._change.before
        if before is None:
            return Catalog(kind=self.kind, version=entry.version, folder=entry.folder, versions=[entry])
        return msgspec.structs.replace(
            before, version=entry.version, folder=entry.folder, versions=[*before.versions, entry]
        )


def begin(path: PurePath, kind: Kind, on_exists: Literal["refuse", "new_version"]) -> DatasetWriter:
    """A claimed new version of the dataset at `path`.

    Raises OutputError if it may not be written there, BusyError while another command changes it.
    """
    try:
        _check_free(path)
        change = begin_change(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another output.path") from None
    try:
        _check_kind(path, kind, change.before, on_exists)
    except OutputError:
        change.release()
        raise
    writer = DatasetWriter(path, kind, change)
    try:
        if isinstance(change.store, LocalStore):
            change.store.make_folder(f"{change.claim.folder}/{STAGING}")
    except OSError as error:
        writer.rollback()
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another output.path") from None
    return writer


def check_writable(path: PurePath, kind: Kind, on_exists: Literal["refuse", "new_version"]) -> Catalog | None:
    """The catalog of a dataset into which `begin` would write now, None for a new one; nothing is claimed.

    Raises what `begin` raises, except for claims of other commands.
    """
    try:
        _check_free(path)
        before = changeable(path, store_of(path))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another output.path") from None
    catalog = before.catalog if before else None
    _check_kind(path, kind, catalog, on_exists)
    return catalog


def _check_free(path: PurePath) -> None:
    if _NUMBERED.search(path.name):
        raise OutputError(f"{path}: a path that ends in @N names a version; give another output.path")
    names = store_of(path).entries()
    if names and CURRENT not in names and any(not f"{name}/".startswith(_OWN) for name in names):
        raise OutputError(
            f"{path}: is not empty and not a dataset of chatsieve; give an empty or new output.path"
        )


def _check_kind(path: PurePath, kind: Kind, held: Catalog | None, on_exists: str) -> None:
    if held is None:
        return
    if held.kind != kind:
        wrong = (
            "holds a dataset, and an audit writes to none; give audit.path a folder of its own"
            if kind == "audit"
            else "holds audits; give output.path a folder of its own"
        )
        raise OutputError(f"{path}: {wrong}")
    if on_exists == "refuse":
        what = "an audit" if kind == "audit" else "a dataset"
        raise OutputError(
            f"{path}: holds {what} already (version {held.version}); "
            "give another path, or output.on_exists: new_version"
        )
