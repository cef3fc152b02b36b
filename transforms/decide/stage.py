"""Beam transforms: decide the sessions of user buckets, then settle decisions by conversation key."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics
from apache_beam.typehints import Tuple as BeamTuple

from schemas.decisions import Decision
from schemas.policy import Policy
from schemas.state import KNOWN, TO_MASK
from schemas.tables import DECISIONS, DELETIONS, KEY, NAMES, QUARANTINED, UNSETTLED
from transforms.decide.consent_status import ConsentStatus, count_users, with_consent_status
from transforms.decide.known_rows import Checked, split_known
from transforms.decide.list_rows import conversation_list_rows, matching_authorizations, user_list_rows
from transforms.decide.merge import merge
from transforms.decide.rules import DecisionInputs, judge
from transforms.decide.settle import deletions_by_name, settle
from transforms.decide.settled_rows import settled_rows, with_names
from transforms.decide.size_tiebreak import with_sizes
from transforms.decide.text_digest import text_digests
from transforms.decide.works import by_work
from transforms.shuffle.blobs import Kind, part_of_keys, slices_by_part, tables_of, to_blob
from transforms.shuffle.buckets import Buckets, Share, shares_of, tables_of_share
from transforms.shuffle.counters import RECORDS_DECIDED, SESSIONS_TO_MASK
from transforms.shuffle.entries import ENTRIES, entry
from transforms.shuffle.guard import guarded
from transforms.shuffle.instants import whole
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.sizes import Sizes, Volume
from transforms.shuffle.spill import Spill
from transforms.shuffle.steps import Step
from transforms.sources.base import ReadContext

VOLUMES = "volumes"
READS = "reads"
TAKEN_OVER = "taken_over"
TO_CHECK = "to_check"
PART = BeamTuple[int, bytes]
READ = BeamTuple[bytes, bytes]


@dataclasses.dataclass(eq=False)
class DecideEligibility(beam.PTransform):  # type: ignore[misc]
    """One decision row per session and policy.

    In: (bucket, blobs of facts, consent and user deletions), grouped by bucket. A bucket that is too large is
    decided in shares; where only pointers move, the shares go to any worker.

    Out: (piece, blob) of UNSETTLED rows, tagged `decisions_by(number)`; entries that count users, tagged
    `user_counts_by(number)`; `volumes`, by the first policy; and `entries`.

    `as_of` is fixed when the graph is built, so a retry decides alike. `pieces` is the number of ranges of
    conversation keys that are settled separately. Without `pointers`, rows have no pointers to records. An
    audit reads a record again through `context` where the order of records depends on unread texts.
    """

    run_key: RunKey
    policies: Sequence[Policy]
    authorizations: pa.Table
    as_of: dt.datetime
    known_until: dt.datetime | None
    pointers: bool
    buckets: Buckets
    pieces: int
    context: ReadContext

    def expand(self, grouped: Any) -> Any:
        numbers = range(len(self.policies))
        others = [*map(decisions_by, numbers[1:]), *map(user_counts_by, numbers)]
        shares = grouped | "Share" >> beam.ParDo(_Share(self.run_key, self.buckets))
        if self.buckets.spill.folder is not None:
            shares = shares | "Spread shares" >> beam.Reshuffle()
        return shares | "Decide bucket" >> beam.ParDo(_Decide(self)).with_outputs(
            VOLUMES, ENTRIES, *others, main=decisions_by(0)
        )


def decisions_by(number: int) -> str:
    """The output tag of one policy's decisions."""
    return f"decisions_{number}"


def user_counts_by(number: int) -> str:
    """The output tag of the entries that count users under one policy."""
    return f"users_{number}"


@dataclasses.dataclass(eq=False)
class PartitionByKey(beam.PTransform):  # type: ignore[misc]
    """(piece, blob) of the rows in each piece. In: blobs of one kind, with 16-byte keys in `column`.

    `as_kind`: the kind of the blobs that come out, if it is another.
    """

    run_key: RunKey
    column: str
    schema: pa.Schema
    kind: Kind
    pieces: int
    spill: Spill
    as_kind: Kind | None = None

    def expand(self, blobs: Any) -> Any:
        return blobs | "Split by key" >> beam.ParDo(_Partition(self)).with_output_types(PART)


