"""The Beam graph of a run: all stages, in order, and what passes between them.

Facts        Read the input in units (byte ranges, row groups, groups of linked files). Give one row of FACTS
             per session record: ids as keyed digests, labels, times, message ids. No text.
Histories    Find records that repeat the whole history of another one (lists of turns). Only with such
             inputs.
Consent      Read the consent snapshots. Give the decisions of each user known at as_of.
Deletions    Read the deletion lists. Give deleted users and deleted conversations.
Bucket       Group facts, consent and deletions by user bucket, a range of user keys. One bucket has
             everything known about its users, so it is decided by one worker without further lookups.
Decide       Merge the records of each session, find its active branch, and try the rules of the policy. Give
             one decision per session.
Settle       Group decisions and quarantined records by conversation key. Apply deletions of conversations,
             quarantine conversations that two users claim, and give the rows of the ledger.
Text         Read the kept messages of eligible sessions only, de-identify them, and write the training rows
             to fragments. A refusal (rule 15) replaces the decision of its session in the ledger.
Shard        Sort the fragments into Parquet shards.
Ledger       Write the ledger and the list of quarantined records.
Catalog      Collect the files and counts of all stages into one list, for report and manifest.

The stages write the files of a new version into its own folder, under their final names.
`pipeline.commands.commit` makes the version count after the graph has finished.

`audit` runs the same graph without Text and Shard. It can decide by several policies in one pass: then all
stages after Decide exist once per policy (`FinishPolicy`).

Collections between stages contain (number, blob) pairs. The number is a bucket or a part; the blob is an
Arrow table as bytes, or a pointer to a file if it is large; with workers elsewhere it is sealed
(`transforms.shuffle.spill`). `schemas.tables` has the schemas.

Step labels are public: progress, metrics and tests use them. Do not change them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.typehints import Tuple as BeamTuple

from schemas.formats import NAMED, REPEAT_HISTORY
from schemas.policy import Policy
from schemas.tables import DELETIONS, QUARANTINED
from transforms.consent.snapshots import ErasedKeys
from transforms.consent.spilled import SpilledConsent
from transforms.consent.stage import CONVERSATIONS, ReadConsent, ReadDeletions
from transforms.decide.stage import (
    READ,
    READS,
    VOLUMES,
    DecideEligibility,
    PartitionByKey,
    SettleSessions,
    UseNames,
    decisions_by,
    user_counts_by,
)
from transforms.deid.engines import EngineSpec
from transforms.deid.stage import REFUSALS, DeidentifySessions, EstimatePii
from transforms.output.ledger import Stamp
from transforms.output.stage import WriteCatalog, WriteLedger, WriteShards
from transforms.read.stage import NAMES_OUT, DigestFiles, JoinHistories, ReadFacts
from transforms.read.state.known import KnownFacts, KnownRows
from transforms.shuffle.buckets import Buckets
from transforms.shuffle.entries import ENTRIES
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.sizes import sizes, total
from transforms.sources.base import PlanTask, ReadContext
from transforms.sources.file_state import FileState
from transforms.storage.leases import Lease

BUCKET = BeamTuple[int, bytes]


@dataclasses.dataclass(frozen=True, eq=False)
class PackPlan:
    """One policy and its output.

    `stamp`: the values that all its ledger rows share. `folder`: the folder of the new version. `staging`:
    a private folder below it, for the run only. `lease`: checked before anything is written there.
    """

    policy: Policy
    stamp: Stamp
    folder: str
    staging: str
    lease: Lease


@dataclasses.dataclass(frozen=True, eq=False)
class RunPlan:
    """Everything that the stages need. It is fixed when the graph is built; workers read no configuration.

    A run has an `engine`, `sample` 0 and one pack. An audit has no engine, or an engine and `sample` sessions
    to estimate personal data in; without an engine it can have several packs. `files`: (input, position,
    path) of each input file. `roots`: for each input, the folder that file names are relative to. `pieces`:
    the number of ranges of conversation keys in Settle. Neither `pieces` nor `buckets` changes a byte of the
    output. `states`: of the snapshots and lists when they were digested, by path. `known_facts` and
    `known_rows`: what is taken over from the version before; None in an audit and for a rebuild. All of it is
    sealed with `run_key` before it is part of the graph.
    """

    run_key: RunKey
    context: ReadContext
    packs: Sequence[PackPlan]
    authorizations: pa.Table
    tasks: Sequence[PlanTask]
    files: Sequence[tuple[int, int, str]]
    snapshots: Sequence[str | SpilledConsent]
    deletions: Sequence[str | ErasedKeys]
    buckets: Buckets
    pieces: int
    unit_bytes: int
    shards: int | None
    target_shard_bytes: int | None
    roots: Sequence[str]
    engine: EngineSpec | None
    sample: int = 0
    states: Mapping[str, FileState] = dataclasses.field(default_factory=dict)
    known_facts: KnownFacts | None = None
    known_rows: KnownRows | None = None


def build_graph(pipeline: Any, plan: RunPlan) -> None:
    """Adds the graph of `plan` to a Beam pipeline. The results are files below the `staging` of each pack."""
    stamp, spill = plan.packs[0].stamp, plan.buckets.spill
    as_of = stamp.as_of
    key = plan.run_key

    formats = {task.format for task in plan.tasks}
    repeat = bool(formats & REPEAT_HISTORY)
    facts = _source(pipeline, "Inputs", key, [t.encode() for t in plan.tasks]) | "Facts" >> ReadFacts(
        key, plan.context, plan.buckets, plan.unit_bytes, repeat
    )
    consent = _source(pipeline, "Snapshots", key, plan.snapshots) | "Consent" >> ReadConsent(
        key, as_of, plan.buckets, plan.states
    )
    deletions = _source(pipeline, "Deletion lists", key, plan.deletions) | "Deletions" >> ReadDeletions(
        key, as_of, plan.buckets, plan.states
    )
    digests = _source(pipeline, "Input files", key, plan.files) | "Digest inputs" >> beam.ParDo(
        DigestFiles(key, plan.context.metadata_only, spill, plan.states)
    )

    joins, names = list[Any](), [facts["names"]] if formats & NAMED else []
    if repeat:
        joined = _bucketed(facts["histories"], "histories") | "Histories" >> JoinHistories(key, spill)
        joins, names = [_bucketed(joined["joins"], "joins")], [*names, joined[NAMES_OUT]]
    decided = (
        [
            _bucketed(facts["facts"], "facts"),
            *joins,
            _bucketed(consent, "consent"),
            _bucketed(deletions["users"], "deletions"),
        ]
        | "Merge buckets" >> beam.Flatten()
        | "Bucket" >> beam.GroupByKey()
        | "Decide"
        >> DecideEligibility(
            key,
            [pack.policy for pack in plan.packs],
            plan.authorizations,
            as_of,
            stamp.known_until,
            pointers=plan.engine is not None,
            buckets=plan.buckets,
            pieces=plan.pieces,
            context=plan.context,
        )
    )
    output_sizes = beam.pvalue.AsSingleton(
        decided[VOLUMES]
        | "Total volume" >> beam.CombineGlobally(total)
        | "Sizes" >> beam.Map(sizes, plan.shards, plan.target_shard_bytes)
    )

    deleted = deletions[CONVERSATIONS] | "Deleted" >> PartitionByKey(
        key, "key", DELETIONS, "conversation_deletions", plan.pieces, spill
    )
    unsettled = [
        facts["quarantined"]
        | "Quarantined" >> PartitionByKey(key, "part_key", QUARANTINED, "quarantined", plan.pieces, spill),
        deleted,
    ]
    if names:
        every = names | "Merge names" >> beam.Flatten()
        unsettled.append((every, deleted) | "Further ids" >> UseNames(key, plan.pieces, spill))
    unsettled = unsettled | "Merge unsettled" >> beam.Flatten()
    entries = [facts["entries"], digests, decided[ENTRIES]] | "Merge shared entries" >> beam.Flatten()
    for number, pack in enumerate(plan.packs):
        decisions = decided[decisions_by(number)]
        name = "" if number == 0 else f" {number}"
        own = [entries, decided[user_counts_by(number)]] | f"Merge own entries{name}" >> beam.Flatten()
        (decisions, unsettled, own) | f"Conclude{name}" >> FinishPolicy(plan, pack, output_sizes)


@dataclasses.dataclass(eq=False)
class FinishPolicy(beam.PTransform):  # type: ignore[misc]
    """The stages after Decide for one policy: Settle, Text, Shard, Ledger, Catalog.

    In: (decisions, quarantined records and deleted conversations, catalog entries of the stages before).
    """

    plan: RunPlan
    pack: PackPlan
    output_sizes: Any

    def expand(self, collections: Any) -> Any:
        plan, pack, output_sizes = self.plan, self.pack, self.output_sizes
        key, spill, lease = plan.run_key, plan.buckets.spill, pack.lease
        decisions, unsettled, shared = collections
        entries = [shared]
        pipeline = decisions.pipeline
        settled = (
            [_bucketed(decisions, "decisions"), unsettled]
            | "Merge parts" >> beam.Flatten()
            | "By key" >> beam.GroupByKey()
            | "Settle"
            >> beam.ParDo(SettleSessions(key, spill), output_sizes).with_outputs(
                READS, ENTRIES, main="ledger"
            )
        )
        entries.append(settled[ENTRIES])
        ledger = [
            _bucketed(settled["ledger"], "ledger"),
            _every_part(pipeline, "Ledger parts", output_sizes, 0),
        ]
        if plan.engine is not None and plan.sample:
            reads = settled[READS] | "Type sampled" >> beam.Map(_same).with_output_types(READ)
            entries.append(
                reads | "Estimate" >> EstimatePii(key, plan.sample, plan.context, plan.engine, spill)
            )
        elif plan.engine is not None:
            masked = (
                settled[READS]
                | "Type reads" >> beam.Map(_same).with_output_types(READ)
                | "By unit" >> beam.GroupByKey()
                | "Text"
                >> DeidentifySessions(
                    key, plan.context, plan.engine, pack.policy.id, pack.staging, output_sizes, spill, lease
                )
            )
            ledger.append(_bucketed(masked[REFUSALS], "refusals"))
            shards = (
                [
                    _bucketed(masked["fragments"], "fragments"),
                    _every_part(pipeline, "Shards", output_sizes, 1),
                ]
                | "Merge shards" >> beam.Flatten()
                | "By shard" >> beam.GroupByKey()
                | "Shard" >> WriteShards(key, pack.folder, output_sizes, spill, lease)
            )
            entries += [masked[ENTRIES], shards]
        written = (
            ledger
            | "Merge ledger" >> beam.Flatten()
            | "By part" >> beam.GroupByKey()
            | "Ledger"
            >> WriteLedger(key, pack.stamp, pack.folder, plan.files, plan.roots, output_sizes, spill, lease)
        )
        return (
            [*entries, written]
            | "Merge entries" >> beam.Flatten()
            | "All entries" >> beam.combiners.ToList()
            | "Catalog" >> beam.ParDo(WriteCatalog(key, pack.staging, spill, lease))
        )


def _source(pipeline: Any, name: str, key: RunKey, items: Sequence[Any]) -> Any:
    """The items, sealed: names of files can be personal."""
    return (
        pipeline
        | name >> beam.Create([key.seal(item) for item in items])
        | f"Spread {name.lower()}" >> beam.Reshuffle()
    )


def _bucketed(pairs: Any, name: str) -> Any:
    """The same (number, blob) pairs, with the type hint that lets Beam use its fast coders."""
    return pairs | f"Type {name}" >> beam.Map(_same).with_output_types(BUCKET)


def _every_part(pipeline: Any, name: str, output_sizes: Any, which: int) -> Any:
    """(number, b"") for each ledger part (`which` 0) or shard (1), so that empty ones are written as well."""
    return (
        pipeline
        | f"Seed {name.lower()}" >> beam.Create([which])
        | f"Count {name.lower()}" >> beam.FlatMap(_part_numbers, output_sizes).with_output_types(BUCKET)
    )


def _same(pair: Any) -> Any:
    return pair


def _part_numbers(which: int, output_sizes: Any) -> list[tuple[int, bytes]]:
    return [(number, b"") for number in range(output_sizes[which])]
