"""Finds one conversation in the inputs: its records, and its quarantined records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import Session
from schemas.tables import FACTS, KEY
from schemas.units import Quarantined, Unit
from transforms.sources.base import PlanTask, Pointer, ReadContext
from transforms.sources.registry import plan_units, read_facts, read_sessions


@dataclasses.dataclass(frozen=True)
class FoundConversation:
    """FACTS of a conversation, the session behind each row, and its quarantined records."""

    facts: pa.Table
    sessions: list[Session]
    quarantined: list[Quarantined]


def find_conversation(tasks: Sequence[PlanTask], key: bytes, context: ReadContext) -> FoundConversation:
    """All records of one conversation in the inputs, given its key.

    With `context.only`, only the id of other conversations is read, if the format allows it; otherwise every
    record is read as for a run.
    """
    wanted = pa.scalar(key, KEY)
    tables: list[pa.Table] = []
    sessions: list[Session] = []
    quarantined: list[Quarantined] = []
    for task in tasks:
        units, unreadable = plan_units(task)
        quarantined += [entry for entry in unreadable if entry.conversation_key == key]
        for unit in units:
            for batch in read_facts(unit, context):
                quarantined += [entry for entry in batch.quarantined if entry.conversation_key == key]
                facts = batch.facts.filter(pc.equal(batch.facts["conversation_key"], wanted))
                if facts.num_rows:
                    tables.append(facts)
                    sessions += _sessions(unit, facts, context)
    return FoundConversation(
        pa.concat_tables(tables) if tables else FACTS.empty_table(), sessions, quarantined
    )


def _sessions(unit: Unit, facts: pa.Table, context: ReadContext) -> list[Session]:
    rows = facts.select([*Pointer._fields]).to_pylist()
    read = dict(read_sessions(unit, context, [Pointer(**row) for row in rows]))
    return [read[row["row"]] for row in rows]