@dataclasses.dataclass(eq=False)
class UseNames(beam.PTransform):  # type: ignore[misc]
    """(piece, blob) of names by key and by conversation, and of deletions by a further id.

    In: (blobs of NAMES, (piece, blob) of conversation deletions).
    """

    run_key: RunKey
    pieces: int
    spill: Spill

    def expand(self, collections: Any) -> Any:
        names, deletions = collections
        claims = names | "Claims" >> PartitionByKey(
            self.run_key, "key", NAMES, "names", self.pieces, self.spill, "claims"
        )
        deleted = (
            [claims, deletions]
            | "Merge by name" >> beam.Flatten()
            | "By name" >> beam.GroupByKey()
            | "Delete"
            >> beam.ParDo(_DeleteByName(self.run_key, self.pieces, self.spill)).with_output_types(PART)
        )
        named = names | "Names" >> PartitionByKey(
            self.run_key, "conversation_key", NAMES, "names", self.pieces, self.spill
        )
        return [claims, deleted, named] | "Merge" >> beam.Flatten()


class _DeleteByName(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, pieces: int, spill: Spill) -> None:
        super().__init__(run_key)
        self._pieces, self._spill = pieces, spill

    @guarded("Delete by name")
    def process(self, item: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
        schemas: dict[Kind, pa.Schema] = {"claims": NAMES, "conversation_deletions": DELETIONS}
        claims, deletions = tables_of(item[1], schemas, self._spill).values()
        found = deletions_by_name(claims, deletions)
        yield from _by_piece(found, "key", "named_deletions", self._pieces, self._spill)


class SettleSessions(Step, beam.DoFn):  # type: ignore[misc]
    """Settled decisions, and pointers to the text to mask. In: (piece, blobs), grouped by piece.

    Out: (ledger part, blob) of SETTLED rows and of quarantined records. Tagged `reads`: (work, blob) of the
    eligible sessions to mask, see `by_work`; tagged `entries`: how many rows of deletions match a
    conversation. With a `context` these are TO_MASK rows, else DECISIONS.

    Of sessions that the version before has masked (KNOWN rows), tagged `taken_over`: (its shard, blob) of
    TAKEN rows; and tagged `to_check`: (work, blob) of those to mask again all the same.
    """

    def __init__(self, run_key: RunKey, spill: Spill, context: ReadContext | None, checked: Checked) -> None:
        super().__init__(run_key)
        self._spill, self._context, self._checked = spill, context, checked
        self._sessions_to_mask = Metrics.counter("chatsieve", SESSIONS_TO_MASK)

    @guarded("Settle sessions")
    def process(self, item: tuple[int, Iterable[bytes]], sizes: Sizes) -> Iterator[Any]:
        blobs, parts = item[1], sizes[0]
        schemas: dict[Kind, pa.Schema] = {
            "decisions": UNSETTLED,
            "conversation_deletions": DELETIONS,
            "quarantined": QUARANTINED,
            "names": NAMES,
            "claims": NAMES,
            "named_deletions": DELETIONS,
            "known": KNOWN,
        }
        tables = tables_of(blobs, schemas, self._spill)
        quarantined, claims = tables["quarantined"], tables["claims"]
        deletions = tables["conversation_deletions"]
        seen = (tables["decisions"]["conversation_key"], quarantined["conversation_key"], claims["key"])
        listed = conversation_list_rows(deletions, *seen)
        yield _entry(self._spill, ENTRIES, "listed", **listed)
        deletions = pa.concat_tables([deletions, tables["named_deletions"]])
        decisions = settle(tables["decisions"], deletions, claims)
        settled = settled_rows(with_names(decisions, tables["names"]), quarantined)
        for part, rows in slices_by_part(settled, part_of_keys(settled["conversation_key"], parts)):
            yield part, self._spill.put(to_blob(rows, "decisions"))
        for part, rows in slices_by_part(quarantined, part_of_keys(quarantined["part_key"], parts)):
            yield part, self._spill.put(to_blob(rows, "quarantined"))
        eligible = decisions.filter(pc.greater(pc.list_value_length(decisions["records"]), 0))
        yield from self._texts(eligible.select(DECISIONS.names), tables["known"])

    def _texts(self, eligible: pa.Table, known: pa.Table) -> Iterator[Any]:
        """The sessions to mask, those to take over, and those to do both with."""
        others = eligible
        if self._context is not None:
            digests = pa.array(text_digests(eligible, self._context))
            taken, shards, others = split_known(eligible.append_column("text_digest", digests), known)
            for shard, rows in slices_by_part(taken, whole(shards)):
                yield beam.pvalue.TaggedOutput(TAKEN_OVER, (shard, self._spill.put(to_blob(rows, "taken"))))
            sample = pa.array(self._checked.among(taken["conversation_key"]))
            yield from self._reads(TO_CHECK, taken.filter(sample).select(TO_MASK.names))
        yield from self._reads(READS, others)

    def _reads(self, tag: str, sessions: pa.Table) -> Iterator[Any]:
        self._sessions_to_mask.inc(sessions.num_rows)
        for work, rows in by_work(sessions, self.run_key):
            yield beam.pvalue.TaggedOutput(tag, (work, self._spill.put(to_blob(rows, "decisions"))))


class _Share(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, buckets: Buckets) -> None:
        super().__init__(run_key)
        self._buckets = buckets

    @guarded("Share")
    def process(self, item: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, int, list[bytes]]]:
        for share in shares_of(item[1], self._buckets):
            yield share.nth, share.of, list(share.blobs)


