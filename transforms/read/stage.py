"""Beam transforms: read input files into facts by user bucket. No text leaves this stage."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindows

from schemas.tables import HISTORIES
from schemas.units import Quarantined, Unit
from transforms.read.quarantined import quarantined_table
from transforms.shuffle.blobs import tables_of, to_blob
from transforms.shuffle.buckets import JOINS_MARK, Buckets, facts_to_buckets, users_to_buckets
from transforms.shuffle.counters import BYTES_READ, RECORDS_READ
from transforms.shuffle.entries import ENTRIES, entry
from transforms.shuffle.guard import guarded
from transforms.shuffle.histories import histories_of, joins_of, names_of_joins
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.spill import Spill
from transforms.shuffle.steps import Step
from transforms.sources.base import FactsBatch, PlanTask, ReadContext
from transforms.sources.canonical.parquet_digest import metadata_digest
from transforms.sources.file_state import UNKNOWN, States
from transforms.sources.files import open_bytes, size_of
from transforms.sources.objects import expecting
from transforms.sources.registry import plan_units, read_facts
from transforms.sources.unknown_kinds import UnknownKinds

QUARANTINED = "quarantined"
HISTORIES_OUT = "histories"
NAMES_OUT = "names"
_FLUSH_BYTES = 64 << 20


@dataclasses.dataclass(eq=False)
class ReadFacts(beam.PTransform):  # type: ignore[misc]
    """The facts of all inputs. In: sealed, encoded PlanTasks.

    Out, all by the spill of `buckets`: `facts`, (bucket, blob); `quarantined`, blobs; `entries`; `histories`,
    (bucket, blob) of HISTORIES;
    `names`, blobs of NAMES. `context` has the key, the limits and the defaults, fixed when the graph is
    built. Plain files are split into units of `unit_bytes`. A local runner assigns units to workers once, so
    small units balance the load. With `repeat`, records of some input may repeat others: histories are given.
    """

    run_key: RunKey
    context: ReadContext
    buckets: Buckets
    unit_bytes: int
    repeat: bool

    def expand(self, tasks: Any) -> Any:
        units = tasks | "Plan units" >> beam.ParDo(
            _PlanUnits(self.run_key, self.unit_bytes, self.buckets.spill)
        ).with_outputs(QUARANTINED, ENTRIES, main="units")
        facts = (
            units["units"]
            | "Spread units" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(_Read(self.run_key, self.context, self.buckets, self.repeat)).with_outputs(
                QUARANTINED, ENTRIES, HISTORIES_OUT, NAMES_OUT, main="facts"
            )
        )
        return {
            "facts": facts["facts"],
            "quarantined": (units[QUARANTINED], facts[QUARANTINED]) | "Quarantined" >> beam.Flatten(),
            "entries": (units[ENTRIES], facts[ENTRIES]) | "Entries" >> beam.Flatten(),
            "histories": facts[HISTORIES_OUT],
            "names": facts[NAMES_OUT],
        }


@dataclasses.dataclass(eq=False)
class JoinHistories(beam.PTransform):  # type: ignore[misc]
    """The conversations that are part of others. In: (bucket, blob) of HISTORIES.

    Out: `joins`, (bucket, marked blob) of JOINS, for `tables_of_share`; `names`, blobs of NAMES.
    """

    run_key: RunKey
    spill: Spill

    def expand(self, histories: Any) -> Any:
        joiner = beam.ParDo(_Join(self.run_key, self.spill))
        return (
            histories
            | "By user" >> beam.GroupByKey()
            | "Join" >> joiner.with_outputs(NAMES_OUT, main="joins")
        )


class _Join(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, spill: Spill) -> None:
        super().__init__(run_key)
        self._spill = spill

    @guarded("Join histories")
    def process(self, item: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        bucket, blobs = item
        joins = joins_of(tables_of(blobs, {"histories": HISTORIES}, self._spill)["histories"])
        if joins.num_rows:
            yield bucket, JOINS_MARK + self._spill.put(to_blob(joins, "joins"))
            names = to_blob(names_of_joins(joins), "names")
            yield beam.pvalue.TaggedOutput(NAMES_OUT, self._spill.put(names))


class DigestFiles(Step, beam.DoFn):  # type: ignore[misc]
    """A sealed (input, position, path) to an `input` entry with the file's size and SHA-256.

    `states`: of objects, which are read in no other state. With `metadata_only`, the entry of a Parquet file
    has `metadata_sha256` instead: the digest of all columns but the texts.
    """

    def __init__(self, run_key: RunKey, metadata_only: bool, spill: Spill, states: States = UNKNOWN) -> None:
        super().__init__(run_key)
        self._spill = spill
        self._metadata_only = metadata_only
        self._stored = {
            path: (state.size, state.identity)
            for path, state in states.items()
            if isinstance(state.identity, str)
        }

    @guarded("Digest inputs")
    def process(self, sealed: bytes) -> Iterator[bytes]:
        number, position, path = self.run_key.open(sealed)
        with expecting([path], [self._stored[path]] if path in self._stored else []):
            digested = self._digested(number, position, path)
        yield self._spill.put(digested)

    def _digested(self, number: int, position: int, path: str) -> bytes:
        found = metadata_digest(path) if self._metadata_only else None
        if found is not None:
            return entry("input", input=number, file=position, bytes=size_of(path), metadata_sha256=found)
        with open_bytes(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return entry("input", input=number, file=position, bytes=file.tell(), sha256=digest)


class _PlanUnits(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, unit_bytes: int, spill: Spill) -> None:
        super().__init__(run_key)
        self._unit_bytes, self._spill = unit_bytes, spill

    @guarded("Plan units")
    def process(self, sealed: bytes) -> Iterator[Any]:
        plan = PlanTask.decode(self.run_key.open(sealed))
        units, unreadable = plan_units(plan, self._unit_bytes)
        yield from (self.run_key.seal(unit.encode()) for unit in units)
        yield from _quarantine(unreadable, self._spill)
        if unreadable:
            count = _read_entry(plan.input, 0, len(unreadable), 0, 0, UnknownKinds.none())
            yield beam.pvalue.TaggedOutput(ENTRIES, self._spill.put(count))


class _Read(Step, beam.DoFn):  # type: ignore[misc]
    """Buffers facts over units, so that a bucket gets few blobs instead of one per small file."""

    def __init__(self, run_key: RunKey, context: ReadContext, buckets: Buckets, repeat: bool) -> None:
        super().__init__(run_key)
        self._context = context
        self._repeat = repeat
        self._buckets = buckets
        self._buffer: list[pa.Table] = []
        self._bytes = 0
        self._units_read = Metrics.counter("chatsieve", "units_read")
        self._records_read = Metrics.counter("chatsieve", RECORDS_READ)
        self._bytes_read = Metrics.counter("chatsieve", BYTES_READ)

    def start_bundle(self) -> None:
        self._buffer, self._bytes = [], 0

    @guarded("Read facts")
    def process(self, sealed: bytes) -> Iterator[Any]:
        sessions = quarantined = parts = lost = 0
        unknown = UnknownKinds.none()
        unit = Unit.decode(self.run_key.open(sealed))
        for batch in read_facts(unit, self._context):
            sessions += batch.facts.num_rows
            quarantined += len(batch.quarantined)
            parts += batch.parts
            if batch.unknown is not None:
                unknown.add(batch.unknown)
            lost += sum(each.is_part for each in batch.quarantined)
            yield from _quarantine(batch.quarantined, self._buckets.spill)
            yield from self._other(unit, batch)
            self._buffer.append(batch.facts)
            self._bytes += batch.facts.nbytes
            self._records_read.inc(batch.facts.num_rows + len(batch.quarantined))
            if self._bytes >= _FLUSH_BYTES:
                yield from self._drain()
        self._units_read.inc()
        self._bytes_read.inc(unit.input_bytes)
        count = _read_entry(unit.input, sessions, quarantined, parts, lost, unknown)
        yield beam.pvalue.TaggedOutput(ENTRIES, self._buckets.spill.put(count))

    def _other(self, unit: Unit, batch: FactsBatch) -> Iterator[Any]:
        """The histories of a batch, and the names of its conversations."""
        if batch.names is not None and batch.names.num_rows:
            names = to_blob(batch.names, "names")
            yield beam.pvalue.TaggedOutput(NAMES_OUT, self._buckets.spill.put(names))
        if self._repeat:
            histories = histories_of(batch.facts, unit.format)
            for pair in users_to_buckets(histories, "user_key", "histories", self._buckets):
                yield beam.pvalue.TaggedOutput(HISTORIES_OUT, pair)

    @guarded("Read facts")
    def finish_bundle(self) -> Iterator[Any]:
        for pair in self._drain():
            yield GlobalWindows.windowed_value_at_end_of_window(pair)

    def _drain(self) -> Iterator[tuple[int, bytes]]:
        if self._buffer:
            facts = pa.concat_tables(self._buffer)
            self.start_bundle()
            yield from facts_to_buckets(facts, self._buckets)


def _read_entry(
    number: int, sessions: int, quarantined: int, parts: int, lost: int, unknown: UnknownKinds
) -> bytes:
    return entry(
        "read",
        input=number,
        sessions=sessions,
        quarantined=quarantined,
        parts=parts,
        quarantined_parts=lost,
        unknown=unknown._asdict(),
    )


def _quarantine(found: list[Quarantined], spill: Spill) -> Iterator[Any]:
    if found:
        blob = to_blob(quarantined_table(found), "quarantined")
        yield beam.pvalue.TaggedOutput(QUARANTINED, spill.put(blob))
