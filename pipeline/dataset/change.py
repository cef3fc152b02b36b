"""A change of a dataset's catalog: one writer at a time, and one conditional put that makes it count."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterable
from pathlib import PurePath

from pipeline.dataset.catalog import (
    CURRENT,
    MANIFEST,
    Catalog,
    Read,
    catalog_to_read,
    encode,
    is_dataset,
    is_version_folder,
    named_version,
    read_catalog,
)
from pipeline.dataset.claims import Claim, claim, claims_of
from pipeline.dataset.erasures import ERASURES, finish_erasures
from pipeline.dataset.leftovers import remove_leftovers
from pipeline.dataset.signals import signals_held
from schemas.errors import BusyError, InputError, OutputError, PipelineError
from transforms.storage.contract import Conflict, Store, Unknown
from transforms.storage.leases import CLAIMS
from transforms.storage.local import LocalStore
from transforms.storage.places import store_of

#: On local disk, a link to the folder of the current version.
LATEST = "latest"
#: The folder of a first version begins so.
_FIRST = "v0001-"
_TRIES = 5


class Change:
    """The claim of the next version of a dataset, and the catalog as it was read under that claim.

    `read` is None for a dataset without a version. `is_done` is True once the new catalog counts, even if an
    error came after that.
    """

    def __init__(self, path: PurePath, store: Store, held: Claim, read: Read | None) -> None:
        self.path, self.store, self.read = path, store, read
        self.claim = held
        self.is_done = False
        #: Objects that nothing needs once the change counts. A listing may not have them.
        self.replaced: list[str] = []

    @property
    def before(self) -> Catalog | None:
        """The catalog before the change."""
        return self.read.catalog if self.read else None

    @property
    def is_superseded(self) -> bool:
        """True once another command took the claim over: it may remove what this one writes."""
        try:
            return not self.is_done and not self.claim.is_held()
        except OSError:
            return False

    def superseded(self) -> BusyError:
        """The error of a command whose claim was taken over."""
        return BusyError(f"{self.path}: another command took over this command's claim; run it again")

    def replace(self, catalog: Catalog, counts: Callable[[Catalog], bool]) -> None:
        """Makes the catalog count. `counts` is True for a catalog that has this change.

        Raises BusyError where another writer was first or took the claim over, PipelineError where the store
        failed. SIGINT and SIGTERM wait until the outcome is known. Once the change is done they are ignored
        for the rest of the process: it only cleans up and reports, and must not report a failure.
        """
        with signals_held() as ignore:
            self._replace(encode(catalog), counts)
            self.is_done = True
            ignore()

    def counts(self, counts: Callable[[Catalog], bool], unreadable: bool) -> bool:
        """Whether the catalog has the change; `unreadable` where it cannot be read."""
        try:
            return self._has(counts)
        except (OSError, InputError):
            return unreadable

    def revoke(self) -> bool:
        """Stops a replacement of the catalog whose answer was lost; False where that fails."""
        return self.is_done or _is_done(lambda: self.store.revoke(CURRENT))

    def release(self) -> None:
        """Removes what no version needs, finishes erasures, corrects `latest`, and gives the claim up.

        Never raises. Where one of these fails the claim stays: it shows that something is left over, and the
        next command that changes the dataset does the rest.
        """
        where = str(self.path)
        with signals_held() as ignore:
            if self.is_done:
                ignore()
            is_clean = all(
                (
                    _is_done(lambda: point_latest(self.store, where)),
                    _is_done(lambda: _remove(self.store, self.replaced if self.is_done else ()))
                    and _is_done(lambda: remove_leftovers(self.store, where, self.claim))
                    and _is_done(lambda: finish_erasures(self.store, where)),
                )
            )
            self.claim.end()
            if is_clean:
                _is_done(self.claim.release)

    def _replace(self, data: bytes, counts: Callable[[Catalog], bool]) -> None:
        failure: Exception | None = None
        for _ in range(_TRIES):
            try:
                self.store.replace(CURRENT, data, self._etag, self.claim.is_held)
            except (Conflict, Unknown, OSError) as error:
                # The answer was lost, the store failed, or another command was first or revoked this one:
                # only reading tells which catalog counts.
                if not self._has(counts):
                    self._check_possible()
                    failure = error
                    continue
            return
        if isinstance(failure, Conflict):
            raise BusyError(f"{self.path}: other commands change it at this moment; run again")
        raise PipelineError(f"commit: {self.path / CURRENT} could not be replaced") from failure

    @property
    def _etag(self) -> str | None:
        return self.read.etag if self.read else None

    def _check_possible(self) -> None:
        """Raises BusyError where no further try can succeed."""
        with contextlib.suppress(OSError):
            if not self.claim.is_held():
                raise self.superseded()
            found = read_catalog(self.store, str(self.path))
            if (found.etag if found else None) != self._etag:
                raise BusyError(f"{self.path}: another command changed it first; run again")

    def _has(self, counts: Callable[[Catalog], bool]) -> bool:
        for attempt in range(_TRIES):
            try:
                found = read_catalog(self.store, str(self.path))
            except OSError:
                if attempt == _TRIES - 1:
                    raise
            else:
                return found is not None and counts(found.catalog)
        raise AssertionError  # the last try returns or raises


def begin_change(path: PurePath) -> Change:
    """A claimed change of the dataset at `path`.

    Raises BusyError while another command changes it, OutputError where it is not as it has to be, OSError.
    """
    store = store_of(path)
    before = changeable(path, store)
    held = claim(store, before.catalog.version + 1 if before else 1, str(path))
    # A writer whose claim lapsed may be about to commit: from here on it cannot. Another one may have
    # committed between the reading and the claim.
    try:
        store.revoke(CURRENT)
        now = read_catalog(store, str(path))
    except BaseException:
        _is_done(held.release)
        raise
    if (now.etag if now else None) != (before.etag if before else None):
        _is_done(held.release)
        raise BusyError(f"{path}: another command changed it at this moment; run again")
    return Change(path, store, held, before)


def changeable(path: PurePath, store: Store) -> Read | None:
    """The catalog of a dataset that may be changed, None for a new one; nothing is claimed.

    Raises OutputError where it is not as it has to be, InputError for a catalog that cannot be read, OSError.
    """
    if isinstance(store, LocalStore):
        _check_places(path, store)
    before = read_catalog(store, str(path))
    if before is not None and not before.catalog.is_sound:
        raise OutputError(f"{path / CURRENT}: contradicts itself; `chatsieve verify` gives details")
    if before is None:
        _check_no_version(path, store)
    return before


def _check_no_version(path: PurePath, store: Store) -> None:
    """Raises OutputError for versions whose CURRENT is gone: the next clean-up would remove them.

    A first run that died before its commit leaves a finished folder too, and its claim.
    """
    is_first = 1 in claims_of(store, 1)
    for folder in filter(is_version_folder, store.folders()):
        if is_first and folder.startswith(_FIRST):
            continue
        with contextlib.suppress(FileNotFoundError):
            store.stat(f"{folder}/{MANIFEST}")
            if read_catalog(store, str(path)) is None:
                raise OutputError(
                    f"{path}: has the version {folder} but no {CURRENT}; restore {CURRENT} from a copy, or "
                    "move the folders of the versions elsewhere"
                )


def _check_places(path: PurePath, store: LocalStore) -> None:
    """Raises OutputError where something else has the place of a folder or link of the dataset."""
    latest = store.root / LATEST
    if latest.exists(follow_symlinks=False) and not latest.is_symlink():
        raise OutputError(f"{path / LATEST}: expected a link to the current version; move it elsewhere")
    for name in (CLAIMS, ERASURES):
        folder = store.root / name
        # A link would be followed in one place and not in another: claims that no other command finds.
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise OutputError(f"{path / name}: expected a folder; move it elsewhere")


def begin_change_of_existing(path: PurePath) -> tuple[Change, Catalog]:
    """A claimed change of a dataset that has versions, and its catalog.

    Raises InputError where there is no dataset, OutputError where it cannot be written, BusyError.
    """
    catalog_of(path)  # before the claim, which would make a folder
    try:
        change = begin_change(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    if change.before is None:
        change.release()
        raise _no_dataset(path)
    return change, change.before


def catalog_of(path: PurePath) -> Catalog:
    """The catalog of a dataset or audit folder; raises InputError where there is none."""
    root, number = named_version(path)
    if number is not None and is_dataset(root):
        raise InputError(f"{path}: names a version; this command takes the dataset, {root}")
    found = catalog_to_read(store_of(path), str(path))
    if found is None:
        raise _no_dataset(path)
    return found.catalog


def _no_dataset(path: PurePath) -> InputError:
    return InputError(f"{path}: no {CURRENT}; not a dataset or audit of chatsieve")


def point_latest(store: Store, where: str) -> None:
    """Links `latest` to the folder of the current version, where the file system has links."""
    if not isinstance(store, LocalStore):
        return
    found = read_catalog(store, where)
    if found is None or store.link_target(LATEST) == found.catalog.folder:
        return
    try:
        store.link(LATEST, found.catalog.folder)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise


def _remove(store: Store, names: Iterable[str]) -> None:
    for name in names:
        store.remove(name)


def _is_done(step: Callable[[], None]) -> bool:
    try:
        step()
    except Exception:  # noqa: BLE001 - nothing may fail after a commit, nor hide why a run failed
        return False
    return True
