"""Input files, consent snapshots and what is learnt of them before a run may start."""

from __future__ import annotations

import dataclasses
import datetime as dt
import glob
from pathlib import Path

import pyarrow as pa

from pipeline.inputs.config import Settings
from pipeline.inputs.consent import read_consent
from pipeline.inputs.globs import matching
from pipeline.inputs.mapping_table import identities_of
from schemas.config import InputConfig
from schemas.errors import InputError
from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from schemas.tables import AUTHORIZATIONS
from transforms.consent.authorizations import read_authorizations
from transforms.consent.snapshots import Snapshot, read_deletions
from transforms.consent.spilled import Kept
from transforms.shuffle.spill import Spill
from transforms.sources.base import InputFile, PlanTask, ReadContext
from transforms.sources.paths import input_root
from transforms.sources.registry import plan_tasks, source_of


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """Everything a run reads. `files` are (input, position, path), sorted; `roots` by input.

    `inspected`: the sources of consent, as they were found when every state in them was read; `snapshots`:
    the paths of canonical ones, and the rows of the others, read for this run alone.
    """

    tasks: list[PlanTask]
    files: list[tuple[int, int, str]]
    roots: list[str]
    total_bytes: int
    inspected: list[Snapshot]
    snapshots: list[str | Kept]
    deletions: list[str]
    authorizations: pa.Table
    known_until: dt.datetime


def find_inputs(settings: Settings, hasher: KeyedHasher, spill: Spill) -> Inputs:
    """The inputs of a configuration; raises InputError, ConsentError or ConfigError and reads no log.

    Consent that only one process can read is read here, and waits in `spill`.
    """
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
    consent = read_consent(settings, hasher, spill)
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
        consent.inspected,
        consent.reads,
        deletions,
        authorizations,
        consent.known_until,
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
    paths = sorted({path for each in patterns for path in matching(each) if Path(path).is_file()})
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
