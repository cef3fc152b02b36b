"""Beam transforms: read the state of old rows, take rows over, and compare a sample with masking."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics
from apache_beam.typehints import Tuple as BeamTuple

from schemas.state import KNOWN, TAKEN, TO_MASK
from transforms.decide.stage import READS
from transforms.decide.works import by_work
from transforms.deid.engines import EngineSpec
from transforms.deid.masked_batch import masked_batches
from transforms.deid.stage import REFUSALS, ROW_STATES, session_outputs
from transforms.deid.training_rows import TextFigures
from transforms.reuse.compared import compare, group_of, not_taken, session_digests
from transforms.reuse.known import KnownRows
from transforms.reuse.old_rows import DamagedError, old_rows, read_state
from transforms.shuffle.blobs import part_of_keys, slices_by_part, tables_of, to_blob
from transforms.shuffle.counters import CHARACTERS_MASKED, SESSIONS_MASKED, SESSIONS_TO_MASK
from transforms.shuffle.entries import ENTRIES, entry
from transforms.shuffle.fragments import FRAGMENT, write_fragment
from transforms.shuffle.guard import guarded
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.sizes import Sizes
from transforms.shuffle.spill import Spill
from transforms.shuffle.stage import BUCKET, bucketed, typed
from transforms.shuffle.steps import Step
from transforms.sources.base import ReadContext
from transforms.storage.leases import Lease
from transforms.storage.places import open_file

COMPARED = "compared"
_WORK = BeamTuple[bytes, bytes]
_FLUSH_BYTES = 64 << 20
#: Groups of sessions that are compared together.
_GROUPS = 64


@dataclasses.dataclass(eq=False)
class ReadKnownRows(beam.PTransform):  # type: ignore[misc]
    """(piece, blob) of KNOWN rows, tagged `known`, and `entries`: files that are damaged.

    The sessions of a damaged file are masked as if they were new. In: a pipeline.
    """

    run_key: RunKey
    known: KnownRows
    pieces: int
    spill: Spill

    def expand(self, pipeline: Any) -> Any:
        reader = _ReadKnownRows(self.run_key, self.known, self.pieces, self.spill)
        return (
            pipeline
            | "Shards" >> beam.Create(range(len(self.known.shards)))
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(reader).with_outputs(ENTRIES, main="known")
        )


class _ReadKnownRows(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, known: KnownRows, pieces: int, spill: Spill) -> None:
        super().__init__(run_key)
        self._known, self._pieces, self._spill = known, pieces, spill

    @guarded("Read known rows")
    def process(self, number: int) -> Iterator[Any]:
        shard = self._known.shards[number]
        try:
            with open_file(f"{self._known.folder}/{shard.state}") as file:
                rows = read_state(file, shard.state_sha256)
        except (DamagedError, OSError):
            yield beam.pvalue.TaggedOutput(ENTRIES, self._spill.put(entry("damaged", file=shard.state)))
            return
        rows = rows.append_column(KNOWN.field("shard"), pa.repeat(pa.scalar(number, pa.int32()), len(rows)))
        for piece, some in slices_by_part(rows, part_of_keys(rows["conversation_key"], self._pieces)):
            yield piece, self._spill.put(to_blob(some, "known"))


@dataclasses.dataclass(eq=False)
class TakeRows(beam.PTransform):  # type: ignore[misc]
    """Fragments with rows of the version before. In: (old shard, blob of TAKEN rows).

    Out: as `DeidentifySessions`; also `reads`, the sessions to mask because the old shard is damaged or does
    not hold them, and `compared`, the values of the sample.
    """

    run_key: RunKey
    known: KnownRows
    policy_id: str
    staging: str
    sizes: Any
    spill: Spill
    lease: Lease

    def expand(self, shards: Any) -> Any:
        grouped = bucketed(shards, "shards") | "By old shard" >> beam.GroupByKey()
        return grouped | "Take rows" >> beam.ParDo(_TakeRows(self), self.sizes).with_outputs(
            REFUSALS, ROW_STATES, ENTRIES, READS, COMPARED, main="fragments"
        )


class _TakeRows(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, arguments: TakeRows) -> None:
        super().__init__(arguments.run_key)
        self._known, self._policy_id = arguments.known, arguments.policy_id
        self._staging = f"{arguments.staging}/fragments"
        self._spill, self._lease = arguments.spill, arguments.lease
        self._sessions_to_mask = Metrics.counter("chatsieve", SESSIONS_TO_MASK)

    @guarded("Take rows")
    def process(self, item: tuple[int, Iterable[bytes]], sizes: Sizes) -> Iterator[Any]:
        shard, sizes = self._known.shards[item[0]], Sizes(*sizes)
        sessions = tables_of(item[1], {"taken": TAKEN}, self._spill)["taken"]
        is_refused = sessions["refusal"].is_valid()
        refused, expected = sessions.filter(is_refused), sessions.filter(pc.invert(is_refused))
        figures, keys = TextFigures(), [pa.array([], expected["conversation_key"].type)]
        held: list[pa.Table] = []
        try:
            for rows in self._rows(shard.data, shard.data_sha256, expected):
                figures.add_rows(rows)
                keys.append(rows["key"].unique())
                yield from self._compared(self._digests(rows, expected))
                held.append(rows)
                if sum(each.nbytes for each in held) >= _FLUSH_BYTES:
                    yield from self._written(held, sizes)
                    held = []
        except DamagedError:
            pass  # the sessions that were not found by then are masked
        yield from self._written(held, sizes)
        is_found = pc.is_in(expected["conversation_key"], value_set=pa.concat_arrays(keys))
        lost = expected.filter(pc.invert(is_found))
        done = pa.concat_tables([refused, expected.filter(is_found)])
        yield from session_outputs(done, sizes, self._spill)
        figures.add_sessions(done)
        count = entry("text", **figures.fields(), taken=done.num_rows)
        yield beam.pvalue.TaggedOutput(ENTRIES, self._spill.put(count))
        nothing = FRAGMENT.empty_table()
        yield from self._compared(
            session_digests(nothing, self._sampled(refused, "conversation_key"), "taken")
        )
        if lost.num_rows:
            yield beam.pvalue.TaggedOutput(ENTRIES, self._spill.put(entry("damaged", file=shard.data)))
            yield from self._compared(not_taken(self._sampled(lost, "conversation_key")))
            self._sessions_to_mask.inc(lost.num_rows)
            for work, some in by_work(lost.select(TO_MASK.names), self.run_key):
                yield beam.pvalue.TaggedOutput(READS, (work, self._spill.put(to_blob(some, "decisions"))))

    def _rows(self, name: str, sha256: str, sessions: pa.Table) -> Iterator[pa.Table]:
        if not sessions.num_rows:
            return
        try:
            with open_file(f"{self._known.folder}/{name}") as file:
                yield from old_rows(file, sha256, sessions, self._policy_id)
        except OSError as error:
            raise DamagedError from error

    def _written(self, held: list[pa.Table], sizes: Sizes) -> Iterator[tuple[int, bytes]]:
        if held:
            self._lease.check()
            for shard, place in write_fragment(pa.concat_tables(held), sizes.shards, self._staging):
                yield shard, self._spill.put(place.encode())

    def _digests(self, rows: pa.Table, sessions: pa.Table) -> Iterator[bytes]:
        """The values of the sample's sessions that these rows are of."""
        rows = self._sampled(rows, "key")
        if rows.num_rows:
            is_of = pc.is_in(sessions["conversation_key"], value_set=rows["key"].unique())
            yield from session_digests(rows, sessions.filter(is_of), "taken")

    def _sampled(self, table: pa.Table, key: str) -> pa.Table:
        checked = self._known.checked
        return table.filter(pa.array(checked.among(table[key]))) if checked.share else table.slice(0, 0)

    def _compared(self, values: Iterable[bytes]) -> Iterator[Any]:
        for pair in _grouped(values, self._spill):
            yield beam.pvalue.TaggedOutput(COMPARED, pair)


