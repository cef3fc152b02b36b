"""Quarantined records as a table: the place and the reason of each, without its contents."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from schemas.tables import QUARANTINED
from schemas.units import Quarantined


def quarantined_table(entries: Sequence[Quarantined]) -> pa.Table:
    """The QUARANTINED table of the entries, in their order."""
    rows = [
        {
            "part_key": entry.conversation_key or bytes.fromhex(entry.digest)[:16].ljust(16, b"\0"),
            "conversation_key": entry.conversation_key,
            "input": entry.input,
            "path": entry.path,
            "locator": entry.locator,
            "code": entry.code,
            "field": entry.field,
            "kind": entry.kind,
            "byte_length": entry.byte_length,
            "digest": entry.digest,
        }
        for entry in entries
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINED)
