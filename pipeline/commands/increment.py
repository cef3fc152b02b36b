"""What a run takes over from the version before it, and whether it has anything to add to that version."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.commands.commit import Outcome, Prepared
from pipeline.dataset.known import Increment, keyed, known_inputs
from pipeline.dataset.listed import listed_file
from pipeline.dataset.state import PreviousState, Rebuild, previous_state, state_of
from pipeline.dataset.writer import DatasetWriter
from pipeline.inputs.config import Settings
from pipeline.inputs.find_inputs import Inputs
from pipeline.inputs.watched import states_of
from schemas.manifest import Erased, FileEntry
from schemas.reports.document import Failure
from transforms.consent.snapshots import ErasedKeys
from transforms.sources.base import ReadContext
from transforms.storage.contract import Store
from transforms.storage.places import arrow_file

#: Files that are equal if no row differs.
_ROWS = ("data/", "restricted/index-", "restricted/sessions-", "quarantine/")
#: Columns of the ledger that tell when it was decided.
_TIMES = ("as_of", "known_until")
#: Parts of the configuration that have no effect on what a version holds, or that a state names otherwise.
_WITHOUT: dict[str, Any] = {
    **dict.fromkeys(("key", "key_file", "key_command", "create_key", "as_of", "runner", "wait"), True),
    "output": {"path", "on_exists"},
    "audit": {"path"},
}


def increment_of(
    settings: Settings,
    context: ReadContext,
    inputs: Inputs,
    writer: DatasetWriter,
    models: Mapping[str, str],
    is_forced: bool,
    to_share: bool,
    compare: PurePath | None,
) -> Increment:
    """How the run uses the version before. `is_forced`: the user asked for a rebuild."""
    formats = [source.format for source in settings.config.inputs]
    found = keyed(context, formats, inputs.tasks, inputs.files, states_of(inputs.watched))
    own = context.hasher.state(b"".join(key for _, key in sorted(found.keys.items()))).hex()
    others = _settings_digest(settings, context, inputs, [to_share, str(compare)])
    state = state_of(settings, models, own, others)
    base: PreviousState | Rebuild = previous_state(writer, settings.key, state, is_forced)
    if isinstance(base, Rebuild):
        return Increment(base, found, None, state)
    known = known_inputs(base, writer.store, found)
    if isinstance(known, Rebuild):
        return Increment(known, found, None, state)
    return Increment(base, found, known, state)


def nothing_to_read(increment: Increment, writer: DatasetWriter) -> Outcome | None:
    """The outcome of a run that would write what the current version holds; None for any other run.

    The configuration, all inputs, the consent, and the time of the decisions are those of that version,
    and so are the crossed thresholds. None for a shareable report, since it may not list all of them.
    """
    base, known = increment.base, increment.known
    if not isinstance(base, PreviousState) or known is None or known.tasks or not _is_whole(base):
        return None
    if len(known.files) != len(increment.inputs.keys) or base.state != increment.state:
        return None
    same = _unchanged(base, writer, [], "inputs, consent, configuration and as_of are the same")
    if same is None or same.report["shareable"] is not None:
        return None
    return dataclasses.replace(same, failed=msgspec.convert(same.report["failed"], list[Failure]))


def nothing_decided(
    increment: Increment, writer: DatasetWriter, prepared: Prepared, is_given: bool
) -> Outcome | None:
    """The outcome of a run that decided as the current version; else None.

    `is_given`: the user gave `as_of`. None as well if it was given and is not that of the current version.
    """
    base, new = increment.base, prepared.outcome
    if not isinstance(base, PreviousState) or not _is_whole(base):
        return None
    if base.state.without_time != increment.state.without_time:
        return None
    if is_given and base.state != increment.state:
        return None
    folder = PurePath(base.folder).name
    if not _same_rows(writer.store, base.manifest.files, folder, new.manifest.files, new.folder.name):
        return None
    return _unchanged(base, writer, new.failed, f"decided anew as of {new.manifest.as_of}, no row differs")


def _is_whole(base: PreviousState) -> bool:
    """True if the version has all its files, and `forget` and `expire` removed no row of it."""
    return not base.damaged and base.manifest.erased == Erased()


def _unchanged(base: PreviousState, writer: DatasetWriter, failed: list[Failure], why: str) -> Outcome | None:
    name = PurePath(base.folder).name
    entry = next((file for file in base.manifest.files if file.path == "report/report.json"), None)
    data = entry and listed_file(writer.store, name, entry)
    if not data:
        return None  # a damaged version is replaced by a new one
    report = msgspec.json.decode(data)
    return Outcome(
        writer.path,
        writer.path / name,
        base.manifest,
        report,
        failed,
        nothing_new=f"nothing new since version {base.version}: {why}",
    )


def _settings_digest(settings: Settings, context: ReadContext, inputs: Inputs, more: Sequence[Any]) -> str:
    """The keyed digest of everything besides input files that can change a version."""
    erased = [each for each in inputs.deletions if isinstance(each, ErasedKeys)]
    listed = sorted((file.path, file.sha256) for file in inputs.watched if file.sha256)
    stored = [dict(snapshot.stored) for snapshot in inputs.inspected if snapshot.stored]
    config = settings.config.model_dump(mode="json", exclude=_WITHOUT)
    found = [config, settings.packs[0].sha256, listed, stored, erased, inputs.known_until, *more]
    return context.hasher.state(msgspec.json.encode(["run", found], order="deterministic")).hex()


def _same_rows(
    store: Store, before: Sequence[FileEntry], old: str, now: Sequence[FileEntry], new: str
) -> bool:
    """True if two versions have equal rows: in folders `old` and `new`, with these files."""
    sums = [
        {file.path: file.sha256 for file in files if file.path.startswith(_ROWS)} for files in (before, now)
    ]
    parts = [[file.path for file in files if file.path.startswith("ledger/")] for files in (before, now)]
    if sums[0] != sums[1] or parts[0] != parts[1]:
        return False
    try:
        return all(
            _ledger(f"{store.url}/{old}/{part}").equals(_ledger(f"{store.url}/{new}/{part}"))
            for part in parts[0]
        )
    except (OSError, pa.ArrowException):
        return False  # a damaged version is replaced by a new one


def _ledger(path: str) -> pa.Table:
    with arrow_file(path) as source:
        return pq.read_table(source, partitioning=None).drop_columns(list(_TIMES))
