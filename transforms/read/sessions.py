"""Reads all sessions of some files as a run would, without a runner."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import Book, keeping
from transforms.sources.base import InputFile, Pointer, ReadContext
from transforms.sources.registry import plan_tasks, plan_units, read_facts, read_sessions


def sessions_of(
    files: Sequence[InputFile], source_format: str, context: ReadContext, book: Book | None = None
) -> Iterator[Session | Quarantined]:
    """Every record of the files, unit by unit: sessions with defaults filled in, and quarantined records.

    `book` receives the accounts of merged and dropped records; the caller counts the results. Memory holds
    one batch of sessions, the quarantined records of a unit, and a pointer for each of its records. Raises
    PipelineError for a file that changes while it is read.
    """
    context = dataclasses.replace(context, accounting=book is not None)
    units: list[Unit] = []
    for task in plan_tasks(0, source_format, files):
        planned, unreadable = plan_units(task)
        yield from unreadable
        units += planned
    for unit in sorted(units):
        pointers: list[Pointer] = []
        faults: list[Quarantined] = []
        with keeping(book):
            for batch in read_facts(unit, context):
                faults += batch.quarantined
                if book is not None and batch.unknown is not None:
                    book.unknown.add(batch.unknown)
                columns = (batch.facts[name].to_pylist() for name in Pointer._fields)
                pointers += map(Pointer, *columns)
        yield from faults
        for _, session in read_sessions(unit, context, pointers) if pointers else ():
            yield session
