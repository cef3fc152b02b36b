"""The canonical format: JSON Lines or Parquet, detected from file contents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.units import Quarantined, Unit
from transforms.sources.base import (
    FactsBatch,
    FoundSession,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    one_task_per_file,
)
from transforms.sources.canonical.lines import line_facts, line_sessions, plan_lines
from transforms.sources.canonical.parquet import plan_row_groups, row_facts, row_sessions
from transforms.sources.files import magic_of


class Canonical:
    """Sessions as docs/reference/data-model.md describes them."""

    folder_patterns: Sequence[str] = ()

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task a file."""
        return one_task_per_file(input_number, name, files)

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:
        """Row groups, byte ranges, or one unit for a compressed file. Raises OSError, pa.ArrowException."""
        path = task.paths[0]
        if task.sizes[0] == 0:
            return [], []
        if magic_of(path).startswith(b"PAR1") or path.endswith(".parquet"):
            return plan_row_groups(task)
        return plan_lines(task, unit_bytes)

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of a row group or of lines."""
        return row_facts(unit, context) if unit.kind == "row_group" else line_facts(unit, context)

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[FoundSession]:
        """Sessions of a row group or of lines."""
        read = row_sessions if unit.kind == "row_group" else line_sessions
        return read(unit, context, pointers)
