"""Names of what the reading steps give, and their catalog entries."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from schemas.units import Unit
from transforms.read.state.units import ReadCount
from transforms.shuffle.entries import entry
from transforms.shuffle.run_key import RunKey

QUARANTINED = "quarantined"
HISTORIES_OUT = "histories"
NAMES_OUT = "names"
FILES_OUT = "files"
STATE_FACTS_OUT = "state_facts"
STATE_UNITS_OUT = "state_units"
#: (part of the version before, units whose facts are taken over from it).
WANTED = "wanted"


def read_entry(count: ReadCount) -> bytes:
    """The entry for what was read of an input, now or before."""
    return entry("read", **{**count._asdict(), "unknown": count.unknown._asdict()})


def increment_entry(units: int, units_read: int) -> bytes:
    """The entry for units that the run has, and for those of them that it read."""
    return entry("increment", units=units, units_read=units_read)


def unkept_entry(files: Iterable[bytes]) -> bytes:
    """The entry for files that the next run must read again, by their keys."""
    return entry("unkept", files=[key.hex() for key in files])


def unlisted_entries(run_key: RunKey, unit: Unit, rows: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """The entry for the STATE_UNLISTED of a unit that has any.

    Sealed (input, paths, rows): the list of all entries is a temporary file, and the values are as the logs
    have them.
    """
    if rows:
        sealed = run_key.seal((unit.input, unit.paths, [dict(row) for row in rows]))
        yield entry("unlisted", sealed=base64.b64encode(sealed).decode())
