"""Finds input files, consent, deletions and authorisations, and checks them before a run starts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Sequence

import pyarrow as pa

from pipeline.inputs.config import Settings
from pipeline.inputs.consent import Consent, read_consent
from pipeline.inputs.globs import is_file, matching, refused
from pipeline.inputs.mapping_table import identities_of
from pipeline.inputs.watched import WatchedFile, states_of, wait_for_ticks, watch, watch_log
from pipeline.inputs.windows import FoundFiles, files_of, root_of
from schemas.consent_config import FileSource
from schemas.deid import is_class
from schemas.errors import Faults, InputError
from schemas.formats import MAPPED_GROUPS
from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from schemas.tables import AUTHORIZATIONS
from schemas.telemetry.events import InputsFound
from transforms.consent.authorizations import read_authorizations
from transforms.consent.snapshots import ErasedKeys, Snapshot, read_deletions
from transforms.consent.spilled import SpilledConsent
from transforms.shuffle.instants import moment_text
from transforms.shuffle.spill import Spill
from transforms.sources.base import PlanTask, ReadContext
from transforms.sources.file_state import UNKNOWN, States
from transforms.sources.mapped.groups import MAX_BYTES
from transforms.sources.registry import plan_tasks


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that a run reads.

    `tasks`: reading tasks, from which workers plan units. `files`: (input, position, path), sorted. `roots`:
    for each input, the folder that file names are relative to. `inspected`: the consent sources, for report
    and manifest. `snapshots`: what workers read of them, see `Consent.reads`.
    `watched`: every file, to be the same at commit. `covered`: for each input, the days that it covers.
    """

    tasks: list[PlanTask]
    files: list[tuple[int, int, str]]
    roots: list[str]
    total_bytes: int
    inspected: list[Snapshot]
    snapshots: list[str | SpilledConsent]
    deletions: list[str | ErasedKeys]
    authorizations: pa.Table
    known_until: dt.datetime
    watched: list[WatchedFile]
    covered: list[FoundFiles]

    def found(self, as_of: dt.datetime) -> InputsFound:
        """Their counts, and the newest modification of a log on disk; None if all are in buckets."""
        newest = max((file.state.modified for file in self.watched if file.sha256 is None), default=0)
        return InputsFound(
            files=len(self.files),
            bytes=self.total_bytes,
            snapshots=len(self.inspected),
            as_of=moment_text(as_of),
            known_until=moment_text(self.known_until),
            newest_input=moment_text(dt.datetime.fromtimestamp(newest / 1e9, dt.UTC)) if newest else None,
        )


def find_inputs(
    settings: Settings, hasher: KeyedHasher, spill: Spill, erased: Sequence[ErasedKeys] = ()
) -> Inputs:
    """The inputs of a configuration. Logs are not read.

    Raises one error for all inputs, snapshots and lists that are missing or invalid.

    Consent that only one process can read (databases, exports of consent systems) is read here, into `spill`.
    """
    config = settings.config
    tasks: list[PlanTask] = []
    files: list[tuple[int, int, str]] = []
    roots: list[str] = []
    total_bytes = 0
    watched = _watched_lists(settings)
    faults, covered = Faults(), list[FoundFiles]()
    for number, source in enumerate(config.inputs):
        given = faults.kept(functools.partial(_found_files, settings, number))
        if given is None:
            continue
        covered.append(given)
        found = given.files
        roots.append(root_of(settings, source))
        tasks += plan_tasks(number, source.reader, found)
        files += [(number, position, file.path) for position, file in enumerate(found)]
        watched += [watch_log(file, roots[-1]) for file in found]
        total_bytes += sum(file.size for file in found)
    wait_for_ticks(watched)
    states = states_of(watched)
    consent = faults.kept(lambda: _consent(settings, hasher, spill, states))
    deletions = faults.kept(lambda: deletions_of(settings, hasher, states))
    authorizations = faults.kept(lambda: authorizations_of(settings, hasher, states))
    if consent is None or deletions is None or authorizations is None or len(covered) < len(config.inputs):
        raise faults.error()
    return Inputs(
        tasks,
        files,
        roots,
        total_bytes,
        consent.inspected,
        consent.reads,
        [*deletions, *erased],
        authorizations,
        consent.known_until,
        watched,
        covered,
    )


def _found_files(settings: Settings, number: int) -> FoundFiles:
    """The files of an input; InputError if there are none, or one is too large to group its records."""
    found = files_of(settings, number)
    grouped = settings.config.inputs[number].reader == MAPPED_GROUPS
    for file in found.files if grouped else ():
        if file.size > MAX_BYTES:
            raise InputError(
                f"{file.path}: has {file.size:,} bytes; with group_by a file may have {MAX_BYTES:,}; "
                "split it so that the records of a session stay in one file"
            )
    return found


def _consent(settings: Settings, hasher: KeyedHasher, spill: Spill, states: States) -> Consent:
    with refused():
        return read_consent(settings, hasher, spill, states)


def deletions_of(settings: Settings, hasher: KeyedHasher, states: States = UNKNOWN) -> list[str]:
    """The deletion list, if there is one, after a check of each row; raises ConsentError or InputError."""
    given = settings.config.deletions
    paths = [settings.resolve(given)] if given else []
    with refused():
        for path in paths:
            for _ in read_deletions(path, hasher, settings.as_of, states):
                pass
    return paths


def authorizations_of(settings: Settings, hasher: KeyedHasher, states: States = UNKNOWN) -> pa.Table:
    """The rows of the list of authorisations, none if there is none; raises ConsentError or InputError."""
    given = settings.config.authorizations
    if not given:
        return AUTHORIZATIONS.empty_table()
    with refused():
        return read_authorizations(settings.resolve(given), hasher, _surfaces(settings), states)


def _surfaces(settings: Settings) -> set[str]:
    """The surfaces that any policy of the run lists."""
    listed = [pack.policy.surfaces for pack in settings.packs]
    return {name for each in listed for name in (*each.included, *each.excluded, *each.authorizable)}


def _watched_lists(settings: Settings) -> list[WatchedFile]:
    """Every consent file, list, mapping table and file of recognizers, as it is before it is read."""
    config = settings.config
    patterns = [*config.consent.snapshots]
    patterns += [source.path for source in config.consent.sources if isinstance(source, FileSource)]
    with refused():
        paths = [path for pattern in patterns for path in matching(settings.resolve(pattern))]
    named = [config.authorizations, config.deletions, *(source.mapping for source in config.inputs)]
    paths += [settings.resolve(path) for path in named if path]
    paths += [name for name in settings.deid.recognizers if not is_class(name)]  # workers parse them
    try:
        with refused():
            return [watch(path) for path in dict.fromkeys(paths) if is_file(path)]
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None


def read_context(settings: Settings, hasher: KeyedHasher) -> ReadContext:
    """The limits, defaults and identities that readers use."""
    config = settings.config
    limits = Limits(**config.limits.model_dump(exclude={"max_quarantined_fraction"}))
    defaults = tuple(Defaults(**source.defaults.model_dump()) for source in config.inputs)
    roots = tuple(root_of(settings, source) for source in config.inputs)
    with refused():
        identities = tuple(
            identities_of(source, root, source.mapping and settings.resolve(source.mapping))
            for source, root in zip(config.inputs, roots, strict=True)
        )
    return ReadContext(
        hasher,
        limits,
        defaults,
        identities=identities if any(identities) else (),
        roots=roots,
        fields=tuple(source.fields for source in config.inputs),
    )
