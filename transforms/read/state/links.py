"""Plans files that are linked to each other without opening those whose links a state file has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.keys import KeyedHasher
from schemas.state import STATE_UNITS
from schemas.units import Quarantined, Unit
from transforms.read.state.files import read_whole
from transforms.read.state.known import UNITS, Planned
from transforms.sources.base import LinkedSource, PlanTask
from transforms.sources.registry import plan_units

#: Digests of the ids that link a file to others.
Links = Sequence[int]


class KnownUnits(NamedTuple):
    """The units of a place, as the version before had them, of which no file changed or is gone.

    `keys`: of the units. `links`: by path, of all known files of the place; None where they were not kept.
    """

    table: pa.Table
    keys: frozenset[bytes]
    links: Mapping[str, Links | None]

    def only(self, keys: Iterable[bytes]) -> pa.Table:
        """The rows of these units."""
        return self.table.filter(
            pc.is_in(self.table["unit"], value_set=pa.array(sorted(keys), pa.binary(16)))
        )


class Grouped(NamedTuple):
    """The units of a task, and entries for files that cannot be read.

    `links`: by path, for the files whose links were needed.
    """

    units: list[Unit]
    unreadable: list[Quarantined]
    links: dict[str, Links]


def known_units(planned: Planned) -> KnownUnits:
    """The known units of a task's place."""
    path_of = {
        key: path
        for key, path, known in zip(planned.files, planned.task.paths, planned.is_known, strict=False)
        if known
    }
    links: dict[str, Links | None] = dict.fromkeys(path_of.values())
    table = STATE_UNITS.empty_table()
    if planned.state:
        table = read_whole(planned.state, UNITS)
        table = table.filter(pc.equal(table["place"], pa.scalar(planned.place, pa.binary(16))))
    whole = []
    for row in table.select(["files", "links"]).to_pylist():
        for key, own in zip(row["files"], row["links"] or [None] * len(row["files"]), strict=True):
            if key in path_of:
                links[path_of[key]] = own
        whole.append(all(key in path_of for key in row["files"]))
    table = table.filter(pa.array(whole, pa.bool_()))
    return KnownUnits(table, frozenset(table["unit"].to_pylist()), links)


def plan_linked(
    source: LinkedSource, task: PlanTask, known: Mapping[str, Links | None], hasher: KeyedHasher
) -> Grouped:
    """The groups of linked files. Links are compared as digests, whether they were read now or before.

    `known`: the links of files that did not change, by path; None for a file whose links were not kept.
    """
    held: dict[str, Links] = {}

    def links(path: str, are_needed: bool) -> Links | None:
        if path in known and not are_needed:
            return ()
        found = known.get(path)
        if found is None:
            read = source.links(path, are_needed)
            if read is None:
                return None
            found = sorted(map(hasher.message, read))
        if are_needed:
            held[path] = found
        return found

    units, unreadable = plan_units(task, links=links)
    return Grouped(units, unreadable, held)