@dataclasses.dataclass(eq=False)
class CheckRows(beam.PTransform):  # type: ignore[misc]
    """`checked` entries. In: (work, blob of TO_MASK rows), and the values of the rows taken over.

    The sessions are read and masked, and nothing but the digests of the results is kept.
    """

    run_key: RunKey
    context: ReadContext
    engine: EngineSpec
    policy_id: str
    spill: Spill

    def expand(self, collections: Any) -> Any:
        works, taken = collections
        grouped = typed(works, "works", _WORK) | "By unit" >> beam.GroupByKey()
        masked = grouped | "Mask again" >> beam.ParDo(_MaskAgain(self)).with_output_types(BUCKET)
        return (
            [masked, bucketed(taken, "compared")]
            | "Merge compared" >> beam.Flatten()
            | "By session" >> beam.GroupByKey()
            | "Compare" >> beam.ParDo(_Compare(self.run_key, self.spill))
        )


class _MaskAgain(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, arguments: CheckRows) -> None:
        super().__init__(arguments.run_key)
        self._context, self._engine = arguments.context, arguments.engine
        self._policy_id, self._spill = arguments.policy_id, arguments.spill
        self._sessions_masked = Metrics.counter("chatsieve", SESSIONS_MASKED)
        self._characters_masked = Metrics.counter("chatsieve", CHARACTERS_MASKED)

    @guarded("Mask again")
    def process(self, item: tuple[bytes, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
        decisions = tables_of(item[1], {"decisions": TO_MASK}, self._spill)["decisions"]
        for batch in masked_batches(decisions, self._context, self._engine, self._policy_id):
            self._sessions_masked.inc(batch.sessions.num_rows)
            self._characters_masked.inc(pc.sum(batch.sessions["characters"]).as_py())
            yield from _grouped(session_digests(batch.rows, batch.sessions, "masked"), self._spill)


class _Compare(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, spill: Spill) -> None:
        super().__init__(run_key)
        self._spill = spill

    @guarded("Compare")
    def process(self, item: tuple[int, Iterable[bytes]]) -> Iterator[bytes]:
        found = compare(map(self._spill.get, item[1]))
        yield self._spill.put(entry("checked", **found._asdict()))


def _grouped(values: Iterable[bytes], spill: Spill) -> Iterator[tuple[int, bytes]]:
    for value in values:
        yield group_of(value, _GROUPS), spill.put(value)