class _Decide(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, arguments: DecideEligibility) -> None:
        super().__init__(arguments.run_key)
        self._policies = tuple(arguments.policies)
        self._fixed = (arguments.authorizations, arguments.as_of, arguments.known_until)
        self._spill, self._pieces = arguments.buckets.spill, arguments.pieces
        self._pointers, self._context = arguments.pointers, arguments.context
        self._records_decided = Metrics.counter("chatsieve", RECORDS_DECIDED)

    @guarded("Decide")
    def process(self, item: tuple[int, int, list[bytes]]) -> Iterator[Any]:
        tables = tables_of_share(Share(*item), self._spill)
        facts = tables["facts"]
        inputs = DecisionInputs(tables["consent"], tables["user_deletions"], *self._fixed)
        users = pa.chunked_array([*tables["users"]["user_key"].chunks, *facts["user_key"].chunks], KEY)
        status = ConsentStatus(users, inputs.consent, inputs.as_of)
        for number, policy in enumerate(self._policies):
            counts = count_users(tables["users"], status, policy, inputs.known_until)
            yield _entry(self._spill, user_counts_by(number), "users", **counts._asdict())
        yield _entry(self._spill, ENTRIES, "listed", **user_list_rows(tables))
        matched = matching_authorizations(facts, inputs.authorizations)
        given = inputs.authorizations.num_rows
        yield _entry(self._spill, ENTRIES, "authorized", given=given, matched=matched)
        if not facts.num_rows:
            return
        if self._context.metadata_only:
            facts = with_sizes(facts, self._context)
        sessions = merge(facts)
        for number, policy in enumerate(self._policies):
            judged = judge(sessions, inputs, policy).table(self._pointers)
            decisions = with_consent_status(judged, status, policy)
            if number == 0:
                yield beam.pvalue.TaggedOutput(VOLUMES, _volume(decisions))
            for pair in _by_piece(decisions, "conversation_key", "decisions", self._pieces, self._spill):
                yield beam.pvalue.TaggedOutput(decisions_by(number), pair) if number else pair
        self._records_decided.inc(facts.num_rows)
        yield _entry(self._spill, ENTRIES, "decided", records=facts.num_rows, sessions=len(sessions))


def _entry(spill: Spill, tag: str, kind: str, **fields: Any) -> Any:
    return beam.pvalue.TaggedOutput(tag, spill.put(entry(kind, **fields)))


def _volume(decisions: pa.Table) -> Volume:
    eligible = pc.equal(decisions["decision"], str(Decision.ELIGIBLE))
    text_bytes = pc.sum(pc.filter(decisions["text_bytes"], eligible)).as_py() or 0
    return Volume(decisions.num_rows, max(0, text_bytes))


def _by_piece(
    table: pa.Table, column: str, kind: Kind, pieces: int, spill: Spill
) -> Iterator[tuple[int, bytes]]:
    for piece, rows in slices_by_part(table, part_of_keys(table[column], pieces)):
        yield piece, spill.put(to_blob(rows, kind))


class _Partition(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, arguments: PartitionByKey) -> None:
        super().__init__(arguments.run_key)
        kind, self._spill = arguments.as_kind or arguments.kind, arguments.spill
        self._arguments = arguments.column, kind, arguments.pieces, arguments.spill
        self._schemas = {arguments.kind: arguments.schema}

    @guarded("Split by key")
    def process(self, blob: bytes) -> Iterator[tuple[int, bytes]]:
        (table,) = tables_of([blob], self._schemas, self._spill).values()
        yield from _by_piece(table, *self._arguments)
