"""The text pass: reads only kept messages, masks them, and stages de-identified rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindows

from schemas.state import ROW_STATE, TO_MASK
from schemas.tables import DECISIONS, TEXT_REFUSALS
from transforms.deid.engines import EngineSpec
from transforms.deid.estimate import count_pii
from transforms.deid.masked_batch import MaskedBatch, masked_batches
from transforms.deid.training_rows import TextFigures
from transforms.shuffle.blobs import part_of_keys, slices_by_part, tables_of, to_blob
from transforms.shuffle.counters import CHARACTERS_MASKED, SESSIONS_MASKED
from transforms.shuffle.entries import ENTRIES, entry
from transforms.shuffle.fragments import FRAGMENT, write_fragment
from transforms.shuffle.guard import guarded
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.sizes import Sizes
from transforms.shuffle.spill import Spill
from transforms.shuffle.steps import Step
from transforms.sources.base import ReadContext
from transforms.storage.leases import Lease

REFUSALS = "refusals"
ROW_STATES = "row_states"
_FLUSH_BYTES = 64 << 20


@dataclasses.dataclass(eq=False)
class DeidentifySessions(beam.PTransform):  # type: ignore[misc]
    """Staged rows of eligible sessions. In: (work, blobs of settled decisions), grouped.

    Out: `fragments` (shard, range), `refusals` (ledger part, blob), `row_state` (shard, blob) and `entries`.
    None of them, and no file in `staging`, holds unredacted text or ids.
    """

    run_key: RunKey
    context: ReadContext
    engine: EngineSpec
    policy_id: str
    staging: str
    sizes: Any
    spill: Spill
    lease: Lease

    def expand(self, works: Any) -> Any:
        reader = _Deidentify(
            self.run_key, self.context, self.engine, self.policy_id, self.staging, self.spill, self.lease
        )
        return works | "De-identify" >> beam.ParDo(reader, self.sizes).with_outputs(
            REFUSALS, ROW_STATES, ENTRIES, main="fragments"
        )


class _Deidentify(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(
        self,
        run_key: RunKey,
        context: ReadContext,
        engine: EngineSpec,
        policy_id: str,
        staging: str,
        spill: Spill,
        lease: Lease,
    ) -> None:
        super().__init__(run_key)
        self._spill, self._lease = spill, lease
        self._context, self._engine, self._policy_id = context, engine, policy_id
        self._staging = f"{staging}/fragments"
        self._sessions_masked = Metrics.counter("chatsieve", SESSIONS_MASKED)
        self._characters_masked = Metrics.counter("chatsieve", CHARACTERS_MASKED)
        self._rows: list[pa.Table] = []
        self._bytes = 0
        self._sizes = Sizes(1, 1)

    def start_bundle(self) -> None:
        self._rows, self._bytes = [], 0

    @guarded("De-identify")
    def process(self, item: tuple[bytes, Iterable[bytes]], sizes: Sizes) -> Iterator[Any]:
        self._sizes = Sizes(*sizes)
        decisions = tables_of(item[1], {"decisions": TO_MASK}, self._spill)["decisions"]
        for batch in masked_batches(decisions, self._context, self._engine, self._policy_id):
            yield from self._noted(batch)
            self._rows.append(batch.rows)
            self._bytes += batch.rows.nbytes
            if self._bytes >= _FLUSH_BYTES:
                yield from self._drain()

    @guarded("De-identify")
    def finish_bundle(self) -> Iterator[Any]:
        for pair in self._drain():
            yield GlobalWindows.windowed_value_at_end_of_window(pair)

    def _noted(self, batch: MaskedBatch) -> Iterator[Any]:
        """What ledger, state and report need to know of the sessions."""
        figures = TextFigures()
        figures.add_sessions(batch.sessions)
        figures.add_rows(batch.rows)
        fields = figures.fields()
        self._sessions_masked.inc(fields["sessions"])
        self._characters_masked.inc(fields["characters"])
        yield from session_outputs(batch.sessions, self._sizes, self._spill)
        yield beam.pvalue.TaggedOutput(ENTRIES, self._spill.put(entry("text", **fields, taken=0)))

    def _drain(self) -> Iterator[tuple[int, bytes]]:
        rows = pa.concat_tables(self._rows) if self._rows else FRAGMENT.empty_table()
        self.start_bundle()
        if rows.num_rows:
            self._lease.check()
            for shard, place in write_fragment(rows, self._sizes.shards, self._staging):
                yield shard, self._spill.put(place.encode())


def session_outputs(sessions: pa.Table, sizes: Sizes, spill: Spill) -> Iterator[Any]:
    """The refused sessions by ledger part, and all sessions by shard. `sessions` has ROW_STATE's columns."""
    sessions = sessions.select(ROW_STATE.names)
    refused = sessions.filter(sessions["refusal"].is_valid())
    columns = [refused["conversation_key"], refused["refusal"].cast(pa.string())]
    table = pa.table(columns, schema=TEXT_REFUSALS)
    parts = part_of_keys(table["conversation_key"], sizes.ledger_parts)
    for part, some in slices_by_part(table, parts):
        yield beam.pvalue.TaggedOutput(REFUSALS, (part, spill.put(to_blob(some, "refusals"))))
    for shard, some in slices_by_part(sessions, part_of_keys(sessions["conversation_key"], sizes.shards)):
        yield beam.pvalue.TaggedOutput(ROW_STATES, (shard, spill.put(to_blob(some, "row_state"))))


