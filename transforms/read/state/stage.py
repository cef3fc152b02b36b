"""Beam transforms: what a run takes over from the state of facts, and the state that it writes itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import asdict

from schemas.state import STATE_FACTS, STATE_UNITS
from schemas.units import Quarantined, Unit
from transforms.read.quarantined import quarantined_table
from transforms.read.state.buffer import FactsBuffer
from transforms.read.state.facts import from_state
from transforms.read.state.files import read_state, read_whole, write_state
from transforms.read.state.keys import part_of_key, parts_of_unit
from transforms.read.state.known import FACTS, UNITS, Kept, KnownFacts, Planned
from transforms.read.state.outputs import (
    HISTORIES_OUT,
    NAMES_OUT,
    QUARANTINED,
    STATE_FACTS_OUT,
    STATE_UNITS_OUT,
    WANTED,
    increment_entry,
    read_entry,
    unlisted_entries,
)
from transforms.read.state.units import (
    Recalled,
    of_places,
    recalled,
    summed,
)
from transforms.shuffle.blobs import Kind, slices_by_part, tables_of, to_blob
from transforms.shuffle.buckets import Buckets, users_to_buckets
from transforms.shuffle.entries import ENTRIES, entry
from transforms.shuffle.guard import guarded
from transforms.shuffle.histories import histories_of
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.spill import Spill
from transforms.shuffle.stage import BUCKET, bucketed, sealed_source
from transforms.shuffle.steps import Step


@dataclasses.dataclass(eq=False)
class RecallKnown(beam.PTransform):  # type: ignore[misc]
    """What reading known units would give, from the state of the version before.

    In: `wanted` pairs of units that were found while planning. The units of `known.places` come on top.
    Out, by name: `facts`, `histories`, `names`, `quarantined`, `entries`, `state_facts`, `state_units`.
    """

    run_key: RunKey
    known: KnownFacts
    kept: Kept
    buckets: Buckets
    repeat: bool

    def expand(self, wanted: Any) -> dict[str, Any]:
        recall_units = _RecallUnits(self.run_key, self.known, self.kept, self.buckets.spill)
        recall_facts = _RecallFacts(self.run_key, self.known, self.kept, self.buckets, self.repeat)
        units = sealed_source(
            wanted.pipeline, "Places", self.run_key, self.known.places
        ) | "Units" >> beam.ParDo(recall_units).with_outputs(
            QUARANTINED, NAMES_OUT, STATE_UNITS_OUT, WANTED, main=ENTRIES
        )
        facts = (
            bucketed([wanted, units[WANTED]] | "Wanted" >> beam.Flatten(), "wanted")
            | "By part" >> beam.GroupByKey()
            | "Facts" >> beam.ParDo(recall_facts).with_outputs(HISTORIES_OUT, STATE_FACTS_OUT, main=FACTS)
        )
        of_units = (ENTRIES, QUARANTINED, NAMES_OUT, STATE_UNITS_OUT)
        return {
            **{name: units[name] for name in of_units},
            **{name: facts[name] for name in (FACTS, HISTORIES_OUT, STATE_FACTS_OUT)},
        }


@dataclasses.dataclass(eq=False)
class WriteState(beam.PTransform):  # type: ignore[misc]
    """Writes the state of facts and units. In: (`state_facts`, `state_units`). Out: entries."""

    run_key: RunKey
    kept: Kept
    spill: Spill

    def expand(self, collections: Any) -> Any:
        return [
            self._written(collections[0], FACTS, "state_facts", STATE_FACTS),
            self._written(collections[1], UNITS, "state_units", STATE_UNITS),
        ] | "Entries" >> beam.Flatten()

    def _written(self, pairs: Any, kind: str, blobs: Kind, schema: pa.Schema) -> Any:
        every = (
            pairs.pipeline
            | f"Seed {kind}" >> beam.Create([self.kept.parts])
            | f"Count {kind}" >> beam.FlatMap(_every_part).with_output_types(BUCKET)
        )
        writer = _WriteState(self.run_key, self.kept, kind, blobs, schema, self.spill)
        return (
            [bucketed(pairs, kind), every]
            | f"Merge {kind}" >> beam.Flatten()
            | f"By part of {kind}" >> beam.GroupByKey()
            | f"Write {kind}" >> beam.ParDo(writer)
        )


def quarantine(found: Sequence[Quarantined], spill: Spill) -> Iterator[Any]:
    """Quarantined records to their output."""
    if found:
        blob = to_blob(quarantined_table(found), "quarantined")
        yield beam.pvalue.TaggedOutput(QUARANTINED, spill.put(blob))


def names(table: pa.Table | None, spill: Spill) -> Iterator[Any]:
    """NAMES to their output."""
    if table is not None and table.num_rows:
        yield beam.pvalue.TaggedOutput(NAMES_OUT, spill.put(to_blob(table, "names")))


def histories(facts: pa.Table, source_format: str, buckets: Buckets) -> Iterator[Any]:
    """The histories of facts of one format to their output."""
    table = histories_of(facts, source_format)
    for pair in users_to_buckets(table, "user_key", "histories", buckets):
        yield beam.pvalue.TaggedOutput(HISTORIES_OUT, pair)


def state_units(table: pa.Table, kept: Kept, spill: Spill) -> Iterator[Any]:
    """STATE_UNITS rows to their output, by part."""
    parts = np.array([part_of_key(key, kept.parts) for key in table["place"].to_pylist()], np.int64)
    for part, rows in slices_by_part(table, parts):
        pair = part, spill.put(to_blob(rows, "state_units"))
        yield beam.pvalue.TaggedOutput(STATE_UNITS_OUT, pair)


def emit_recalled(
    found: Sequence[Recalled], table: pa.Table, parts: int, kept: Kept, spill: Spill, run_key: RunKey
) -> Iterator[Any]:
    """Everything that units of the version before give, with their rows in `table`, besides their facts.

    Entries are tagged, too. `parts`: of the state of the version before.
    """
    counts = summed(unit.read for unit in found)
    entries = [*map(read_entry, counts), increment_entry(len(found), 0)] if found else []
    for unit in found:
        entries += unlisted_entries(run_key, unit.placed.unit, unit.unlisted)
    for each in entries:
        yield beam.pvalue.TaggedOutput(ENTRIES, spill.put(each))
    yield from quarantine([each for unit in found for each in unit.quarantined], spill)
    yield from names(pa.concat_tables([unit.names for unit in found]) if found else None, spill)
    yield from state_units(table, kept, spill)
    wanted: dict[int, list[tuple[bytes, str]]] = {}
    for unit in found:
        for part in sorted(parts_of_unit(unit.placed.key, unit.rows, parts)):
            wanted.setdefault(part, []).append((unit.placed.key, unit.placed.unit.encode()))
    for part, units in wanted.items():
        yield beam.pvalue.TaggedOutput(WANTED, (part, spill.put(msgspec.msgpack.encode(units))))


class _RecallUnits(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, known: KnownFacts, kept: Kept, spill: Spill) -> None:
        super().__init__(run_key)
        self._known, self._kept, self._spill = known._replace(places=()), kept, spill

    @guarded("Recall units")
    def process(self, sealed: bytes) -> Iterator[Any]:
        tasks: Sequence[Planned]
        part, tasks = self.run_key.open(sealed)
        whole = read_whole(self._known.file(UNITS, part), UNITS)
        table = of_places(whole, [task.place for task in tasks])
        found = recalled(table, tasks)
        for each in emit_recalled(found, table, self._known.parts, self._kept, self._spill, self.run_key):
            yield each.value if each.tag == ENTRIES else each


class _RecallFacts(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(
        self, run_key: RunKey, known: KnownFacts, kept: Kept, buckets: Buckets, repeat: bool
    ) -> None:
        super().__init__(run_key)
        self._known, self._kept = known._replace(places=()), kept
        self._buckets, self._repeat = buckets, repeat

    @guarded("Recall facts")
    def process(self, item: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        part, blobs = item
        pairs: list[tuple[bytes, str]] = []
        for blob in blobs:
            pairs += msgspec.msgpack.decode(self._buckets.spill.get(blob), type=list[tuple[bytes, str]])
        pairs.sort()
        keys = pa.array([key for key, _ in pairs], pa.binary(16))
        units = pa.array([unit for _, unit in pairs], pa.string())
        for group in read_state(self._known.file(FACTS, part)):
            places = pc.index_in(group["unit"], value_set=keys)
            state = group.filter(places.is_valid()).cast(STATE_FACTS)
            if state.num_rows:
                # Only the units that occur: each blob carries all of them.
                own, codes = np.unique(places.drop_null().to_numpy(), return_inverse=True)
                column = pa.array(codes, pa.int32()), units.take(pa.array(own))
                yield from self._emit(state, pa.DictionaryArray.from_arrays(*column))

    def _emit(self, state: pa.Table, units: pa.DictionaryArray) -> Iterator[Any]:
        facts = from_state(state, units)
        if self._repeat:
            formats = pa.array([Unit.decode(unit).format for unit in units.dictionary.to_pylist()])
            of_rows = formats.take(units.indices)
            for name in sorted(set(formats.to_pylist())):
                yield from histories(facts.filter(pc.equal(of_rows, name)), name, self._buckets)
        buffer = FactsBuffer(self._buckets, self._kept)
        buffer.add_recalled(facts, state)
        for tag, pair in buffer.drain():
            yield beam.pvalue.TaggedOutput(tag, pair) if tag else pair


class _WriteState(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(
        self, run_key: RunKey, kept: Kept, kind: str, blobs: Kind, schema: pa.Schema, spill: Spill
    ) -> None:
        super().__init__(run_key)
        self._kept, self._kind, self._blobs = kept, kind, blobs
        self._schema, self._spill = schema, spill

    @guarded("Write state")
    def process(self, item: tuple[int, Iterable[bytes]]) -> Iterator[bytes]:
        part, blobs = item
        schemas: dict[Kind, pa.Schema] = {self._blobs: self._schema}
        table = tables_of([blob for blob in blobs if blob], schemas, self._spill)[self._blobs]
        self._kept.lease.check()
        written = write_state(table, self._kind, part, self._kept.parts, self._kept.folder)
        yield self._spill.put(entry("state", **asdict(written)))


def _every_part(parts: int) -> Iterator[tuple[int, bytes]]:
    yield from ((part, b"") for part in range(parts))
