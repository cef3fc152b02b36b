"""`chatsieve path`, `versions` and `gc`: where a version is, which there are, and which are kept."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pipeline.dataset.catalog import Catalog, Version, read_catalog
from pipeline.dataset.change import begin_change
from schemas.errors import InputError, OutputError
from transforms.storage.local import LocalStore


def catalog_of(root: Path) -> Catalog:
    """The catalog of a dataset or audit folder; raises InputError where there is none."""
    found = read_catalog(LocalStore(root), str(root))
    if found is None:
        raise InputError(f"{root}: no CURRENT; not a dataset or audit of chatsieve")
    return found.catalog


def collect(root: Path, keep: int) -> list[Version]:
    """Removes all versions but the `keep` newest, and gives those it removed, oldest first.

    Files that a version shares with one that stays are still there. BusyError while a run writes.
    """
    catalog_of(root)
    try:
        change = begin_change(root)
    except OSError as error:
        raise OutputError(f"{root}: cannot be written ({error.strerror})") from None
    try:
        before = change.before
        if before is None:
            raise InputError(f"{root}: no CURRENT; not a dataset or audit of chatsieve")
        ordered = sorted(before.versions, key=lambda one: one.version)
        removed, kept = ordered[:-keep], ordered[-keep:]
        if removed:
            after = msgspec.structs.replace(before, versions=kept)
            change.replace(after, lambda found: found.versions == kept)
    finally:
        change.release()
    return removed
