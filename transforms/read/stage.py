"""Beam transforms: read input files into facts by user bucket. No text leaves this stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindows

from schemas.tables import HISTORIES
from schemas.units import Quarantined
from transforms.read.digests import digested_alone, digested_by, shared
from transforms.read.labels import Erased, unlisted_in, without_unlisted
from transforms.read.state.buffer import FactsBuffer
from transforms.read.state.keys import unit_bytes
from transforms.read.state.known import Kept, KnownFacts, Planned
from transforms.read.state.links import known_units, plan_linked
from transforms.read.state.outputs import (
    FILES_OUT,
    HISTORIES_OUT,
    NAMES_OUT,
    QUARANTINED,
    STATE_FACTS_OUT,
    STATE_UNITS_OUT,
    WANTED,
    increment_entry,
    read_entry,
    unkept_entry,
    unlisted_entries,
)
from transforms.read.state.stage import (
    RecallKnown,
    WriteState,
    emit_recalled,
    histories,
    names,
    quarantine,
    state_units,
)
from transforms.read.state.units import (
    PlacedUnit,
    ReadCount,
    UnitReading,
    placed,
    recalled,
    units_table,
    with_links,
)
from transforms.shuffle.blobs import tables_of, to_blob
from transforms.shuffle.buckets import JOINS_MARK, Buckets
from transforms.shuffle.counters import BYTES_READ, RECORDS_READ
from transforms.shuffle.entries import ENTRIES
from transforms.shuffle.guard import guarded
from transforms.shuffle.histories import joins_of, names_of_joins
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.spill import Spill
from transforms.shuffle.steps import Step
from transforms.sources.base import LinkedSource, ReadContext
from transforms.sources.file_state import UNKNOWN, States
from transforms.sources.objects import expecting
from transforms.sources.registry import linked_source, plan_units, read_facts
from transforms.sources.unknown_kinds import UnknownKinds

_FLUSH_BYTES = 64 << 20


@dataclasses.dataclass(eq=False)
class ReadFacts(beam.PTransform):  # type: ignore[misc]
    """The facts of all inputs. In: sealed Planned tasks.

    Out, all by the spill of `buckets`: `facts`, (bucket, blob); `quarantined`, blobs; `entries`; `histories`,
    (bucket, blob) of HISTORIES; `names`, blobs of NAMES. `context` has the key, the limits and the defaults,
    fixed when the graph is built. With `repeat`, records of some input may repeat others: histories are
    given; `files`, sealed (input, position, path) of files to be digested. `listed`: the tiers and surfaces
    of all policies; of others only a digest goes on. `listed_by_all`: by column, the values that every policy
    lists; records of others are counted, in sealed entries and in the state, except for those of `erased`.
    `kept`: where the state of the facts is written, None in an audit. `known`: the state of the version
    before, None for a rebuild; files that it has are not read.
    """

    run_key: RunKey
    context: ReadContext
    buckets: Buckets
    repeat: bool
    listed: frozenset[str]
    listed_by_all: Mapping[str, frozenset[str]]
    erased: Erased
    kept: Kept | None = None
    known: KnownFacts | None = None

    def expand(self, tasks: Any) -> Any:
        spill = self.buckets.spill
        plan = _PlanUnits(self.run_key, self.context, spill, self.kept, self.known)
        units = tasks | "Plan units" >> beam.ParDo(plan).with_outputs(
            QUARANTINED, ENTRIES, NAMES_OUT, STATE_UNITS_OUT, WANTED, FILES_OUT, main="units"
        )
        read = _Read(self)
        facts = (
            units["units"]
            | "Spread units" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(read).with_outputs(
                QUARANTINED, ENTRIES, HISTORIES_OUT, NAMES_OUT, STATE_FACTS_OUT, STATE_UNITS_OUT, main="facts"
            )
        )
        found = {name: [facts[name]] for name in ("facts", HISTORIES_OUT, STATE_FACTS_OUT)}
        both = (QUARANTINED, ENTRIES, NAMES_OUT, STATE_UNITS_OUT)
        found |= {name: [units[name], facts[name]] for name in both} | {FILES_OUT: [units[FILES_OUT]]}
        if self.known is not None and self.kept is not None:
            recall = RecallKnown(self.run_key, self.known, self.kept, self.buckets, self.repeat)
            for name, recalled in (units[WANTED] | "Known" >> recall).items():
                found[name].append(recalled)
        if self.kept is None:
            del found[STATE_UNITS_OUT]
        merged = {
            name: some | name.replace("_", " ").capitalize() >> beam.Flatten() if some[1:] else some[0]
            for name, some in found.items()
        }
        if self.kept is not None:
            state = merged[STATE_FACTS_OUT], merged[STATE_UNITS_OUT]
            written = state | "State" >> WriteState(self.run_key, self.kept, spill)
            merged[ENTRIES] = (merged[ENTRIES], written) | "All entries" >> beam.Flatten()
        return merged


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
        file = self.run_key.open(sealed)
        path = file[2]
        with expecting([path], [self._stored[path]] if path in self._stored else []):
            digested = digested_alone(file, self._metadata_only)
        yield self._spill.put(digested)


class _PlanUnits(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(
        self, run_key: RunKey, context: ReadContext, spill: Spill, kept: Kept | None, known: KnownFacts | None
    ) -> None:
        super().__init__(run_key)
        self._hasher, self._spill, self._kept = context.hasher, spill, kept
        self._metadata_only = context.metadata_only
        self._known = known and known._replace(places=())

    @guarded("Plan units")
    def process(self, sealed: bytes) -> Iterator[Any]:
        planned: Planned = self.run_key.open(sealed)
        task = planned.task
        linked = linked_source(task.format)
        if self._kept is not None and linked is not None:
            units, unreadable = yield from self._linked(linked, planned, self._kept)
        else:
            found, unreadable = plan_units(task, unit_bytes(sum(task.sizes)))
            units = placed(found, planned, self._hasher)
        files = shared(planned, [unit.unit for unit in units], self._metadata_only)
        for unit in units:
            yield self.run_key.seal(unit._replace(digested=files.by_unit.get(unit.unit, ())))
        for file in files.alone:
            yield beam.pvalue.TaggedOutput(FILES_OUT, self.run_key.seal(file))
        yield from quarantine(unreadable, self._spill)
        if unreadable:
            count = ReadCount(task.input, 0, len(unreadable), 0, 0, UnknownKinds.none())
            key_of = dict(zip(task.paths, planned.files, strict=False))
            unkept = [key_of[each.path] for each in unreadable if each.path in key_of]
            for made in (read_entry(count), unkept_entry(unkept)):
                yield beam.pvalue.TaggedOutput(ENTRIES, self._spill.put(made))

    def _linked(
        self, source: LinkedSource, planned: Planned, kept: Kept
    ) -> Generator[Any, None, tuple[list[PlacedUnit], list[Quarantined]]]:
        """The units that must be read; those of which no file changed are taken over."""
        before = known_units(planned)
        grouped = plan_linked(source, planned.task, before.links, self._hasher)
        units = placed(grouped.units, planned, self._hasher, grouped.links)
        same = {unit.key: unit for unit in units if unit.key in before.keys}
        if same and self._known is not None:
            table = with_links(before.only(same), same)
            found = recalled(table, [planned])
            yield from emit_recalled(found, table, self._known.parts, kept, self._spill, self.run_key)
        return [unit for unit in units if unit.key not in same], grouped.unreadable


class _Read(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, arguments: ReadFacts) -> None:
        super().__init__(arguments.run_key)
        self._context, self._buckets = arguments.context, arguments.buckets
        self._repeat, self._kept = arguments.repeat, arguments.kept
        self._listed, self._listed_by_all = arguments.listed, arguments.listed_by_all
        self._erased = arguments.run_key.seal(arguments.erased)
        self._buffer = FactsBuffer(arguments.buckets, arguments.kept)
        self._units_read = Metrics.counter("chatsieve", "units_read")
        self._records_read = Metrics.counter("chatsieve", RECORDS_READ)
        self._bytes_read = Metrics.counter("chatsieve", BYTES_READ)

    def start_bundle(self) -> None:
        self._buffer.clear()

    @guarded("Read facts")
    def process(self, sealed: bytes) -> Iterator[Any]:
        placed_unit: PlacedUnit = self.run_key.open(sealed)
        unit, found = placed_unit.unit, UnitReading(placed_unit)
        erased: Erased = self.run_key.open(self._erased)
        with digested_by(unit, placed_unit.digested) as digested:
            for batch in read_facts(unit, self._context):
                found.add(batch)
                yield from quarantine(batch.quarantined, self._buckets.spill)
                yield from names(batch.names, self._buckets.spill)
                found.add_unlisted(unlisted_in(batch.facts, self._listed_by_all, erased))
                facts = without_unlisted(batch.facts, self._listed, self._context.hasher)
                if self._repeat:
                    yield from histories(facts, unit.format, self._buckets)
                self._buffer.add(facts, placed_unit.key)
                self._records_read.inc(batch.facts.num_rows + len(batch.quarantined))
                if self._buffer.bytes >= _FLUSH_BYTES:
                    for tag, pair in self._buffer.drain():
                        yield beam.pvalue.TaggedOutput(tag, pair) if tag else pair
        self._units_read.inc()
        self._bytes_read.inc(unit.input_bytes)
        made = [read_entry(found.count), *digested, *unlisted_entries(self.run_key, unit, found.unlisted)]
        if self._kept is not None:
            made.append(increment_entry(1, 1))
            if not found.is_kept:
                made.append(unkept_entry(placed_unit.files))
            yield from state_units(units_table([found.row()]), self._kept, self._buckets.spill)
        for each in made:
            yield beam.pvalue.TaggedOutput(ENTRIES, self._buckets.spill.put(each))

    @guarded("Read facts")
    def finish_bundle(self) -> Iterator[Any]:
        for tag, pair in self._buffer.drain():
            value = GlobalWindows.windowed_value_at_end_of_window(pair)
            yield beam.pvalue.TaggedOutput(tag, value) if tag else value
