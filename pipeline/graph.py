"""The whole flow of a run on one page.

Plan        files -> units: byte ranges, row groups, linked files
Facts       unit -> what a decision needs; no text
Bucket      facts, consent, deletions -> their user's bucket
Decide      one bucket = every fact about its users -> one decision a session
Settle      decisions meet by conversation key: conflicts, deleted conversations, the ledger
De-identify the text of eligible sessions only, read where it lies, masked, staged
Shard       staged rows -> sorted Parquet shards
Catalog     what was written -> one list, from which the commit makes the manifest

`audit` is the same graph without the text: it ends with the ledger. It can decide by several policies at
once: what follows Decide is then there once for each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.typehints import Tuple as BeamTuple

from schemas.policy import Policy
from schemas.tables import DELETIONS, QUARANTINED
from transforms.consent.spilled import Kept
from transforms.consent.stage import CONVERSATIONS, ReadConsent, ReadDeletions
from transforms.decide.stage import (
    READ,
    READS,
    VOLUMES,
    DecideEligibility,
    PartitionByKey,
    SettleSessions,
    decisions_by,
    users_by,
)
from transforms.deid.engines import EngineSpec
from transforms.deid.stage import REFUSALS, DeidentifySessions, EstimatePii
from transforms.output.ledger import Stamp
from transforms.output.stage import WriteCatalog, WriteLedger, WriteShards
from transforms.read.stage import DigestFiles, ReadFacts
from transforms.shuffle.buckets import Buckets
from transforms.shuffle.entries import ENTRIES
from transforms.shuffle.sizes import sizes, total
from transforms.sources.base import PlanTask, ReadContext

BUCKET = BeamTuple[int, bytes]


@dataclasses.dataclass(frozen=True, eq=False)
class PackPlan:
    """One policy to decide by, and the output it is decided for.

    Files are staged below `staging`; `prefix` is the version's folder, "" for the first.
    """

    policy: Policy
    stamp: Stamp
    staging: str
    prefix: str


@dataclasses.dataclass(frozen=True, eq=False)
class RunPlan:
    """Everything that is fixed when the graph is built; workers read no configuration.

    `engine` with `sample` 0: a run. Else an audit; with both, it estimates PII over that many sessions. Both
    are of the first of the `packs`; only an audit without a sample has more than one. `files` are (input,
    position, path); `roots` has the folder of each input, below which its files are named. `pieces`: how
    many ranges of conversation keys settle apart; like `buckets`, it changes no byte that is written.
    """

    context: ReadContext
    packs: Sequence[PackPlan]
    authorizations: pa.Table
    tasks: Sequence[PlanTask]
    files: Sequence[tuple[int, int, str]]
    snapshots: Sequence[str | Kept]
    deletions: Sequence[str]
    buckets: Buckets
    pieces: int
    unit_bytes: int
    shards: int | None
    target_shard_bytes: int | None
    roots: Sequence[str]
    engine: EngineSpec | None
    sample: int = 0


def build(pipeline: Any, plan: RunPlan) -> None:
    """Adds the graph of `plan` to a Beam pipeline; its results are files below each pack's `staging`."""
    stamp, spill = plan.packs[0].stamp, plan.buckets.spill
    as_of = stamp.as_of
    hasher = plan.context.hasher

    facts = _source(pipeline, "Inputs", [t.encode() for t in plan.tasks]) | "Facts" >> ReadFacts(
        plan.context, plan.buckets, plan.unit_bytes
    )
    consent = _source(pipeline, "Snapshots", plan.snapshots) | "Consent" >> ReadConsent(
        hasher, as_of, plan.buckets
    )
    deletions = _source(pipeline, "Deletion lists", plan.deletions) | "Deletions" >> ReadDeletions(
        hasher, as_of, plan.buckets
    )
    digests = _source(pipeline, "Input files", plan.files) | "Digest inputs" >> beam.ParDo(
        DigestFiles(plan.context.metadata_only)
    )

    decided = (
        [
            _bucketed(facts["facts"], "facts"),
            _bucketed(consent, "consent"),
            _bucketed(deletions["users"], "deletions"),
        ]
        | "Merge buckets" >> beam.Flatten()
        | "Bucket" >> beam.GroupByKey()
        | "Decide"
        >> DecideEligibility(
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
    measured = beam.pvalue.AsSingleton(
        decided[VOLUMES]
        | "Total volume" >> beam.CombineGlobally(total)
        | "Sizes" >> beam.Map(sizes, plan.shards, plan.target_shard_bytes)
    )

    unsettled = [
        facts["quarantined"]
        | "Quarantined" >> PartitionByKey("part_key", QUARANTINED, "quarantined", plan.pieces, spill),
        deletions[CONVERSATIONS]
        | "Deleted" >> PartitionByKey("key", DELETIONS, "conversation_deletions", plan.pieces, spill),
    ] | "Merge unsettled" >> beam.Flatten()
    entries = [facts["entries"], digests, decided[ENTRIES]] | "Merge shared entries" >> beam.Flatten()
    for number, pack in enumerate(plan.packs):
        decisions = decided[decisions_by(number)]
        name = "" if number == 0 else f" {number}"
        own = [entries, decided[users_by(number)]] | f"Merge own entries{name}" >> beam.Flatten()
        (decisions, unsettled, own) | f"FinishPolicy{name}" >> FinishPolicy(plan, pack, measured)


@dataclasses.dataclass(eq=False)
class FinishPolicy(beam.PTransform):  # type: ignore[misc]
    """What follows the decisions by one policy, up to its catalog.

    In: the decisions, what settles them, and the entries of the stages before.
    """

    plan: RunPlan
    pack: PackPlan
    sizes: Any

    def expand(self, collections: Any) -> Any:
        plan, pack, measured, spill = self.plan, self.pack, self.sizes, self.plan.buckets.spill
        decisions, unsettled, shared = collections
        entries = [shared]
        pipeline = decisions.pipeline
        settled = (
            [_bucketed(decisions, "decisions"), unsettled]
            | "Merge parts" >> beam.Flatten()
            | "By key" >> beam.GroupByKey()
            | "Settle" >> beam.ParDo(SettleSessions(spill), measured).with_outputs(READS, main="ledger")
        )
        ledger = [_bucketed(settled["ledger"], "ledger"), _seeds(pipeline, "Ledger parts", measured, 0)]
        if plan.engine is not None and plan.sample:
            reads = settled[READS] | "Type sampled" >> beam.Map(_same).with_output_types(READ)
            entries.append(reads | "Estimate" >> EstimatePii(plan.sample, plan.context, plan.engine, spill))
        elif plan.engine is not None:
            masked = (
                settled[READS]
                | "Type reads" >> beam.Map(_same).with_output_types(READ)
                | "By unit" >> beam.GroupByKey()
                | "Text"
                >> DeidentifySessions(
                    plan.context, plan.engine, pack.policy.id, pack.staging, measured, spill
                )
            )
            ledger.append(_bucketed(masked[REFUSALS], "refusals"))
            shards = (
                [_bucketed(masked["fragments"], "fragments"), _seeds(pipeline, "Shards", measured, 1)]
                | "Merge shards" >> beam.Flatten()
                | "By shard" >> beam.GroupByKey()
                | "Shard" >> WriteShards(pack.staging, pack.prefix, measured)
            )
            entries += [masked[ENTRIES], shards]
        written = (
            ledger
            | "Merge ledger" >> beam.Flatten()
            | "By part" >> beam.GroupByKey()
            | "Ledger" >> WriteLedger(pack.stamp, pack.staging, pack.prefix, plan.roots, measured, spill)
        )
        return (
            [*entries, written]
            | "Merge entries" >> beam.Flatten()
            | "All entries" >> beam.combiners.ToList()
            | "Catalog" >> beam.ParDo(WriteCatalog(pack.staging))
        )


def _source(pipeline: Any, name: str, items: Sequence[Any]) -> Any:
    return pipeline | name >> beam.Create(list(items)) | f"Spread {name.lower()}" >> beam.Reshuffle()


def _bucketed(pairs: Any, name: str) -> Any:
    """The same (number, blob) pairs, with the type that gives Beam its fast coders."""
    return pairs | f"Type {name}" >> beam.Map(_same).with_output_types(BUCKET)


def _seeds(pipeline: Any, name: str, measured: Any, which: int) -> Any:
    """(number, b"") for every part or shard, so that empty ones are written too."""
    return (
        pipeline
        | f"Seed {name.lower()}" >> beam.Create([which])
        | f"Count {name.lower()}" >> beam.FlatMap(_numbers, measured).with_output_types(BUCKET)
    )


def _same(pair: Any) -> Any:
    return pair


def _numbers(which: int, measured: Any) -> list[tuple[int, bytes]]:
    return [(number, b"") for number in range(measured[which])]
