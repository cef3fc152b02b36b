"""A change of a dataset's catalog: one writer at a time, and one conditional put that makes it count."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.dataset.catalog import CURRENT, Catalog, Read, encode, read_catalog
from pipeline.dataset.claims import Claim, claim
from pipeline.dataset.leftovers import remove_leftovers
from schemas.errors import BusyError, PipelineError
from transforms.storage.contract import Conflict, Unknown
from transforms.storage.local import LocalStore

_TRIES = 5


class Change:
    """The claim of the next version of a dataset, and the catalog as it was read under that claim.

    `read` is None for a dataset without a version. `is_done` is True once the new catalog counts, even if an
    error came after that.
    """

    def __init__(self, path: Path, store: LocalStore, held: Claim, read: Read | None) -> None:
        self.path, self.store, self.read = path, store, read
        self.claim = held
        self.is_done = False

    @property
    def before(self) -> Catalog | None:
        """The catalog before the change."""
        return self.read.catalog if self.read else None

    def replace(self, catalog: Catalog, counts: Callable[[Catalog], bool]) -> None:
        """Makes the catalog count. `counts` tells of a catalog that was read whether it has this change.

        Raises BusyError where another writer was first, PipelineError where the store failed. SIGINT and
        SIGTERM wait until the outcome is known. Once the change is done they are ignored for the rest of the
        process: it only cleans up and reports, and must not report a failure.
        """
        with _signals_held() as ignore:
            self._replace(encode(catalog), counts)
            self.is_done = True
            ignore()

    def counts(self, counts: Callable[[Catalog], bool], unreadable: bool) -> bool:
        """Whether the catalog has the change; `unreadable` where it cannot be read."""
        try:
            return self._has(counts)
        except OSError:
            return unreadable

    def release(self) -> None:
        """Gives the claim up and removes what no version needs; never raises once the change is done."""
        try:
            self.claim.release()
            remove_leftovers(self.store, str(self.path))
        except Exception:
            if not self.is_done:
                raise

    def _replace(self, data: bytes, counts: Callable[[Catalog], bool]) -> None:
        failure: Exception | None = None
        for _ in range(_TRIES):
            try:
                self._put(data)
            except Conflict:
                if not self._has(counts):
                    raise BusyError(f"{self.path}: another command changed it first; run again") from None
            except (Unknown, OSError) as error:
                # The answer was lost or the store failed: only reading tells which catalog counts.
                failure = error
                if not self._has(counts):
                    continue
            return
        raise PipelineError(f"commit: {self.path / CURRENT} could not be replaced") from failure

    def _put(self, data: bytes) -> None:
        if self.read is not None:
            self.store.replace(CURRENT, data, self.read.etag)
        elif not self.store.create(CURRENT, data):
            raise Conflict(CURRENT)

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


def begin_change(path: Path) -> Change:
    """A claimed change of the dataset at `path`; BusyError while another command changes it, OSError."""
    store = LocalStore(path)
    before = read_catalog(store, str(path))
    held = claim(store, before.catalog.version + 1 if before else 1, str(path))
    # Another writer may have committed between the reading and the claim.
    now = read_catalog(store, str(path))
    if (now.etag if now else None) != (before.etag if before else None):
        held.release()
        raise BusyError(f"{path}: another command changed it at this moment; run again")
    return Change(path, store, held, before)


@contextlib.contextmanager
def _signals_held() -> Iterator[Callable[[], None]]:
    """SIGINT and SIGTERM wait until the block is left; calling what it gives ignores them from then on.

    Outside of the main thread nothing is done: signals arrive in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    both = {signal.SIGINT, signal.SIGTERM}

    def ignore() -> None:
        for each in both:
            signal.signal(each, signal.SIG_IGN)

    signal.pthread_sigmask(signal.SIG_BLOCK, both)
    try:
        yield ignore
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
