"""Each input file is digested once: as its facts are read where one unit has it whole, else alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from schemas.units import Unit
from tests.support.logs_of_formats import FAMILIES, logs_of
from tests.support.source_files import CONTEXT
from transforms.read.digests import digested_alone, digested_by, shared, with_positions
from transforms.read.state.known import Planned
from transforms.sources.base import InputFile, PlanTask
from transforms.sources.registry import plan_tasks, plan_units, read_facts


@pytest.mark.parametrize("unit_bytes", [32 << 20, 2000])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_file_has_one_entry_with_its_digest(family: str, unit_bytes: int, tmp_path: Path) -> None:
    """With small units most files are split, and with large ones few are."""
    source_format = logs_of(family, tmp_path).format
    paths = sorted(str(path) for path in tmp_path.rglob("*") if path.is_file())
    given = [InputFile(path, Path(path).stat().st_size) for path in paths]
    files = [(0, position, path) for position, path in enumerate(paths)]
    tasks, alone = with_positions(map(Planned, plan_tasks(0, source_format, given)), files)
    assert alone == []
    entries = []
    for task in tasks:
        units, _ = plan_units(task.task, unit_bytes)
        found = shared(task, units, metadata_only=False)
        alone += found.alone
        for unit in units:
            with digested_by(unit, found.by_unit.get(unit, ())) as made:
                for _ in read_facts(unit, CONTEXT):
                    pass
            entries += made
    entries += [digested_alone(file, metadata_only=False) for file in alone]
    found_digests = {}
    for each in map(json.loads, entries):
        assert each["file"] not in found_digests
        found_digests[each["file"]] = (each["bytes"], each["sha256"])
    data = [Path(path).read_bytes() for path in paths]
    assert found_digests == {
        position: (len(each), hashlib.sha256(each).hexdigest()) for position, each in enumerate(data)
    }


def test_an_audit_digests_parquet_in_a_pass_of_its_own() -> None:
    """It reads no texts, and its digest leaves them out."""
    task = Planned(PlanTask(0, "canonical", ("a",), (9,)), positions=(4,))
    unit = Unit(0, "canonical", "row_group", ("a",), 0, 1, 9)
    assert shared(task, [unit], metadata_only=True).alone == [(0, 4, "a")]
    assert shared(task, [unit], metadata_only=False).by_unit == {unit: ((0, 4, "a"),)}


def test_a_file_whose_digest_is_known_is_not_digested_again() -> None:
    """A linked file may be read again although it did not change; two entries of a file would contradict."""
    task = Planned(PlanTask(0, "claude-code", ("a", "b"), (9, 9)))
    tasks, alone = with_positions([task], [(0, 7, "b"), (0, 8, "of no task")])
    assert tasks[0].positions == (None, 7)
    assert alone == [(0, 8, "of no task")]
    unit = Unit(0, "claude-code", "files", ("a", "b"), size=18)
    assert shared(tasks[0], [unit], metadata_only=False) == ({unit: ((0, 7, "b"),)}, [])
