"""Files that no version needs: of writers that died, and of versions that were replaced or collected."""

from __future__ import annotations

import time

from pipeline.dataset.catalog import is_version_folder, read_catalog
from pipeline.dataset.claims import LEASE, claims_of, is_live, remove_dead
from transforms.storage.contract import Store
from transforms.storage.local import TEMPORARY


def remove_leftovers(store: Store, where: str) -> None:
    """Removes folders that neither the catalog nor a live claim names, dead claims, and old temporary files.

    The order matters: a writer claims before it makes its folder and commits before it gives its claim up, so
    folders are listed first, then claims are read, then the catalog.
    """
    folders, names = store.folders(), store.names()
    live = {holder.folder for holder in claims_of(store).values() if is_live(holder)}
    found = read_catalog(store, where)
    needed = live | ({one.folder for one in found.catalog.versions} if found else set())
    for folder in folders:
        if is_version_folder(folder) and folder not in needed:
            store.remove_all(folder)
    for name in names:
        if name.split("/", 1)[0] not in needed and _is_old_temporary(store, name):
            store.remove(name)
    remove_dead(store)


def _is_old_temporary(store: Store, name: str) -> bool:
    """True for an unfinished file that no live writer can still be writing."""
    if not name.rpartition("/")[2].startswith(TEMPORARY):
        return False
    try:
        return time.time() - store.stat(name).modified / 1e9 > LEASE.total_seconds()
    except FileNotFoundError:
        return False
