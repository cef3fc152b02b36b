"""Finds one conversation in the inputs: its records, and its quarantined records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.formats import REPEAT_HISTORY
from schemas.records import Session
from schemas.tables import FACTS, HISTORIES, JOINS, KEY, NAMES
from schemas.units import Quarantined, Unit
from transforms.shuffle.histories import begun_by, histories_of, joins_of, names_of_joins, with_joins
from transforms.sources.base import PlanTask, Pointer, ReadContext
from transforms.sources.registry import plan_units, read_facts, read_sessions


@dataclasses.dataclass(frozen=True)
class FoundConversation:
    """FACTS of a conversation, the session behind each row, and its quarantined records.

    `keys`: of the conversations found; several only if the id is of several. `names`: NAMES of
    them.
    """

    facts: pa.Table
    sessions: list[Session]
    quarantined: list[Quarantined]
    keys: list[bytes]
    names: pa.Table


class _Records(NamedTuple):
    tables: list[pa.Table]
    sessions: list[Session]
    quarantined: list[Quarantined]
    names: list[pa.Table]


def find_conversation(tasks: Sequence[PlanTask], key: bytes, context: ReadContext) -> FoundConversation:
    """All records of one conversation in the inputs, given the key of one of its ids.

    With `context.only`, only the id of other conversations is read, if the format allows it; otherwise every
    record is read as for a run, and `key` is of the conversation itself. Where records may repeat each other,
    those of the same users are read again.
    """
    found = _records(tasks, {key}, context)
    joins = _joins(tasks, found.tables, context)
    begun = begun_by(joins)
    finals = {into for (_, own), into in begun.items() if own == key and into} or {key}
    parts = {own for (_, own), into in begun.items() if into in finals}
    if parts or finals != {key}:
        every = dataclasses.replace(context, only=None)
        found = _records(tasks, finals | parts, every)
    facts = with_joins(pa.concat_tables([FACTS.empty_table(), *found.tables]), joins)
    named = joins.filter(pc.is_in(joins["conversation_key"], value_set=pa.array(finals, KEY)))
    names = pa.concat_tables([names_of_joins(named), *found.names])
    keys = [*dict.fromkeys(facts["conversation_key"].to_pylist())] or [*finals]
    if context.only is not None:
        also = joins.filter(pc.equal(joins["key"], pa.scalar(key, KEY)))["conversation_key"].to_pylist()
        keys = [*dict.fromkeys([*keys, *sorted(also)])]
    return FoundConversation(facts, found.sessions, found.quarantined, keys, names)


def _records(tasks: Sequence[PlanTask], keys: set[bytes], context: ReadContext) -> _Records:
    """The records of conversations with these keys, or with one of them as a further id."""
    found = _Records([], [], [], [])
    wanted = pa.array(sorted(keys), KEY)
    for task in tasks:
        units, unreadable = plan_units(task)
        found.quarantined.extend(entry for entry in unreadable if entry.conversation_key in keys)
        for unit in units:
            for batch in read_facts(unit, context):
                found.quarantined.extend(
                    entry for entry in batch.quarantined if entry.conversation_key in keys
                )
                names = NAMES.empty_table() if batch.names is None else batch.names
                named = names.filter(pc.is_in(names["key"], value_set=wanted))["conversation_key"]
                among = pa.concat_arrays([wanted, *named.chunks])
                facts = batch.facts.filter(pc.is_in(batch.facts["conversation_key"], value_set=among))
                if facts.num_rows:
                    found.tables.append(facts)
                    found.sessions.extend(_sessions(unit, facts, context))
                    own = facts["conversation_key"].combine_chunks()
                    found.names.append(names.filter(pc.is_in(names["conversation_key"], value_set=own)))
    return found


def _joins(tasks: Sequence[PlanTask], tables: Sequence[pa.Table], context: ReadContext) -> pa.Table:
    """JOINS of the users of these records, if records of their format may repeat each other."""
    users: set[bytes] = set()
    for facts in tables:
        if Unit.decode(facts["unit"][0].as_py()).format in REPEAT_HISTORY:
            users.update(user for user in facts["user_key"].to_pylist() if user is not None)
    if not users:
        return JOINS.empty_table()
    wanted = pa.array(sorted(users), KEY)
    every = dataclasses.replace(context, only=None)
    histories = [HISTORIES.empty_table()]
    for task in tasks:
        for unit in plan_units(task)[0]:
            for batch in read_facts(unit, every):
                owned = batch.facts.filter(pc.is_in(batch.facts["user_key"], value_set=wanted))
                histories.append(histories_of(owned, unit.format))
    return joins_of(pa.concat_tables(histories))


def _sessions(unit: Unit, facts: pa.Table, context: ReadContext) -> list[Session]:
    rows = facts.select([*Pointer._fields]).to_pylist()
    read = dict(read_sessions(unit, context, [Pointer(**row) for row in rows]))
    return [read[row["row"]] for row in rows]
