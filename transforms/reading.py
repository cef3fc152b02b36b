"""All sessions of some files, one after another, as a run would read them: without a runner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.sources import (
    InputFile,
    Pointer,
    ReadContext,
    plan_tasks,
    plan_units,
    read_facts,
    read_sessions,
)


def sessions_of(
    files: Sequence[InputFile], source_format: str, context: ReadContext
) -> Iterator[Session | Quarantined]:
    """Every record of the files, unit by unit: sessions with defaults filled in, and what is none.

    No more than a batch of sessions is held, and a pointer for each record of a unit. Raises InputError for
    a file that changes meanwhile.
    """
    units: list[Unit] = []
    for task in plan_tasks(0, source_format, files):
        planned, unreadable = plan_units(task)
        yield from unreadable
        units += planned
    for unit in sorted(units):
        pointers: list[Pointer] = []
        for batch in read_facts(unit, context):
            yield from batch.quarantined
            columns = (batch.facts[name].to_pylist() for name in ("row", "offset", "length"))
            pointers += map(Pointer, *columns)
        for _, session in read_sessions(unit, context, pointers) if pointers else ():
            yield session
