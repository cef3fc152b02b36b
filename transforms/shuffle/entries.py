"""Catalog entries: what the stages report to the commit.

They are written as data, because Beam counters count a retried bundle twice.
"""

from __future__ import annotations

from typing import Any

import msgspec

ENTRIES = "entries"


def entry(kind: str, **fields: Any) -> bytes:
    """One entry as JSON: `kind` is input, read, decided, ledger, quarantine, shard or text."""
    return msgspec.json.encode({"kind": kind, **fields}, order="deterministic")


def entries_by_kind(encoded: list[bytes]) -> dict[str, list[dict[str, Any]]]:
    """The entries of each kind, sorted, so that the order of arrival has no effect."""
    found: dict[str, list[dict[str, Any]]] = {}
    for data in sorted(encoded):
        item = msgspec.json.decode(data)
        found.setdefault(item.pop("kind"), []).append(item)
    return found
