"""Further ids of conversations that an erasure removes: their records must not come back under these ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.erasable import ErasableVersion


class Removed(NamedTuple):
    """A version, and the conversations that an erasure removes from it."""

    version: ErasableVersion
    conversations: frozenset[bytes]


def ids_of_removed(removed: Sequence[Removed]) -> frozenset[bytes]:
    """The keys of further ids that removed conversations have and no other one has, over all versions.

    A conversation of the same user that has such a key for its own id, in a version without the removed one,
    is an earlier state of the removed one.
    """
    of_versions = [_names(one) for one in removed]
    wanted = frozenset[tuple[str, str | None]]().union(*of_versions)
    names = {name for name, _ in wanted}
    shared: set[str] = set()
    for one, own in zip(removed, of_versions, strict=True) if names else ():
        here = {name for name, _ in own}
        for sessions in _sessions(one, are_removed=False):
            shared.update(names.intersection(pc.list_flatten(sessions["names"]).to_pylist()))
            rows = sessions.filter(_is_in(sessions["conversation_key"], names))
            keys, users = rows["conversation_key"].to_pylist(), rows["user_key"].to_pylist()
            for key, user in zip(keys, users, strict=True):
                if key in here or (key, user) not in wanted:
                    shared.add(key)
    return frozenset(bytes.fromhex(name) for name in names - shared)


def _names(removed: Removed) -> frozenset[tuple[str, str | None]]:
    """(further id, user) of the conversations that are removed from a version."""
    return frozenset(
        (name, row["user_key"])
        for sessions in _sessions(removed, are_removed=True)
        for row in sessions.filter(sessions["names"].is_valid()).to_pylist()
        for name in row["names"]
    )


def _sessions(removed: Removed, *, are_removed: bool) -> list[pa.Table]:
    """The SESSIONS rows of a version that are removed, or the others, by file."""
    digits = {key.hex() for key in removed.conversations}
    found = []
    for name in removed.version.names("restricted/sessions-") if digits or not are_removed else ():
        sessions = removed.version.table(name)
        where = _is_in(sessions["conversation_key"], digits)
        found.append(sessions.filter(where if are_removed else pc.invert(where)))
    return found


def _is_in(keys: pa.ChunkedArray, digits: set[str]) -> pa.ChunkedArray:
    return pc.is_in(keys, value_set=pa.array(sorted(digits), pa.string()))
