"""How many ledger parts and shards a run writes: a pure function of the data, never of its layout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

SESSIONS_PER_LEDGER_PART = 1_000_000
DEFAULT_SHARD_BYTES = 1 << 30


class Sizes(NamedTuple):
    """Parts of the ledger (and of the quarantine), and shards of the data."""

    ledger_parts: int
    shards: int


class Volume(NamedTuple):
    """What a bucket decided on: its sessions, and the text bytes of the eligible ones."""

    sessions: int
    text_bytes: int


def total(volumes: Iterable[Volume]) -> Volume:
    """The sum, as a Beam combiner calls it."""
    sessions = text_bytes = 0
    for volume in volumes:
        sessions += volume[0]
        text_bytes += volume[1]
    return Volume(sessions, text_bytes)


def sizes(volume: Volume, shards: int | None, target_shard_bytes: int | None) -> Sizes:
    """The sizes for a volume: `shards` if given, else as many as make `target_shard_bytes` of text each."""
    target = target_shard_bytes or DEFAULT_SHARD_BYTES
    return Sizes(
        max(1, -(-volume[0] // SESSIONS_PER_LEDGER_PART)),
        shards or max(1, min(99_999, -(-volume[1] // target))),
    )
