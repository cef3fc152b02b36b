"""Finds and checks all consent sources of a configuration, and reads those that workers cannot read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from pipeline.inputs.config import Settings
from pipeline.inputs.globs import files_matching, refused
from pipeline.inputs.postgresql_consent import read_table
from schemas.consent_config import FileSource, PostgresqlSource, Source
from schemas.errors import ConsentError
from schemas.keys import KeyedHasher
from transforms.consent.snapshots import Snapshot, inspect_snapshot
from transforms.consent.spilled import SpilledConsent
from transforms.consent.systems.read import read_consent_records
from transforms.shuffle.instants import later
from transforms.shuffle.spill import Spill
from transforms.sources.file_state import UNKNOWN, States


class Consent(NamedTuple):
    """The consent sources at `as_of`.

    `inspected`: the sources with any entry known at `as_of`, for report and manifest. `reads`: what workers
    read, which are paths of canonical snapshots and spilled rows of other sources. `known_until`: the newest
    instant of any source.
    """

    inspected: list[Snapshot]
    reads: list[str | SpilledConsent]
    known_until: dt.datetime


#: How the rows of a database are read: see `read_table` and `check_table`.
ReadTable = Callable[
    [Settings, str, PostgresqlSource, KeyedHasher, Spill], tuple[Snapshot, list[SpilledConsent]]
]


def read_consent(
    settings: Settings,
    hasher: KeyedHasher,
    spill: Spill,
    states: States = UNKNOWN,
    read_rows: ReadTable = read_table,
) -> Consent:
    """Checks all sources; ConsentError for one that is missing, stale or has an invalid entry.

    Snapshots made after `as_of` are ignored completely, so that a run for a past instant gives the same
    dataset and manifest after newer snapshots were added. `states`: of the files when they were digested;
    PipelineError for a file in another one.
    """
    config = settings.config.consent
    paths = dict.fromkeys(path for pattern in config.snapshots for path in _files(settings, pattern))
    found = [inspect_snapshot(path, settings.as_of, states) for path in paths]
    inspected = [snapshot for snapshot in found if snapshot.instants]
    reads: list[str | SpilledConsent] = [snapshot.path for snapshot in inspected]
    for number, source in enumerate(config.sources):
        snapshots, kept = _read_source(
            settings, f"consent.sources[{number}]", source, hasher, spill, states, read_rows
        )
        inspected += snapshots
        reads += kept
    known = [instant for snapshot in inspected for instant in snapshot.instants]
    where = "consent" if config.sources else "consent.snapshots"
    if not known:
        raise ConsentError(
            f"{where}: no snapshot at or before as_of {_moment(settings.as_of)}; add one or change as_of"
        )
    newest = max(known)
    for pack in settings.packs:
        if later(newest, pack.policy.max_snapshot_age) < settings.as_of:
            raise ConsentError(
                f"{where}: stale: the newest snapshot is of {_moment(newest)}; that exceeds max_snapshot_age "
                f"of policy {pack.policy.id} at {_moment(settings.as_of)}; add a newer snapshot"
            )
    return Consent(inspected, reads, newest)


def _read_source(
    settings: Settings,
    where: str,
    source: Source,
    hasher: KeyedHasher,
    spill: Spill,
    states: States,
    read_rows: ReadTable,
) -> tuple[list[Snapshot], list[SpilledConsent]]:
    if isinstance(source, PostgresqlSource):
        snapshot, kept = read_rows(settings, where, source, hasher, spill)
        snapshots = [snapshot] if snapshot.instants else []
    else:
        snapshots, kept = _read_files(settings, where, source, hasher, spill, states)
    newest = max((snapshot.instants[-1] for snapshot in snapshots), default=None)
    if source.max_age is not None and (newest is None or later(newest, source.max_age) < settings.as_of):
        known = "it has no entry" if newest is None else f"the newest entry is of {_moment(newest)}"
        raise ConsentError(
            f"{where}: stale: {known}, which exceeds max_age at {_moment(settings.as_of)}; export it again"
        )
    return snapshots, kept


def _read_files(
    settings: Settings, where: str, source: FileSource, hasher: KeyedHasher, spill: Spill, states: States
) -> tuple[list[Snapshot], list[SpilledConsent]]:
    paths = _files(settings, source.path)
    history = read_consent_records(paths, source, hasher, settings.as_of, spill, states)
    if history.fault:
        raise ConsentError(f"{where}: {settings.resolve(source.path)}: {history.fault}")
    return history.snapshots, history.spilled


def _files(settings: Settings, pattern: str) -> list[str]:
    resolved = settings.resolve(pattern)
    with refused():
        paths = [file.path for file in files_matching(resolved)]
    if not paths:
        raise ConsentError(f"{resolved}: no consent snapshot found; give an existing file or a matching glob")
    return paths


def _moment(instant: dt.datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
