"""Deliberate faults of increments, to try whether a simulation finds them: `--mutant NAME`.

They are put into this process, of which every command of a simulation is a fork. Rebuilds take nothing over,
so they stay right. Each is found on the second planned day at the latest, whatever the seed (`planned.py`).
`quarantined` is found by the sum check of the run itself, the others by the comparison with the rebuild.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.dataset import known
from transforms.decide import stage as deciding
from transforms.read.state import stage as recalling
from transforms.sources.file_state import FileState

_text_digests, _file_keys, _recalled = deciding.text_digests, known.file_keys, recalling.recalled


class Fault(NamedTuple):
    """What a module has under a name, in place of the right function."""

    module: ModuleType
    name: str
    replacement: Any


def _digests_without_kept_messages(decisions: pa.Table, context: Any) -> Any:
    return _text_digests(_changed(decisions, "kept", lambda _: []), context)


def _digests_without_records(decisions: pa.Table, context: Any) -> Any:
    def same(records: Any) -> Any:
        return [{**record, "digest": 0} for record in records]

    return _text_digests(_changed(decisions, "records", same), context)


def _changed(decisions: pa.Table, name: str, change: Any) -> pa.Table:
    place = decisions.schema.get_field_index(name)
    field = decisions.schema.field(place)
    values = [change(value) for value in decisions[name].to_pylist()]
    return decisions.set_column(place, field, pa.array(values, field.type))


def _files_known_by_their_paths(context: Any, formats: Any, files: Any, states: Any) -> Any:
    return _file_keys(context, formats, files, {path: FileState(0, "") for path in states})


def _units_without_quarantined_records(table: Any, tasks: Any) -> Any:
    return [each._replace(quarantined=[]) for each in _recalled(table, tasks)]


def _units_without_further_ids(table: Any, tasks: Any) -> Any:
    return [each._replace(names=each.names.slice(0, 0)) for each in _recalled(table, tasks)]


MUTANTS = {
    "kept": Fault(deciding, "text_digests", _digests_without_kept_messages),
    "records": Fault(deciding, "text_digests", _digests_without_records),
    "files": Fault(known, "file_keys", _files_known_by_their_paths),
    "quarantined": Fault(recalling, "recalled", _units_without_quarantined_records),
    "names": Fault(recalling, "recalled", _units_without_further_ids),
}
