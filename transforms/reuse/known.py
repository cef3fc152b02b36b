"""The shards and the row states of the version before, as its manifest lists them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from schemas.manifest import FileEntry
from schemas.state import ROW_STATE_PREFIX
from transforms.decide.known_rows import Checked

_SHARD = "data/train-"


class KnownShard(NamedTuple):
    """A shard and the state of its sessions: the name and the SHA-256 (hex) of each file."""

    data: str
    data_sha256: str
    state: str
    state_sha256: str


class KnownRows(NamedTuple):
    """The version before. `folder`: its path or URL. `checked`: the sessions that are masked all the same."""

    folder: str
    shards: tuple[KnownShard, ...]
    checked: Checked = Checked()


def known_rows(folder: str, files: Sequence[FileEntry], checked: Checked) -> KnownRows | None:
    """The shards of a version in order; None where its files of states are not one for each shard."""
    sums = {file.path: file.sha256 for file in files}
    shards = sorted(path for path in sums if path.startswith(_SHARD))
    beside = [re.sub(f"^{_SHARD}", ROW_STATE_PREFIX, path) for path in shards]
    if not shards or sorted(path for path in sums if path.startswith(ROW_STATE_PREFIX)) != beside:
        return None
    pairs = zip(shards, beside, strict=True)
    return KnownRows(
        folder, tuple(KnownShard(data, sums[data], state, sums[state]) for data, state in pairs), checked
    )
