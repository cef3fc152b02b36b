"""`chatsieve gc`: which versions are kept."""

from __future__ import annotations

from pathlib import PurePath

import msgspec

from pipeline.dataset.catalog import Version
from pipeline.dataset.change import begin_change_of_existing


def collect(root: PurePath, keep: int) -> list[Version]:
    """Removes all versions but the `keep` newest, and gives those it removed, oldest first.

    Files that a version shares with one that stays are still there. BusyError while a run writes.
    """
    change, before = begin_change_of_existing(root)
    try:
        ordered = sorted(before.versions, key=lambda one: one.version)
        removed, kept = ordered[:-keep], ordered[-keep:]
        if removed:
            after = msgspec.structs.replace(before, versions=kept)
            change.replace(after, lambda found: found.versions == kept)
    finally:
        change.release()
    return removed
