"""`chatsieve run` and `chatsieve audit`: find the inputs, run the graph, commit the result."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

from pipeline.commands.commit import Outcome, prepare, snapshot_entry
from pipeline.commands.increment import increment_of, nothing_decided, nothing_to_read
from pipeline.dataset.erased import check_erased, check_key, erased_from
from pipeline.dataset.known import Increment
from pipeline.dataset.listed import committed_manifest
from pipeline.dataset.state import PreviousState, Rebuild
from pipeline.dataset.writer import DatasetWriter, begin
from pipeline.inputs.config import Settings
from pipeline.inputs.find_inputs import Inputs, find_inputs, read_context
from pipeline.inputs.runner import check_sees_files, runner_of
from pipeline.inputs.watched import check_unchanged, states_of
from pipeline.plan import PackPlan, RunPlan
from pipeline.report.increment import check_compared
from pipeline.report.previous import PreviousRun, read_previous_run
from pipeline.runners.options import checked as checked_options
from pipeline.runners.progress import Progress
from pipeline.runners.run_graph import run_graph
from schemas.errors import InputError, PipelineError, RunInterruptedError
from schemas.policy import Pack
from transforms.consent.spilled import SpilledConsent, temporary_spill
from transforms.decide.known_rows import Checked
from transforms.deid.engines import EngineSpec
from transforms.output.ledger import Stamp
from transforms.read.state.keys import parts_of
from transforms.read.state.known import Kept, Planned
from transforms.reuse.known import KnownRows, known_rows
from transforms.shuffle.buckets import Buckets
from transforms.shuffle.guard import describe
from transforms.shuffle.run_key import RunHasher, RunKey, check_travels
from transforms.shuffle.spill import Spill
from transforms.sources.base import ReadContext
from transforms.storage.places import is_remote

#: Input bytes per user bucket. A bucket of this size fits into the processor cache when it is decided.
_BYTES_PER_BUCKET = 8 << 20
#: Settle works on a few buckets' worth of sessions at a time.
_BUCKETS_PER_PIECE, _MOST_PIECES = 4, 256


def execute(
    settings: Settings,
    kind: Literal["run", "audit"],
    beam_arguments: Sequence[str],
    progress: Progress,
    sample: int = 0,
    compare: PurePath | None = None,
    to_share: bool = False,
    checked_share: float = 0.0,
    rebuild: bool = False,
) -> Outcome:
    """Runs the graph and commits. On any error, everything written is removed and the error is raised.

    `sample`: the number of eligible sessions in which an audit detects personal data. `compare`: the run or
    audit that the report compares with. `to_share`: write a shareable report. `checked_share`: the share of
    the sessions taken over that are masked again and compared, 0 to 1. `rebuild`: take nothing over.
    """
    paths = [settings.output_path(kind)]
    (outcome,) = execute_packs(
        settings, kind, paths, beam_arguments, progress, sample, compare, to_share, checked_share, rebuild
    )
    return outcome


def execute_packs(
    settings: Settings,
    kind: Literal["run", "audit"],
    paths: Sequence[PurePath],
    beam_arguments: Sequence[str],
    progress: Progress,
    sample: int = 0,
    compare: PurePath | None = None,
    to_share: bool = False,
    checked_share: float = 0.0,
    rebuild: bool = False,
) -> list[Outcome]:
    """One dataset per policy of the settings, in the folders `paths`, from one pass over the input.

    A new version of a dataset is compared with the version before it, unless `compare` is given. All
    datasets are written and checked before the first one is committed. On any error, everything that was
    written and not committed is removed, and the error is raised. A run that has nothing to add to the
    current version removes what it wrote, too, and gives the outcome of that version.
    """
    # A wrong option is refused before inputs are read, also if nothing is new.
    arguments = checked_options(beam_arguments) if beam_arguments else []
    if not settings.config.runner.has_local_workers:
        check_travels(settings.key_reference, settings.config.runner.name)
    run_key = RunKey.new(settings.key_reference)
    hasher = RunHasher(run_key)
    with temporary_spill(run_key) as spill:
        erased = erased_from(settings)
        inputs = find_inputs(settings, hasher, spill, erased)
        engine = engine_spec(settings, run_key).to_send() if kind == "run" or sample else None
        digests = dict(engine.models or {}) if engine else {}
        writers: list[DatasetWriter] = []
        try:
            for path in paths:
                writers.append(begin(path, kind, settings.config.output.on_exists))
                check_key(writers[-1].store, writers[-1].before, settings.key, str(path))
            check_erased(settings, erased)
            previous = [_previous_run(writer, compare) for writer in writers]
            context = dataclasses.replace(read_context(settings, hasher), metadata_only=kind == "audit")
            progress.watch.inputs_found(inputs.found(settings.as_of), writers[0].version)
            increment = same = None
            if kind == "run":
                increment = increment_of(
                    settings, context, inputs, writers[0], digests, rebuild, to_share, compare
                )
                same = nothing_to_read(increment, writers[0])
                if same is not None and not checked_share:
                    writers[0].rollback()
                    return [same]
            plan = _plan(settings, run_key, context, inputs, writers, engine, sample, spill, increment)
            if increment:
                known_rows = _known_rows(increment.base, writers[0], checked_share)
                plan = dataclasses.replace(plan, known_rows=known_rows)
            progress.expect(sum(plan.states[path].size for _, _, path in plan.digested))
            catalogs = run_graph(plan, runner_of(settings), arguments, progress)
            checked = [check_compared(catalog) for catalog in catalogs]
            # A version with a damaged file is replaced by a new one.
            is_whole = all("damaged" not in catalog for catalog in catalogs)
            if same is not None and is_whole:
                writers[0].rollback()
                return [same.noting(checked[0])]
            snapshots = [snapshot_entry(snapshot, inputs) for snapshot in inputs.inspected]
            prepared = [
                prepare(
                    settings,
                    pack,
                    kind,
                    inputs,
                    snapshots,
                    writer,
                    catalog,
                    digests,
                    run_key.open,
                    before,
                    to_share,
                    increment,
                )
                for pack, writer, catalog, before in zip(
                    settings.packs, writers, catalogs, previous, strict=True
                )
            ]
            check_unchanged(inputs.watched)
            if increment and is_whole:
                is_given = settings.config.as_of is not None
                same = nothing_decided(increment, writers[0], prepared[0], is_given)
                if same is not None:
                    writers[0].rollback()
                    return [same.noting(checked[0])]
            for one in prepared:
                one.commit()
        except BaseException as error:
            for writer in reversed(writers):
                writer.rollback()
            if not (writers and len(writers) == len(paths) and all(each.is_committed for each in writers)):
                if isinstance(error, KeyboardInterrupt):
                    raise RunInterruptedError("interrupted; everything written was removed") from None
                for writer in writers:
                    writer.check_superseded()
                if isinstance(error, OSError):
                    raise PipelineError(describe("commit", error)) from error
                raise
        else:
            for writer in writers:
                writer.release()
    return [one.outcome for one in prepared]


def engine_spec(settings: Settings, run_key: RunKey) -> EngineSpec:
    """The de-identification engine of these settings, to be built in each worker."""
    digest = hashlib.sha256(f"{settings.deid_sha256} {run_key.reference.key_id}".encode()).hexdigest()
    return EngineSpec(settings.deid, run_key, digest)


def _previous_run(writer: DatasetWriter, compare: PurePath | None) -> PreviousRun | None:
    if compare is not None:
        return read_previous_run(compare)
    # A damaged version must not keep a new one from being written: that is how it is replaced.
    if writer.parent is None or committed_manifest(writer.store, writer.parent) is None:
        return None
    with contextlib.suppress(InputError):
        return read_previous_run(writer.path)
    return None


def _known_rows(
    base: PreviousState | Rebuild | None, writer: DatasetWriter, checked_share: float
) -> KnownRows | None:
    if not isinstance(base, PreviousState):
        return None
    return known_rows(base.folder, base.manifest.files, Checked(checked_share, writer.version))


def _plan(
    settings: Settings,
    run_key: RunKey,
    context: ReadContext,
    inputs: Inputs,
    writers: Sequence[DatasetWriter],
    engine: EngineSpec | None,
    sample: int,
    temporary: Spill,
    increment: Increment | None,
) -> RunPlan:
    config = settings.config
    if any(isinstance(each, SpilledConsent) for each in inputs.snapshots):
        check_sees_files(config.runner)
    # Blobs are spilled beside the output, where there is space; to a bucket nothing can be appended.
    folder = str(writers[0].staging if not is_remote(writers[0].path) else temporary.folder)
    # Workers on other machines do not see a file of this one: blobs then stay in the shuffle, sealed.
    spill = Spill.below(folder, run_key) if config.runner.has_local_workers else Spill(None, run_key)
    users = config.runner.buckets or min(
        1024, max(2 * config.runner.workers, math.ceil(inputs.total_bytes / _BYTES_PER_BUCKET))
    )
    known = increment.known if increment else None
    tasks = known.tasks if known else increment.inputs.tasks if increment else map(Planned, inputs.tasks)
    return RunPlan(
        run_key=run_key,
        context=context,
        packs=[
            PackPlan(
                pack.policy,
                _stamp(settings, pack, inputs),
                str(writer.folder),
                str(writer.staging),
                writer.lease,
            )
            for pack, writer in zip(settings.packs, writers, strict=True)
        ],
        authorizations=inputs.authorizations,
        tasks=list(tasks),
        formats=frozenset(task.format for task in inputs.tasks),
        files=inputs.files,
        digested=[file for file in inputs.files if known is None or file[:2] not in known.files],
        snapshots=inputs.snapshots,
        deletions=inputs.deletions,
        buckets=Buckets(users, spill, config.runner.max_bucket_bytes),
        pieces=max(2 * config.runner.workers, min(_MOST_PIECES, users // _BUCKETS_PER_PIECE)),
        shards=config.output.shards,
        target_shard_bytes=config.output.target_shard_bytes,
        roots=inputs.roots,
        engine=engine,
        sample=sample,
        states=states_of(inputs.watched),
        kept=Kept(str(writers[0].folder), parts_of(inputs.total_bytes), writers[0].lease)
        if increment
        else None,
        known_facts=known.facts if known else None,
    )


def _stamp(settings: Settings, pack: Pack, inputs: Inputs) -> Stamp:
    policy = pack.policy
    return Stamp(policy.id, pack.sha256, settings.as_of, inputs.known_until, policy.clause_by_reason())
