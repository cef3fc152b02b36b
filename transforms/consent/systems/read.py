"""Reads the files of a consent source into spilled rows: keyed, known at `as_of`, with ends of grants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.consent_config import FidesSource, FileSource, Iso27560Source, SegmentSource
from schemas.keys import KeyedHasher
from schemas.tables import GRANTED, UNDECIDED
from transforms.consent.files import dated_by_path
from transforms.consent.snapshots import Snapshot
from transforms.consent.spilled import ConsentRow, SpilledConsent, spill_rows
from transforms.consent.systems.base import ConsentDecision, ConsentFile, FileContents
from transforms.consent.systems.fides import missing_page, read_fides
from transforms.consent.systems.iso27560 import read_iso27560
from transforms.consent.systems.segment import read_segment
from transforms.shuffle.spill import Spill
from transforms.sources.file_state import UNKNOWN, States

_KEYS_AT_ONCE = 1 << 14


class ConsentRecords(NamedTuple):
    """The files of a source that have known records, and their rows. `fault`: why the source is refused."""

    snapshots: list[Snapshot]
    spilled: list[SpilledConsent]
    fault: str | None


def read_consent_records(
    paths: Sequence[str],
    source: FileSource,
    hasher: KeyedHasher,
    as_of: dt.datetime,
    spill: Spill,
    states: States = UNKNOWN,
) -> ConsentRecords:
    """The records of a source; each file is read once. Records and exports after `as_of` are ignored.

    Raises ConsentError for a relevant record that cannot be interpreted, PipelineError for a file that is not
    in its state of `states`. No user id leaves this function:
    rows have keys and are spilled in batches. If grants can end, all dated rows of the source are held in
    memory, since another file may renew a grant.
    """
    files: list[tuple[ConsentFile, FileContents]] = []
    for path in paths:
        exported = dated_by_path(path) or source.snapshot_at
        if exported is None or exported <= as_of:
            files.append((ConsentFile(path, source, as_of, exported, states), FileContents()))
    rows = _keyed((decision for file, found in files for decision in _decisions(file, found)), hasher)
    known = (row for row in _with_lapses(rows, source) if row.decided_at is None or row.decided_at <= as_of)
    spilled = list(spill_rows(known, spill))
    snapshots = [_snapshot(file, found) for file, found in files]
    return ConsentRecords(
        [s for s in snapshots if s.instants], spilled, _fault(source, [found for _, found in files])
    )


class _KeyedRow(NamedTuple):
    user_key: bytes
    state: int
    decided_at: dt.datetime | None
    known_at: dt.datetime
    until: dt.datetime | None


def _decisions(file: ConsentFile, found: FileContents) -> Iterator[ConsentDecision]:
    if file.exported:
        found.reach(file.exported)
    if isinstance(file.source, FidesSource):
        decisions = read_fides(file, file.source, found)
    elif isinstance(file.source, SegmentSource):
        decisions = read_segment(file, file.source, found)
    else:
        decisions = read_iso27560(file, file.source, found)
    for decision in decisions:
        found.rows += 1
        yield decision


def _keyed(decisions: Iterable[ConsentDecision], hasher: KeyedHasher) -> Iterator[_KeyedRow]:
    batch: list[ConsentDecision] = []
    for decision in decisions:
        batch.append(decision)
        if len(batch) == _KEYS_AT_ONCE:
            yield from _with_keys(batch, hasher)
            batch.clear()
    yield from _with_keys(batch, hasher)


def _with_keys(batch: list[ConsentDecision], hasher: KeyedHasher) -> Iterator[_KeyedRow]:
    keys = hasher.users([decision.user_id.encode() for decision in batch])
    for key, decision in zip(keys, batch, strict=True):
        yield _KeyedRow(key, *decision[1:])


def _with_lapses(rows: Iterator[_KeyedRow], source: FileSource) -> Iterator[ConsentRow]:
    """Each row, and an undecided row where a grant ends before the next decision of its user."""
    if not isinstance(source, Iso27560Source):
        for row in rows:
            yield ConsentRow(*row[:4])
        return
    dated: dict[bytes, list[_KeyedRow]] = {}
    for row in rows:
        yield ConsentRow(*row[:4])
        if row.decided_at is not None:
            dated.setdefault(row.user_key, []).append(row)
    for user_key, decisions in dated.items():
        for row in decisions:
            if row.until is None or row.state != GRANTED or row.decided_at is None:
                continue
            after = (other.decided_at for other in decisions if other.decided_at is not None)
            if not any(row.decided_at < at <= row.until for at in after):
                yield ConsentRow(user_key, UNDECIDED, row.until, row.known_at)


def _snapshot(file: ConsentFile, found: FileContents) -> Snapshot:
    instants = tuple(sorted(set(found.reached or ())))
    return Snapshot(file.path, instants, found.rows, file.source.format)


def _fault(source: FileSource, found: list[FileContents]) -> str | None:
    if not any(each.reached for each in found):
        return None
    if isinstance(source, FidesSource) and (missing := missing_page(found)):
        return missing
    if any(each.matched for each in found):
        return None
    wanted = {"fides": "preference", "iso-27560": "purpose", "segment": "category"}[source.format]
    names = sorted({name for each in found for name in each.names})
    return (
        f"no record is about the {wanted} {getattr(source, wanted)}; there are: {', '.join(names) or 'none'}"
    )
