"""The numbers of ledger parts and shards that a run writes. They depend on the data, not on its layout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

SESSIONS_PER_LEDGER_PART = 1_000_000
DEFAULT_SHARD_BYTES = 1 << 30


class Sizes(NamedTuple):
    """The number of parts of the ledger (and of the quarantine), and of shards of the data."""

    ledger_parts: int
    shards: int


class Volume(NamedTuple):
    """The sessions of a bucket, and the text bytes of its eligible sessions."""

    sessions: int
    text_bytes: int


def total(volumes: Iterable[Volume]) -> Volume:
    """The sum; a Beam combiner."""
    sessions = text_bytes = 0
    for volume in volumes:
        sessions += volume[0]
        text_bytes += volume[1]
    return Volume(sessions, text_bytes)


def sizes(volume: Volume, shards: int | None, target_shard_bytes: int | None) -> Sizes:
    """The sizes for a volume: `shards` if given, else shards of about `target_shard_bytes` of text."""
    target = target_shard_bytes or DEFAULT_SHARD_BYTES
    return Sizes(
        max(1, -(-volume[0] // SESSIONS_PER_LEDGER_PART)),
        shards or max(1, min(99_999, -(-volume[1] // target))),
    )
