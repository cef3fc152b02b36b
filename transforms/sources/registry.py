"""Maps a format's name to its source, and reads facts and sessions of any format."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence

import msgspec
import pyarrow as pa

from schemas.errors import ConfigError
from schemas.formats import ENTRY_POINT_GROUP, MAPPED_GROUPS, MAPPED_HISTORIES, registered
from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.sources.base import (
    NO_DIGEST,
    FactsBatch,
    FoundSession,
    InputFile,
    LinkedSource,
    PlanTask,
    Pointer,
    ReadContext,
    Source,
    changed,
)
from transforms.sources.calls.anthropic import ANTHROPIC_MESSAGES
from transforms.sources.calls.otel import OTEL_GENAI
from transforms.sources.canonical.source import Canonical
from transforms.sources.chats.lists import OPENAI_MESSAGES, SHAREGPT
from transforms.sources.chats.parquet import LMSYS, WILDCHAT
from transforms.sources.claude_code.source import ClaudeCode
from transforms.sources.exports import chatgpt, claude
from transforms.sources.facts.digests import session_digest
from transforms.sources.mapped.source import Mapped
from transforms.sources.objects import expecting

_BUILT_IN: dict[str, Source] = {
    "canonical": Canonical(),
    "claude-code": ClaudeCode(),
    "claude-export": claude.EXPORTS,
    "chatgpt-export": chatgpt.EXPORTS,
    "sharegpt": SHAREGPT,
    "openai-messages": OPENAI_MESSAGES,
    "wildchat": WILDCHAT,
    "lmsys": LMSYS,
    "anthropic-messages": ANTHROPIC_MESSAGES,
    "otel-genai": OTEL_GENAI,
    "mapped": Mapped(),
    MAPPED_HISTORIES: Mapped(),
    MAPPED_GROUPS: Mapped(in_groups=True),
}
UNIT_BYTES = 32 << 20


@functools.cache
def source_of(name: str) -> Source:
    """The source of a format, built in or registered by another package; raises ConfigError."""
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    point = registered().get(name)
    if point is None:
        raise ConfigError(f"format {name}: no package registers it under {ENTRY_POINT_GROUP}")
    try:
        source: Source = point.load()()
    except Exception as error:
        raise ConfigError(
            f"format {name}: {point.value} cannot be loaded ({type(error).__name__}); mend its package"
        ) from error
    return source


def linked_source(name: str) -> LinkedSource | None:
    """The source of a format whose files are linked to each other; None for any other format."""
    source = source_of(name)
    return source if isinstance(source, ClaudeCode) else None


def plan_tasks(input: int, format: str, files: Sequence[InputFile]) -> list[PlanTask]:  # noqa: A002
    """The files of an input in groups that are planned together; opens no file."""
    tasks = source_of(format).tasks(input, format, files)
    states = {file.path: (file.size, file.identity) for file in files if file.identity}
    if not states:
        return tasks
    return [
        msgspec.structs.replace(task, stored=tuple(states[path] for path in task.paths)) for task in tasks
    ]


def plan_units(
    task: PlanTask,
    unit_bytes: int = UNIT_BYTES,
    links: Callable[[str, bool], Collection[Hashable] | None] | None = None,
) -> tuple[list[Unit], list[Quarantined]]:
    """The units of a task, and entries for files that cannot be opened or have another format.

    `links`: in place of the links that a `LinkedSource` would read.
    """
    try:
        with expecting(task.paths, task.stored):
            linked = linked_source(task.format) if links is not None else None
            if linked is not None and links is not None:
                units, unreadable = linked.grouped(task, links)
            else:
                units, unreadable = source_of(task.format).plan(task, unit_bytes)
    except (OSError, pa.ArrowException):
        size = sum(task.sizes)
        return [], [Quarantined(task.input, task.paths[0], "file", "unreadable_file", size, NO_DIGEST)]
    if not task.stored:
        return units, unreadable
    states = dict(zip(task.paths, task.stored, strict=True))
    return [
        msgspec.structs.replace(unit, stored=tuple(states[path] for path in unit.paths)) for unit in units
    ], unreadable


def read_facts(unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
    """Facts of every record of a unit, in order, and the records that cannot be read."""
    with expecting(unit.paths, unit.stored):
        yield from source_of(unit.format).facts(unit, context)


def read_sessions(
    unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
) -> Iterator[tuple[int, Session]]:
    """(row, session) of these records only, by ascending row.

    Raises PipelineError where a record cannot be read any more, or has another digest than its pointer.
    """
    expected = {pointer.row: pointer.digest for pointer in pointers}
    for row, session, digest in _found(unit, context, pointers):
        known = expected.pop(row, _UNASKED)
        if known == _UNASKED or (known is not None and known != digest):
            raise changed(unit)
        yield row, session
    if expected:
        raise changed(unit)


_UNASKED = "unasked"
_GONE = (OSError, EOFError, pa.ArrowException)


def _found(unit: Unit, context: ReadContext, pointers: Sequence[Pointer]) -> Iterator[FoundSession]:
    """The sessions as the source gives them, all with a digest."""
    with expecting(unit.paths, unit.stored):
        sessions = source_of(unit.format).sessions(unit, context, pointers)
        while True:
            try:
                found = next(sessions, None)
            except _GONE:
                raise changed(unit) from None
            if found is None:
                return
            row, session, digest = FoundSession(*found)
            yield FoundSession(
                row, session, session_digest(session, context.hasher) if digest is None else digest
            )
