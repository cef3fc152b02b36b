"""The files of a source to rows of consent: keyed, with the lapse of grants, known at `as_of`."""

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

_KEYS_AT_ONCE = 1 << 14


class ConsentRecords(NamedTuple):
    """What a source says: its files that hold anything known, and their rows.

    `fault`: why it cannot be trusted, None where it can.
    """

    snapshots: list[Snapshot]
    kept: list[SpilledConsent]
    fault: str | None


def read_consent_records(
    paths: Sequence[str], source: FileSource, hasher: KeyedHasher, as_of: dt.datetime, spill: Spill
) -> ConsentRecords:
    """Every file, read once. What was recorded, or exported, after `as_of` is not looked into.

    Raises ConsentError for a record about what counts that is not understood. No user id leaves this
    function: rows have keys, and are put where `spill` puts them, a batch at a time. Of grants that lapse
    all rows of the source are held together, since another file may renew them.
    """
    files: list[tuple[ConsentFile, FileContents]] = []
    for path in paths:
        exported = dated_by_path(path) or source.snapshot_at
        if exported is None or exported <= as_of:
            files.append((ConsentFile(path, source, as_of, exported), FileContents()))
    rows = _keyed((said for file, found in files for said in _said(file, found)), hasher)
    known = (row for row in _with_lapses(rows, source) if row.decided_at is None or row.decided_at <= as_of)
    kept = list(spill_rows(known, spill))
    snapshots = [_snapshot(file, found) for file, found in files]
    return ConsentRecords(
        [s for s in snapshots if s.instants], kept, _fault(source, [found for _, found in files])
    )


class _KeyedRow(NamedTuple):
    user_key: bytes
    state: int
    decided_at: dt.datetime | None
    known_at: dt.datetime
    until: dt.datetime | None


def _said(file: ConsentFile, found: FileContents) -> Iterator[ConsentDecision]:
    if file.exported:
        found.reach(file.exported)
    if isinstance(file.source, FidesSource):
        said = read_fides(file, file.source, found)
    elif isinstance(file.source, SegmentSource):
        said = read_segment(file, file.source, found)
    else:
        said = read_iso27560(file, file.source, found)
    for each in said:
        found.rows += 1
        yield each


def _keyed(said: Iterable[ConsentDecision], hasher: KeyedHasher) -> Iterator[_KeyedRow]:
    batch: list[ConsentDecision] = []
    for each in said:
        batch.append(each)
        if len(batch) == _KEYS_AT_ONCE:
            yield from _with_keys(batch, hasher)
            batch.clear()
    yield from _with_keys(batch, hasher)


def _with_keys(batch: list[ConsentDecision], hasher: KeyedHasher) -> Iterator[_KeyedRow]:
    keys = hasher.users([said.user_id.encode() for said in batch])
    for key, said in zip(keys, batch, strict=True):
        yield _KeyedRow(key, *said[1:])


def _with_lapses(rows: Iterator[_KeyedRow], source: FileSource) -> Iterator[ConsentRow]:
    """Each row, and an undecided one where a grant lapses before its user says anything else."""
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
