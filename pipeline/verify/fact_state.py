"""Class `index`: what a version keeps of its reading, against its sessions and its own parts."""

from __future__ import annotations

import collections

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.state import STATE_FOLDER
from pipeline.verify.findings import RowFaults
from pipeline.verify.schema import table as read_table
from pipeline.verify.subject import Subject
from schemas.tables import KEY
from transforms.read.state.keys import part_of_key, parts_of_rows
from transforms.read.state.known import FACTS, UNITS
from transforms.shuffle.hex_keys import keys_of_hex


def check_fact_state(subject: Subject, index: RowFaults) -> None:
    """Adds the faults of the state of facts; a version without a state has none.

    Every record belongs to a unit of the state and to a session of the version, or to a further id of one.
    After `expire` the state still has the facts of sessions that were removed.
    """
    facts, units = (subject.files(f"{STATE_FOLDER}{kind}-") for kind in (FACTS, UNITS))
    sessions: collections.Counter[bytes] = collections.Counter()
    for number, file in enumerate(units):
        rows = read_table(subject.folder / file.path, ["place", "unit", "sessions"])
        places = [part_of_key(key, len(units)) != number for key in rows["place"].to_pylist()]
        index.add(file.path, "is in another part than its key says", sum(places))
        sessions.update(dict(zip(rows["unit"].to_pylist(), rows["sessions"].to_pylist(), strict=True)))
    keys = _session_keys(subject)
    for number, file in enumerate(facts):
        rows = read_table(subject.folder / file.path, ["unit", "row", "conversation_key"])
        away = parts_of_rows(rows["unit"], rows["row"], len(facts)) != number
        index.add(file.path, "is in another part than its key says", int(away.sum()))
        sessions.subtract(rows["unit"].to_pylist())
        if keys is not None:
            strange = pc.invert(pc.is_in(rows["conversation_key"], value_set=keys))
            index.add(file.path, "is of no session of the version", pc.sum(strange).as_py() or 0)
    if facts:
        where = f"{STATE_FOLDER}{FACTS}-*"
        index.add(where, "a unit has more or fewer records than it lists", sum(map(bool, sessions.values())))


def _session_keys(subject: Subject) -> pa.Array | None:
    """The keys of all sessions and their further ids; None where some sessions were removed later."""
    if subject.is_rewritten:
        return None
    found = [pa.array([], KEY)]
    for file in subject.files("restricted/sessions-"):
        rows = read_table(subject.folder / file.path, ["conversation_key", "names"])
        found.append(keys_of_hex(rows["conversation_key"]))
        found.append(keys_of_hex(pc.list_flatten(rows["names"])))
    chunks = [each.combine_chunks() if isinstance(each, pa.ChunkedArray) else each for each in found]
    return pa.concat_arrays(chunks)
