"""The kept messages of eligible sessions, read from their units."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.errors import PipelineError
from schemas.records import Message, Session
from schemas.units import Unit
from transforms.sources.base import Pointer, ReadContext
from transforms.sources.registry import read_sessions

_Place = tuple[str, int]
_CHANGED = "De-identify: an input changed while it was read; run again on settled files"


class Prepared(NamedTuple):
    """One eligible session: its decision row, and its kept messages by thread."""

    decision: dict[str, Any]
    threads: list[list[Message]]


def read_kept(work: str, decisions: pa.Table, context: ReadContext) -> Iterator[Prepared]:
    """The kept messages of each decision row, read from the unit of the work and any other unit it refers
    to.
    """
    home = work.split(" ", 1)[1]
    waiting = decisions.to_pylist()
    foreign = {
        (pointer["unit"], pointer["row"]): pointer
        for decision in waiting
        for pointer in decision["records"]
        if len(decision["records"]) > 1
    }
    held = dict(_read_places(list(foreign.values()), context))
    alone = {d["records"][0]["row"]: d for d in waiting if len(d["records"]) == 1}
    pointers = [d["records"][0] for d in alone.values()]
    for place, session in _read_places(pointers, context):
        if place[0] != home:
            raise PipelineError("De-identify: a session was sent to the wrong unit")
        decision = alone.pop(place[1])
        yield Prepared(decision, _threads(decision, {place: session}))
    for decision in waiting:
        if len(decision["records"]) > 1:
            yield Prepared(decision, _threads(decision, held))
    if alone:
        raise PipelineError(_CHANGED)


def _read_places(
    pointers: Sequence[dict[str, Any]], context: ReadContext
) -> Iterator[tuple[_Place, Session]]:
    by_unit: dict[str, list[Pointer]] = collections.defaultdict(list)
    for pointer in pointers:
        by_unit[pointer["unit"]].append(Pointer(pointer["row"], pointer["offset"], pointer["length"]))
    for unit in sorted(by_unit):
        for row, session in read_sessions(Unit.decode(unit), context, sorted(by_unit[unit])):
            yield (unit, row), session


def _threads(decision: dict[str, Any], sessions: dict[_Place, Session]) -> list[list[Message]]:
    places = [(pointer["unit"], pointer["row"]) for pointer in decision["records"]]
    threads: dict[int, list[Message]] = {}
    try:
        for kept in decision["kept"]:
            message = sessions[places[kept["record"]]].messages[kept["index"]]
            threads.setdefault(kept["thread"], []).append(message)
    except (KeyError, IndexError):
        raise PipelineError(_CHANGED) from None
    return list(threads.values())
