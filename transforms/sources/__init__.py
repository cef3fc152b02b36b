"""Source formats, and the way from an input's files to sessions."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import pyarrow as pa

from schemas.errors import ConfigError
from schemas.formats import GROUP, registered
from schemas.records import Session
from schemas.units import Quarantined, Unit
from transforms.sources import (
    anthropic_messages,
    canonical,
    chat_lists,
    chat_parquet,
    chatgpt_export,
    claude_code,
    claude_export,
    otel_genai,
)
from transforms.sources.base import NO_DIGEST, FactsBatch, InputFile, PlanTask, Pointer, ReadContext, Source

__all__ = [
    "FactsBatch",
    "InputFile",
    "PlanTask",
    "Pointer",
    "ReadContext",
    "plan_tasks",
    "plan_units",
    "read_facts",
    "read_sessions",
    "source_of",
]

_BUILT_IN: dict[str, Source] = {
    "canonical": canonical.Canonical(),
    "claude-code": claude_code.ClaudeCode(),
    "claude-export": claude_export.EXPORTS,
    "chatgpt-export": chatgpt_export.EXPORTS,
    "sharegpt": chat_lists.SHAREGPT,
    "openai-messages": chat_lists.OPENAI_MESSAGES,
    "wildchat": chat_parquet.WILDCHAT,
    "lmsys": chat_parquet.LMSYS,
    "anthropic-messages": anthropic_messages.ANTHROPIC_MESSAGES,
    "otel-genai": otel_genai.OTEL_GENAI,
}
UNIT_BYTES = 32 << 20


@functools.cache
def source_of(name: str) -> Source:
    """The source of a format, of this package or of one that registered it; raises ConfigError."""
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    point = registered().get(name)
    if point is None:
        raise ConfigError(f"format {name}: no package registers it under {GROUP}")
    try:
        source: Source = point.load()()
    except Exception as error:
        raise ConfigError(
            f"format {name}: {point.value} cannot be loaded ({type(error).__name__}); mend its package"
        ) from error
    return source


def plan_tasks(input: int, format: str, files: Sequence[InputFile]) -> list[PlanTask]:  # noqa: A002
    """The files of an input in groups that are planned together; opens nothing."""
    return source_of(format).tasks(input, format, files)


def plan_units(task: PlanTask, unit_bytes: int = UNIT_BYTES) -> tuple[list[Unit], list[Quarantined]]:
    """The units of a task, and its files that cannot be opened or are not what they are named for."""
    try:
        return source_of(task.format).plan(task, unit_bytes)
    except (OSError, pa.ArrowException):
        size = sum(task.sizes)
        return [], [Quarantined(task.input, task.paths[0], "file", "unreadable_file", size, NO_DIGEST)]


def read_facts(unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
    """Facts of every record of a unit, in order, and the records that cannot be read."""
    return source_of(unit.format).facts(unit, context)


def read_sessions(
    unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
) -> Iterator[tuple[int, Session]]:
    """(row, session) of just these records, by ascending row."""
    return source_of(unit.format).sessions(unit, context, pointers)
