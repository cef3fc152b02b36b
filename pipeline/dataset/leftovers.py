"""Files that no version needs: of writers that died, and of versions that were replaced or collected."""

from __future__ import annotations

import time

from pipeline.dataset.catalog import CURRENT, is_version_folder, read_catalog
from pipeline.dataset.claims import Claim, remove_dead
from pipeline.dataset.erasures import ERASURES, certificate_name, keys_name
from transforms.storage.contract import Store
from transforms.storage.leases import LEASE
from transforms.storage.local import TEMPORARY


def remove_leftovers(store: Store, where: str, own: Claim) -> None:
    """Removes folders and erasures that the catalog does not list, dead claims, and unfinished files.

    `own` is the claim of the caller, who is done with it or gives up. While another claim is live, folders,
    erasures and unfinished catalogs stay: they may be that writer's, and it removes the others when it ends.
    An unfinished claim may be that of a writer without a claim; it stays for the time of a lease.

    The order matters: a writer claims before it writes and commits before it gives its claim up, so files are
    listed first, then claims are read, then the catalog. A writer that is taken for dead may only be stopped:
    without a claim and with its commit revoked, it cannot make a folder count after the catalog was read.
    """
    folders, names = store.folders(), store.names()
    others = remove_dead(store, own)
    if not others:
        store.revoke(CURRENT)
    found = read_catalog(store, where)
    kept = {one.folder for one in found.catalog.versions} if found else set()
    erased = {
        make(name)
        for name in (found.catalog.erased if found else ())
        for make in (keys_name, certificate_name)
    }
    if not others:
        for folder in folders:
            if is_version_folder(folder) and folder not in kept:
                store.remove_all(folder)
        for name in names:
            if (name.startswith(ERASURES) and name not in erased) or name.startswith(TEMPORARY):
                store.remove(name)
    for name in names:
        if not is_version_folder(name.split("/", 1)[0]) and _is_old_temporary(store, name):
            store.remove(name)


def _is_old_temporary(store: Store, name: str) -> bool:
    """True for an unfinished file that no live writer can still be writing."""
    if not name.rpartition("/")[2].startswith(TEMPORARY):
        return False
    try:
        return abs(time.time() - store.stat(name).modified / 1e9) > LEASE.total_seconds()
    except FileNotFoundError:
        return False
