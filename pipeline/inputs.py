"""Input files, consent snapshots and what is learnt of them before a run may start."""

from __future__ import annotations

import dataclasses
import datetime as dt
import glob
from pathlib import Path

import pyarrow as pa

from pipeline.config import Settings
from pipeline.identity_tables import identities_of
from schemas.config import InputConfig
from schemas.errors import ConsentError, InputError
from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from schemas.tables import AUTHORIZATIONS
from transforms.authorizations import read_authorizations
from transforms.consent import Snapshot, inspect_snapshot, read_deletions
from transforms.file_names import input_root
from transforms.instants import later
from transforms.sources import InputFile, PlanTask, ReadContext, plan_tasks, source_of


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """Everything a run reads. `files` are (input, position, path), sorted; `roots` by input.

    `inspected`: the snapshot files, as they were found when every state in them was read.
    """

    tasks: list[PlanTask]
    files: list[tuple[int, int, str]]
    roots: list[str]
    total_bytes: int
    inspected: list[Snapshot]
    deletions: list[str]
    authorizations: pa.Table
    known_until: dt.datetime

    @property
    def snapshots(self) -> list[str]:
        """The paths of the snapshot files."""
        return [snapshot.path for snapshot in self.inspected]


def find_inputs(settings: Settings, hasher: KeyedHasher) -> Inputs:
    """The inputs of a configuration; raises InputError, ConsentError or ConfigError and reads no log."""
    config = settings.config
    tasks: list[PlanTask] = []
    files: list[tuple[int, int, str]] = []
    roots: list[str] = []
    total_bytes = 0
    for number, source in enumerate(config.inputs):
        pattern = settings.resolve(source.path)
        found = input_files(pattern, source.format)
        roots.append(_root(settings, source))
        tasks += plan_tasks(number, source.format, found)
        files += [(number, position, file.path) for position, file in enumerate(found)]
        total_bytes += sum(file.size for file in found)
    snapshots, known_until = _known_snapshots(settings)
    deletions = [settings.resolve(config.deletions)] if config.deletions else []
    for path in deletions:
        for _ in read_deletions(path, hasher, settings.as_of):
            pass
    authorizations = AUTHORIZATIONS.empty_table()
    if config.authorizations:
        authorizations = read_authorizations(Path(settings.resolve(config.authorizations)), hasher)
    return Inputs(
        tasks,
        files,
        roots,
        total_bytes,
        snapshots,
        deletions,
        authorizations,
        known_until,
    )


def read_context(settings: Settings, hasher: KeyedHasher) -> ReadContext:
    """How records are read under these settings."""
    config = settings.config
    limits = Limits(config.limits.max_record_bytes, config.limits.max_messages)
    defaults = tuple(Defaults(**source.defaults.model_dump()) for source in config.inputs)
    identities = tuple(
        identities_of(source, _root(settings, source), source.mapping and settings.resolve(source.mapping))
        for source in config.inputs
    )
    return ReadContext(hasher, limits, defaults, identities=identities if any(identities) else ())


def _root(settings: Settings, source: InputConfig) -> str:
    """The folder below which an input's files are named."""
    pattern = settings.resolve(source.path)
    return pattern if Path(pattern).is_dir() else input_root(pattern)


def input_files(pattern: str, source_format: str) -> list[InputFile]:
    """The files of a path, a folder or a glob, as a format reads them; raises InputError."""
    if Path(pattern).is_dir():
        inside = source_of(source_format).folder_patterns
        if not inside:
            raise InputError(f"{pattern}: is a folder; give a file or a glob such as {pattern}/*.jsonl")
        patterns = [f"{glob.escape(pattern)}/{inner}" for inner in inside]
    else:
        patterns = [pattern]
    paths = sorted({path for each in patterns for path in _glob(each) if Path(path).is_file()})
    if not paths:
        raise InputError(f"{pattern}: no such input; give an existing file or a glob that matches some")
    return [InputFile(path, Path(path).stat().st_size) for path in paths]


def files_at(path: str) -> list[InputFile]:
    """Every file of a path, a folder or a glob, whatever it is; raises InputError where there is none."""
    if not Path(path).is_dir():
        return input_files(path, "canonical")
    found = sorted(str(file) for file in Path(path).rglob("*") if file.is_file())
    if not found:
        raise InputError(f"{path}: holds no file; give a folder, a file or a glob with logs")
    return [InputFile(file, Path(file).stat().st_size) for file in found]


def _snapshot_files(settings: Settings, pattern: str) -> list[str]:
    resolved = settings.resolve(pattern)
    paths = sorted(path for path in _glob(resolved) if Path(path).is_file())
    if not paths:
        raise ConsentError(f"{resolved}: no consent snapshot found; the run needs at least one")
    return paths


def _glob(pattern: str) -> list[str]:
    if Path(pattern).exists():
        return [pattern]
    # pathlib's globs cannot start from an absolute pattern, and skip nothing we would not.
    return glob.glob(pattern, recursive=True, include_hidden=True)  # noqa: PTH207


def _known_snapshots(settings: Settings) -> tuple[list[Snapshot], dt.datetime]:
    """The snapshot files that hold anything known at `as_of`, and the newest instant they know.

    A file of later snapshots only is left out whole, so that a run for a past moment is the same, manifest
    and all, however many snapshots were added since.
    """
    patterns = settings.config.consent.snapshots
    paths = dict.fromkeys(path for pattern in patterns for path in _snapshot_files(settings, pattern))
    inspected = [inspect_snapshot(path, settings.as_of) for path in paths]
    known = [instant for snapshot in inspected for instant in snapshot.instants]
    if not known:
        raise ConsentError(
            f"consent.snapshots: none is at or before as_of {settings.as_of:%Y-%m-%dT%H:%M:%SZ}; "
            "add a newer snapshot"
        )
    newest = max(known)
    for pack in settings.packs:
        if later(newest, pack.policy.max_snapshot_age) < settings.as_of:
            raise ConsentError(
                f"consent.snapshots: stale: the newest is of {newest:%Y-%m-%dT%H:%M:%SZ}, older than the "
                f"max_snapshot_age of policy {pack.policy.id} at {settings.as_of:%Y-%m-%dT%H:%M:%SZ}; "
                "add a newer snapshot"
            )
    return [snapshot for snapshot in inspected if snapshot.instants], newest