@dataclasses.dataclass(eq=False)
class EstimatePii(beam.PTransform):  # type: ignore[misc]
    """`estimate` entries of the `sessions` eligible sessions with the smallest keys: counts, no text.

    In: (work, blob of settled decisions), as the text pass gets them. Keys are digests, so the smallest are
    a fair sample, and the same one in every run with that key.
    """

    run_key: RunKey
    sessions: int
    context: ReadContext
    engine: EngineSpec
    spill: Spill

    def expand(self, works: Any) -> Any:
        smallest = beam.combiners.Top.Of(self.sessions, key=_key_of, reverse=True)
        return (
            works
            | "One by one" >> beam.ParDo(_Candidates(self.run_key, self.sessions, self.spill))
            | "Sample" >> smallest
            | "Sampled" >> beam.FlatMap(_blobs)
            | "Spread sampled" >> beam.Reshuffle()
            | "Count PII" >> beam.ParDo(_CountPii(self.run_key, self.context, self.engine, self.spill))
        )


class _Candidates(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, sessions: int, spill: Spill) -> None:
        super().__init__(run_key)
        self._sessions, self._spill = sessions, spill

    @guarded("Sample")
    def process(self, item: tuple[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
        table = tables_of([item[1]], {"decisions": DECISIONS}, self._spill)["decisions"]
        keys = table["conversation_key"].to_pylist()
        for place in sorted(range(len(keys)), key=keys.__getitem__)[: self._sessions]:
            yield keys[place], self._spill.put(to_blob(table.slice(place, 1), "decisions"))


class _CountPii(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, context: ReadContext, engine: EngineSpec, spill: Spill) -> None:
        super().__init__(run_key)
        self._context, self._engine, self._spill = context, engine, spill

    @guarded("Count PII")
    def process(self, blob: bytes) -> Iterator[bytes]:
        table = tables_of([blob], {"decisions": DECISIONS}, self._spill)["decisions"]
        for found in count_pii(table, self._context, self._engine):
            yield self._spill.put(entry("estimate", **found._asdict()))


def _key_of(candidate: tuple[bytes, bytes]) -> bytes:
    return candidate[0]


def _blobs(sample: list[tuple[bytes, bytes]]) -> list[bytes]:
    return [blob for _, blob in sample]
