"""Units as a state file holds them: counts, quarantined records and further ids that reading them gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from schemas.keys import KeyedHasher
from schemas.state import STATE_UNITS
from schemas.tables import NAMES
from schemas.units import Quarantined, Unit
from transforms.read.labels import Counts, most_frequent
from transforms.read.state.keys import unit_key
from transforms.read.state.known import Planned
from transforms.read.state.links import Links
from transforms.sources.base import FactsBatch
from transforms.sources.unknown_kinds import UnknownKinds

#: A record that could not be read may be readable the next time, although its file looks the same.
_MAY_PASS = frozenset({"unreadable_file", "truncated_input"})
#: A unit with more quarantined records is read again: a state file has them in one row.
_MOST_QUARANTINED = 100_000
#: (input, position in the input, path) of a file.
File = tuple[int, int, str]
_NO_NAMES = NAMES.empty_table()


class PlacedUnit(NamedTuple):
    """A unit with its keys. `files`: the keys of its paths. `digested`: see `transforms.read.digests`."""

    unit: Unit
    key: bytes
    place: bytes
    files: tuple[bytes, ...]
    links: tuple[Links | None, ...] = ()
    digested: tuple[File, ...] = ()


class ReadCount(NamedTuple):
    """What the report counts of the units of an input."""

    input: int
    sessions: int
    quarantined: int
    parts: int
    quarantined_parts: int
    unknown: UnknownKinds


class Recalled(NamedTuple):
    """A unit that was read before: what reading it now would give, besides its facts.

    `rows`: above all row numbers of its facts.
    """

    placed: PlacedUnit
    rows: int
    quarantined: list[Quarantined]
    names: pa.Table
    read: ReadCount
    unlisted: list[dict[str, Any]]


def placed(
    units: Iterable[Unit],
    task: Planned,
    hasher: KeyedHasher,
    links: Mapping[str, Links] | None = None,
) -> list[PlacedUnit]:
    """The units of a task with their keys, and `links` by path. A task without keys gives units without."""
    if not task.files:
        return [PlacedUnit(unit, b"", b"", ()) for unit in units]
    key_of = dict(zip(task.task.paths, task.files, strict=True))
    found = []
    for unit in units:
        files = tuple(key_of[path] for path in unit.paths)
        linked = tuple(links.get(path) for path in unit.paths) if links else ()
        found.append(PlacedUnit(unit, unit_key(hasher, task.place, files, unit), task.place, files, linked))
    return found


class UnitReading:
    """What is gathered while a unit is read, for the report and for the state."""

    def __init__(self, placed: PlacedUnit) -> None:
        self._placed = placed
        self._rows = self._sessions = self._quarantined = self._parts = self._lost = 0
        self._unknown = UnknownKinds.none()
        self._entries: list[Quarantined] = []
        self._names: list[pa.Table] = []
        self._unlisted = Counts()
        #: False if the unit must be read again by the next run.
        self.is_kept = True

    def add(self, batch: FactsBatch) -> None:
        """Adds a batch of the unit."""
        self._sessions += batch.facts.num_rows
        self._quarantined += len(batch.quarantined)
        self._parts += batch.parts
        self._lost += sum(each.is_part for each in batch.quarantined)
        if batch.unknown is not None:
            self._unknown.add(batch.unknown)
        if batch.facts.num_rows:
            self._rows = max(self._rows, int(batch.facts["row"].to_numpy().max()) + 1)
        if batch.names is not None:
            self._names.append(batch.names)
        paths = self._placed.unit.paths
        self.is_kept &= all(each.code not in _MAY_PASS and each.path in paths for each in batch.quarantined)
        self.is_kept &= self._quarantined <= _MOST_QUARANTINED
        if self.is_kept:
            self._entries += batch.quarantined
        else:
            self._entries.clear()

    def add_unlisted(self, counts: Counts) -> None:
        """Adds the tiers and surfaces of a batch that the policy does not list."""
        self._unlisted.update(counts)

    @property
    def unlisted(self) -> list[dict[str, Any]]:
        """The rows of STATE_UNLISTED."""
        return most_frequent(self._unlisted)

    @property
    def count(self) -> ReadCount:
        """The numbers of the report."""
        numbers = self._sessions, self._quarantined, self._parts, self._lost
        return ReadCount(self._placed.unit.input, *numbers, self._unknown)

    def row(self) -> dict[str, Any]:
        """The STATE_UNITS row; without quarantined records if the unit is not kept."""
        placed, unit = self._placed, self._placed.unit
        paths = {path: number for number, path in enumerate(unit.paths)}
        return {
            "place": placed.place,
            "unit": placed.key,
            "files": list(placed.files),
            "kind": unit.kind,
            "start": unit.start,
            "end": unit.end,
            "size": unit.size,
            "rows": self._rows,
            "sessions": self._sessions,
            "parts": self._parts,
            "unknown": msgspec.json.encode(self._unknown._asdict(), order="deterministic").decode(),
            "quarantined": [_entry_row(entry, paths) for entry in self._entries],
            "names": [row for table in self._names for row in table.to_pylist()],
            "unlisted": self.unlisted,
            "links": [None if each is None else list(each) for each in placed.links] or None,
        }


def units_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """STATE_UNITS of rows."""
    return pa.Table.from_pylist(list(rows), schema=STATE_UNITS)


def recalled(table: pa.Table, tasks: Iterable[Planned]) -> list[Recalled]:
    """The units of STATE_UNITS rows, which are of these tasks, with the paths and inputs of now."""
    by_place = {task.place: task for task in tasks}
    found = []
    for row in table.to_pylist():
        planned = by_place[row["place"]]
        place_of = {key: number for number, key in enumerate(planned.files)}
        numbers = [place_of[file] for file in row["files"]]
        task = planned.task
        unit = Unit(
            task.input,
            task.format,
            row["kind"],
            tuple(task.paths[number] for number in numbers),
            row["start"],
            row["end"],
            row["size"],
            tuple(task.stored[number] for number in numbers) if task.stored else (),
        )
        entries = [_entry_of(unit, each) for each in row["quarantined"]]
        unknown = UnknownKinds.none()
        unknown.add(msgspec.json.decode(row["unknown"]))
        lost = sum(entry.is_part for entry in entries)
        names = pa.Table.from_pylist(row["names"], schema=NAMES) if row["names"] else _NO_NAMES
        links = tuple(row["links"] or ())
        found.append(
            Recalled(
                PlacedUnit(unit, row["unit"], row["place"], tuple(row["files"]), links),
                row["rows"],
                entries,
                names,
                ReadCount(unit.input, row["sessions"], len(entries), row["parts"], lost, unknown),
                row["unlisted"],
            )
        )
    return found


def summed(counts: Iterable[ReadCount]) -> list[ReadCount]:
    """One count per input."""
    total: dict[int, ReadCount] = {}
    for count in counts:
        held = total.get(count.input)
        if held is None:
            held = ReadCount(count.input, 0, 0, 0, 0, UnknownKinds.none())
        held.unknown.add(count.unknown)
        total[count.input] = ReadCount(
            count.input,
            held.sessions + count.sessions,
            held.quarantined + count.quarantined,
            held.parts + count.parts,
            held.quarantined_parts + count.quarantined_parts,
            held.unknown,
        )
    return [total[number] for number in sorted(total)]


def of_places(table: pa.Table, places: Iterable[bytes]) -> pa.Table:
    """The rows of STATE_UNITS of these places."""
    return table.filter(pc.is_in(table["place"], value_set=pa.array(sorted(places), pa.binary(16))))


def with_links(table: pa.Table, units: Mapping[bytes, PlacedUnit]) -> pa.Table:
    """The rows with the links that are kept of their units now."""
    links = [
        [None if each is None else list(each) for each in units[key].links] or None
        for key in table["unit"].to_pylist()
    ]
    place = table.schema.get_field_index("links")
    field = STATE_UNITS.field("links")
    return table.set_column(place, field, pa.array(links, field.type))


def _entry_row(entry: Quarantined, paths: Mapping[str, int]) -> dict[str, Any]:
    fields = msgspec.structs.asdict(entry)
    return {**{name: fields[name] for name in _ENTRY}, "file": paths[entry.path]}


def _entry_of(unit: Unit, row: Mapping[str, Any]) -> Quarantined:
    fields = {name: row[name] for name in _ENTRY}
    return Quarantined(input=unit.input, path=unit.paths[row["file"]], **fields)


_ENTRY = [field for field in Quarantined.__struct_fields__ if field not in ("input", "path")]
