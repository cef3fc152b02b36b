"""The faults of `tests.prove.days.mutants`, each on the least input that the right function tells apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.inputs.globs import input_files
from schemas.records import Defaults, Limits
from schemas.tables import DECISIONS
from tests.decide.test_text_digest import CONTEXT, decision
from tests.prove.days.mutants import MUTANTS
from tests.support.logs_of_formats import logs_of
from tests.support.source_files import HASHER
from transforms.read.state.keys import file_keys, planned
from transforms.read.state.units import UnitReading, placed, units_table
from transforms.sources.base import ReadContext
from transforms.sources.file_state import FileState, state_of
from transforms.sources.registry import plan_tasks, plan_units, read_facts


def functions(mutant: str) -> list[Callable[..., Any]]:
    """The function that a run calls, and the one at fault."""
    fault = MUTANTS[mutant]
    return [getattr(fault.module, fault.name), fault.replacement]


@pytest.mark.parametrize("mutant", ["kept", "records"])
def test_text_digests_are_equal_for_sessions_that_differ(mutant: str) -> None:
    """A session of which fewer messages are kept, and one with another text, would be taken over."""
    changed = decision()
    if mutant == "kept":
        changed["kept"].pop()
    else:
        changed["records"][0]["digest"] += 1
    table = pa.Table.from_pylist([decision(), changed], schema=DECISIONS)
    right, wrong = (digests(table, CONTEXT).tolist() for digests in functions(mutant))
    assert right[0] != right[1]
    assert wrong[0] == wrong[1]


def test_file_keys_are_equal_for_a_file_that_was_written_to() -> None:
    """Its facts of the day before would be taken over."""
    right, wrong = (
        [keys(CONTEXT, ["canonical"], [(0, 0, "a")], {"a": FileState(size, (1, 1))}) for size in (1, 2)]
        for keys in functions("files")
    )
    assert right[0] != right[1]
    assert wrong[0] == wrong[1]


@pytest.mark.parametrize(("mutant", "field"), [("quarantined", "quarantined"), ("names", "names")])
def test_a_known_unit_lacks_what_reading_it_gave(mutant: str, field: str, tmp_path: Path) -> None:
    """Quarantined lines, and the further ids of conversations of Claude Code."""
    made = logs_of("claude-code", tmp_path)
    context = ReadContext(HASHER, Limits(), (Defaults(user_id="someone"),))
    found = input_files(str(tmp_path / made.pattern).rstrip("/"), made.format)
    files = [(0, place, file.path) for place, file in enumerate(found)]
    keys = file_keys(context, [made.format], files, {file.path: state_of(file.path) for file in found})
    tasks = [planned(context, task, keys) for task in plan_tasks(0, made.format, found)]
    rows = []
    for task in tasks:
        units, _ = plan_units(task.task, 1 << 20)
        for unit in placed(units, task, HASHER):
            reading = UnitReading(unit)
            for batch in read_facts(unit.unit, context):
                reading.add(batch)
            rows.append(reading.row())
    right, wrong = (
        sum(len(getattr(unit, field)) for unit in recalled(units_table(rows), tasks))
        for recalled in functions(mutant)
    )
    assert right > 0
    assert wrong == 0
