"""Deliberate faults of increments, to try whether a simulation finds them: `--mutant NAME`.

They are put into this process, of which every command of a simulation is a fork. Rebuilds take nothing over,
so they stay right. Found so far: `files`, on day 1 of seed 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset import known
from transforms.decide import stage as deciding
from transforms.read.state import stage as recalling
from transforms.sources.file_state import FileState


def _digest_without_kept_messages() -> None:
    plain = deciding.text_digests

    def digests(decisions: pa.Table, hasher: Any) -> Any:
        place = decisions.schema.get_field_index("kept")
        kind = decisions.schema.field(place).type
        none = pa.array([[]] * decisions.num_rows, kind)
        return plain(decisions.set_column(place, "kept", none), hasher)

    deciding.text_digests = digests


def _digest_without_records() -> None:
    plain = deciding.text_digests

    def digests(decisions: pa.Table, hasher: Any) -> Any:
        place = decisions.schema.get_field_index("records")
        records = decisions["records"].combine_chunks()
        rows = records.flatten()
        fields = {field.name: pc.struct_field(rows, field.name) for field in rows.type}
        fields["digest"] = pa.array([0] * len(rows), fields["digest"].type)
        same = pa.StructArray.from_arrays(list(fields.values()), list(fields))
        lengths = pc.list_value_length(records).to_pylist()
        offsets = pa.array([sum(lengths[:number]) for number in range(len(lengths) + 1)], pa.int32())
        made = pa.ListArray.from_arrays(offsets, same, type=records.type)
        return plain(decisions.set_column(place, "records", made), hasher)

    deciding.text_digests = digests


def _files_known_by_their_paths() -> None:
    plain = known.file_keys

    def keys(context: Any, formats: Any, files: Any, states: Any) -> Any:
        return plain(context, formats, files, {path: FileState(0, "") for path in states})

    known.file_keys = keys


def _units_without_quarantined_records() -> None:
    plain = recalling.recalled

    def recalled(table: Any, tasks: Any) -> Any:
        return [each._replace(quarantined=[]) for each in plain(table, tasks)]

    recalling.recalled = recalled


def _units_without_further_ids() -> None:
    plain = recalling.recalled

    def recalled(table: Any, tasks: Any) -> Any:
        return [each._replace(names=each.names.slice(0, 0)) for each in plain(table, tasks)]

    recalling.recalled = recalled


MUTANTS: dict[str, Callable[[], None]] = {
    "kept": _digest_without_kept_messages,
    "records": _digest_without_records,
    "files": _files_known_by_their_paths,
    "quarantined": _units_without_quarantined_records,
    "names": _units_without_further_ids,
}
