"""The kept messages of eligible sessions, read from their units."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.formats import REPEAT_HISTORY
from schemas.keys import KeyedHasher
from schemas.records import Message, Session
from schemas.units import Unit
from transforms.sources.base import Pointer, ReadContext, changed
from transforms.sources.registry import read_sessions

_Place = tuple[str, int]


class Prepared(NamedTuple):
    """One eligible session: its decision row, and its kept messages by thread."""

    decision: dict[str, Any]
    threads: list[list[Message]]


def read_kept(decisions: pa.Table, context: ReadContext) -> Iterator[Prepared]:
    """The kept messages of each decision row, read from the units that it refers to.

    Raises PipelineError, before it gives a message, for a record that is not the one that was decided on.
    """
    waiting = decisions.to_pylist()
    foreign = {
        (pointer["unit"], pointer["row"]): pointer
        for decision in waiting
        for pointer in decision["records"]
        if len(decision["records"]) > 1
    }
    held = dict(_read_places(list(foreign.values()), context))
    pointers = [d["records"][0] for d in waiting if len(d["records"]) == 1]
    alone = {(d["records"][0]["unit"], d["records"][0]["row"]): d for d in waiting if len(d["records"]) == 1}
    for place, session in _read_places(pointers, context):
        decision = alone.pop(place)
        yield Prepared(decision, _threads(decision, {place: session}, context.hasher))
    for decision in waiting:
        if len(decision["records"]) > 1:
            yield Prepared(decision, _threads(decision, held, context.hasher))


def _read_places(
    pointers: Sequence[dict[str, Any]], context: ReadContext
) -> Iterator[tuple[_Place, Session]]:
    by_unit: dict[str, list[Pointer]] = collections.defaultdict(list)
    for pointer in pointers:
        by_unit[pointer["unit"]].append(Pointer(*(pointer[name] for name in Pointer._fields)))
    for unit in sorted(by_unit):
        for row, session in read_sessions(Unit.decode(unit), context, sorted(by_unit[unit])):
            yield (unit, row), session


def _threads(
    decision: dict[str, Any], sessions: dict[_Place, Session], hasher: KeyedHasher
) -> list[list[Message]]:
    """The kept messages by thread; PipelineError if a record is not of the decided session."""
    places = [(pointer["unit"], pointer["row"]) for pointer in decision["records"]]
    for place in places:
        _check_owner(decision, sessions[place], hasher, Unit.decode(place[0]))
    threads: dict[int, list[Message]] = {}
    for kept in decision["kept"]:
        place = places[kept["record"]]
        messages = sessions[place].messages
        if kept["index"] >= len(messages):
            raise changed(Unit.decode(place[0]))
        threads.setdefault(kept["thread"], []).append(messages[kept["index"]])
    return list(threads.values())


def _check_owner(decision: dict[str, Any], session: Session, hasher: KeyedHasher, unit: Unit) -> None:
    """Raises PipelineError for a session of another conversation or user than decided on."""
    user = hasher.user(session.user_id) if session.user_id else None
    key = hasher.conversation(session.conversation_id)
    # A record that repeats a history has an id of its own; its digest was compared.
    is_other = key != decision["conversation_key"] and unit.format not in REPEAT_HISTORY
    if is_other or user != decision["user_key"]:
        raise changed(unit)
