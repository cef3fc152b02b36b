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
Take over    Write the rows of sessions that the version before has masked to fragments, with the columns of
             the new decisions. Only with known rows; `Check` masks a sample of them again and compares.
Text         Read the kept messages of all other eligible sessions only, de-identify them, and write the
             training rows to fragments. A refusal (rule 15) replaces the decision of its session in the
             ledger.
Shard        Sort the fragments into Parquet shards. Row state: what the next run needs to know of them.
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
from typing import Any

import apache_beam as beam

from pipeline.plan import PackPlan, RunPlan
from schemas.formats import NAMED, REPEAT_HISTORY
from schemas.tables import DELETIONS, QUARANTINED
from transforms.consent.snapshots import ErasedKeys
from transforms.consent.stage import CONVERSATIONS, ReadConsent, ReadDeletions
from transforms.decide.known_rows import Checked
from transforms.decide.stage import (
    READ,
    READS,
    TAKEN_OVER,
    TO_CHECK,
    VOLUMES,
    DecideEligibility,
    PartitionByKey,
    SettleSessions,
    UseNames,
    decisions_by,
    user_counts_by,
)
from transforms.deid.stage import REFUSALS, ROW_STATES, DeidentifySessions, EstimatePii
from transforms.output.stage import WriteCatalog, WriteLedger, WriteRowState, WriteShards
from transforms.read.digests import with_positions
from transforms.read.labels import LABELS, Erased
from transforms.read.stage import DigestFiles, JoinHistories, ReadFacts
from transforms.reuse.stage import COMPARED, CheckRows, ReadKnownRows, TakeRows
from transforms.shuffle.entries import ENTRIES
from transforms.shuffle.sizes import sizes, total
from transforms.shuffle.stage import bucketed, every_part, sealed_source, typed


def build_graph(pipeline: Any, plan: RunPlan) -> None:
    """Adds the graph of `plan` to a Beam pipeline. The results are files below the `staging` of each pack."""
    stamp, spill = plan.packs[0].stamp, plan.buckets.spill
    as_of = stamp.as_of
    key = plan.run_key

    repeat = bool(plan.formats & REPEAT_HISTORY)
    listed = frozenset[str]().union(*(pack.policy.labels for pack in plan.packs))
    by_all = {
        name: frozenset.intersection(*(pack.policy.listed(name) for pack in plan.packs)) for name in LABELS
    }
    gone = {each.kind: each.keys for each in plan.deletions if isinstance(each, ErasedKeys)}
    erased = Erased(gone.get("user", ()), gone.get("conversation", ()))
    read = ReadFacts(
        key, plan.context, plan.buckets, repeat, listed, by_all, erased, plan.kept, plan.known_facts
    )
    tasks, files = with_positions(plan.tasks, plan.digested)
    facts = sealed_source(pipeline, "Inputs", key, tasks) | "Facts" >> read
    consent = sealed_source(pipeline, "Snapshots", key, plan.snapshots) | "Consent" >> ReadConsent(
        key, as_of, plan.buckets, plan.states
    )
    deletions = sealed_source(pipeline, "Deletion lists", key, plan.deletions) | "Deletions" >> ReadDeletions(
        key, as_of, plan.buckets, plan.states
    )
    digests = (
        [sealed_source(pipeline, "Input files", key, files), facts["files"]]
        | "Merge input files" >> beam.Flatten()
        | "Spread files to digest" >> beam.Reshuffle()
        | "Digest inputs" >> beam.ParDo(DigestFiles(key, plan.context.metadata_only, spill, plan.states))
    )

    joins, names = list[Any](), [facts["names"]] if plan.formats & NAMED else []
    if repeat:
        joined = bucketed(facts["histories"], "histories") | "Histories" >> JoinHistories(key, spill)
        joins, names = [bucketed(joined["joins"], "joins")], [*names, joined["names"]]
    decided = (
        [
            bucketed(facts["facts"], "facts"),
            *joins,
            bucketed(consent, "consent"),
            bucketed(deletions["users"], "deletions"),
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
        pipeline, entries = decisions.pipeline, [shared]
        parts = [bucketed(decisions, "decisions"), unsettled]
        is_run = plan.engine is not None and not plan.sample
        known, checked = plan.known_rows, Checked()
        if known is not None:
            checked = known.checked
            read = pipeline | "Known rows" >> ReadKnownRows(key, known, plan.pieces, spill)
            parts.append(bucketed(read["known"], "known"))
            entries.append(read[ENTRIES])
        context = plan.context if is_run else None
        settled = (
            parts
            | "Merge parts" >> beam.Flatten()
            | "By key" >> beam.GroupByKey()
            | "Settle"
            >> beam.ParDo(SettleSessions(key, spill, context, checked), output_sizes).with_outputs(
                READS, TAKEN_OVER, TO_CHECK, ENTRIES, main="ledger"
            )
        )
        entries.append(settled[ENTRIES])
        ledger = [
            bucketed(settled["ledger"], "ledger"),
            every_part(pipeline, "Ledger parts", output_sizes, 0),
        ]
        if plan.engine is not None and plan.sample:
            reads = typed(settled[READS], "sampled", READ)
            entries.append(
                reads | "Estimate" >> EstimatePii(key, plan.sample, plan.context, plan.engine, spill)
            )
        elif is_run:
            refusals, more = self._texts(settled)
            ledger += refusals
            entries += more
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

    def _texts(self, settled: Any) -> tuple[list[Any], list[Any]]:
        """Writes shards and row states. Gives the refusals by ledger part, and the entries."""
        plan, pack, output_sizes = self.plan, self.pack, self.output_sizes
        key, spill, lease, known = plan.run_key, plan.buckets.spill, pack.lease, plan.known_rows
        context, engine, policy_id = plan.context, plan.engine, pack.policy.id
        reads, entries, taken = settled[READS], [], None
        if known is not None:
            taken = settled[TAKEN_OVER] | "Take over" >> TakeRows(
                key, known, policy_id, pack.staging, output_sizes, spill, lease
            )
            reads = [reads, taken[READS]] | "Merge reads" >> beam.Flatten()
        masked = (
            typed(reads, "reads", READ)
            | "By unit" >> beam.GroupByKey()
            | "Text"
            >> DeidentifySessions(key, context, engine, policy_id, pack.staging, output_sizes, spill, lease)
        )
        if taken is not None and known is not None and known.checked.share:
            both = settled[TO_CHECK], taken[COMPARED]
            entries.append(both | "Check" >> CheckRows(key, context, engine, policy_id, spill))
        found = [("", masked)] if taken is None else [("", masked), ("taken ", taken)]
        every = every_part(settled[READS].pipeline, "Shards", output_sizes, 1)
        shards = (
            [*(bucketed(each["fragments"], f"{name}fragments") for name, each in found), every]
            | "Merge shards" >> beam.Flatten()
            | "By shard" >> beam.GroupByKey()
            | "Shard" >> WriteShards(key, pack.folder, output_sizes, spill, lease)
        )
        states = (
            [*(bucketed(each[ROW_STATES], f"{name}row state") for name, each in found), every]
            | "Merge row state" >> beam.Flatten()
            | "Row state by shard" >> beam.GroupByKey()
            | "Row state" >> beam.ParDo(WriteRowState(key, pack.folder, spill, lease), output_sizes)
        )
        refusals = [bucketed(each[REFUSALS], f"{name}refusals") for name, each in found]
        return refusals, [*entries, *(each[ENTRIES] for _, each in found), shards, states]
