"""The state of facts without the units that hold erased keys: the next run reads their files again."""

from __future__ import annotations

import pyarrow as pa

from pipeline.dataset.erasable import ErasableVersion
from pipeline.dataset.erasures import Keys
from pipeline.dataset.state import STATE_FOLDER
from transforms.read.state.erase import files_of, units_of_facts, units_of_files, units_of_names, without
from transforms.read.state.known import FACTS, FILES, UNITS


def state_without(version: ErasableVersion, keys: Keys) -> dict[str, pa.Table]:
    """By name, the state files of a version that hold one of the keys, without all units that do.

    A unit is left out with everything else that its files gave: facts of other users, too. Raises InputError
    for a damaged file.
    """
    facts, units, files = (version.names(f"{STATE_FOLDER}{kind}-") for kind in (FACTS, UNITS, FILES))
    gone: set[bytes] = set()
    for name in facts:
        gone |= units_of_facts(version.table(name), *keys)
    for name in units:
        gone |= units_of_names(version.table(name), *keys)
    if not gone:
        return {}
    unread: set[bytes] = set()
    for name in units:
        unread |= files_of(version.table(name), gone)
    for name in units:
        gone |= units_of_files(version.table(name), unread)
    found = {}
    for names, column, left_out in ((facts, "unit", gone), (units, "unit", gone), (files, "file", unread)):
        for name in names:
            table = version.table(name)
            left = without(table, column, left_out)
            if left is not table:
                found[name] = left
    return found
