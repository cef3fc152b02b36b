"""FACTS as a state file holds them, and back: both ways exact.

Most parents are the message before, most current messages the last one, and most instants whole seconds after
the one before. So a state file has distances in place of digests and instants; only ids of messages are kept
as they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.state import STATE_FACTS
from schemas.tables import FACTS, INSTANT
from transforms.shuffle.instants import Bools, Ints, column_of, filled, whole

_SAME = [name for name in STATE_FACTS.names if name in FACTS.names and name not in ("unit", "message_id")]
#: Microseconds of a step: the greatest that divides all distances of a record.
_STEPS = (1_000_000, 1_000)


class _Lists(NamedTuple):
    """The messages of all records: `ends[n]` up to `ends[n + 1]` are those of record n."""

    ends: Ints
    record: Ints
    ids: Ints

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> _Lists:
        lengths = whole(pc.list_value_length(column))
        ends = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])
        return cls(ends, np.repeat(np.arange(len(lengths)), lengths), whole(pc.list_flatten(column)))

    def column(self, values: pa.Array) -> pa.ListArray:
        """One list per record."""
        return pa.ListArray.from_arrays(column_of(self.ends.astype(np.int32), pa.int32()), values)


def to_state(facts: pa.Table, units: pa.Array) -> pa.Table:
    """STATE_FACTS of FACTS rows, in their order. `units`: the key of each row's unit."""
    facts = facts.combine_chunks()
    lists = _Lists.of(facts["message_id"])
    find = _finder(lists)
    given = facts["current_message"]
    places, current = np.arange(facts.num_rows), filled(given, 0)
    at = find(places, current)
    back = np.where(at < 0, 0, lists.ends[1:] - at)
    outside = given.is_valid().to_numpy() & (at < 0)
    after, steps = _distances(facts, lists)
    columns: dict[str, Any] = {name: facts[name].cast(STATE_FACTS.field(name).type) for name in _SAME}
    columns |= {
        "unit": units,
        "current_back": pa.array(back, pa.int32(), mask=given.is_null().to_numpy()),
        "current": pa.array(current, mask=~outside),
        "time_step": column_of(steps, pa.int64()),
        "message_id": lists.column(column_of(lists.ids, pa.int64())),
        "sent_after": lists.column(after),
        "flags": _flat(facts["message_flags"], lists),
        "thread": _flat(facts["message_thread"], lists),
        **_parents_to_state(facts, lists, find),
    }
    return pa.table([columns[name] for name in STATE_FACTS.names], schema=STATE_FACTS)


def from_state(state: pa.Table, units: pa.DictionaryArray) -> pa.Table:
    """FACTS of STATE_FACTS rows, in their order. `units`: each row's unit, encoded as it is named now."""
    state = state.combine_chunks()
    lists = _Lists.of(state["message_id"])
    back = state["current_back"]
    is_inside = filled(back, 0) > 0
    at = np.where(is_inside, lists.ends[1:] - filled(back, 0), 0)
    current = filled(state["current"], 0).copy()
    current[is_inside] = lists.ids[at[is_inside]]
    columns: dict[str, Any] = {name: state[name].cast(FACTS.field(name).type) for name in _SAME}
    columns |= {
        "unit": units,
        "current_message": pa.array(current, mask=back.is_null().to_numpy()),
        "message_id": lists.column(column_of(lists.ids, pa.int64())),
        "message_parent": lists.column(_parents_from_state(state, lists)),
        "message_sent_at": lists.column(_instants(state, lists)),
        "message_flags": _flat(state["flags"], lists),
        "message_thread": _flat(state["thread"], lists),
    }
    return pa.table([columns[name] for name in FACTS.names], schema=FACTS)


def _flat(column: pa.ChunkedArray, lists: _Lists) -> pa.ListArray:
    values = pc.list_flatten(column)
    return lists.column(values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values)


def _finder(lists: _Lists) -> Any:
    """A function of record numbers and digests: the place of the first such message of the record, or -1."""
    distinct, code = np.unique(lists.ids, return_inverse=True)
    tag = lists.record * len(distinct) + code
    order = np.argsort(tag, kind="stable")
    ordered = tag[order]

    def find(record: Ints, digests: Ints) -> Ints:
        if not len(ordered):
            return np.full(len(digests), -1)
        found = np.minimum(np.searchsorted(distinct, digests), len(distinct) - 1)
        wanted = record * len(distinct) + found
        place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        is_there = (distinct[found] == digests) & (ordered[place] == wanted)
        return np.where(is_there, order[place], -1)

    return find


def _parents_to_state(facts: pa.Table, lists: _Lists, find: Any) -> dict[str, pa.Array]:
    parents = whole(pc.list_flatten(facts["message_parent"]))
    count = len(parents)
    places = np.arange(count)
    before = np.maximum(places - 1, 0)
    follows = (places > lists.ends[lists.record]) & (lists.ids[before] == parents) & (parents != 0)
    back = np.where(follows, 1, 0)
    rest = np.flatnonzero(~follows & (parents != 0))
    at = find(lists.record[rest], parents[rest])
    back[rest] = rest - at
    outside = np.zeros(count, np.bool_)
    # A message that is its own parent would have the distance of no parent.
    outside[rest] = (at < 0) | (at == rest)
    return {
        "parent_back": lists.column(pa.array(back.astype(np.int32), mask=outside)),
        "parents": _some(parents, outside, lists),
    }


def _some(values: Ints, where: Bools, lists: _Lists) -> pa.Array:
    """Per record the list of its values where `where`; null for a record without any."""
    counts = np.bincount(lists.record[where], minlength=len(lists.ends) - 1)
    ends = np.concatenate([np.zeros(1, np.int64), counts.cumsum()]).astype(np.int32)
    missing = np.append(counts == 0, np.False_)
    return pa.ListArray.from_arrays(pa.array(ends, mask=missing), column_of(values[where], pa.int64()))


def _parents_from_state(state: pa.Table, lists: _Lists) -> pa.Array:
    flat = pc.list_flatten(state["parent_back"])
    outside = flat.is_null().to_numpy(zero_copy_only=False)
    back = filled(flat, 0)
    parents = np.where(back == 0, 0, lists.ids[np.arange(len(back)) - back] if len(back) else 0)
    parents[outside] = whole(pc.list_flatten(state["parents"]))
    return column_of(parents.astype(np.int64), pa.int64())


def _base(table: pa.Table) -> Ints:
    return filled(table["created_at"].cast(pa.int64()), 0)


def _distances(facts: pa.Table, lists: _Lists) -> tuple[pa.Array, Ints]:
    """The steps from each message to the one before that has an instant, and the size of a step by record."""
    sent = pc.list_flatten(facts["message_sent_at"]).cast(pa.int64())
    missing = sent.is_null().to_numpy(zero_copy_only=False)
    values = filled(sent, 0)
    # Each record's instants behind its base, so that the one before is found in one pass.
    count = len(values)
    place = np.arange(count) + lists.record + 1
    row = np.zeros(count + len(lists.ends) - 1, np.int64)
    bases = lists.ends[:-1] + np.arange(len(lists.ends) - 1)
    row[bases], row[place] = _base(facts), values
    known = np.zeros(len(row), np.int64)
    known[bases], known[place[~missing]] = bases, place[~missing]
    last = np.maximum.accumulate(known)
    distance = np.where(missing, 0, values - row[last[place - 1]])
    steps = np.ones(len(lists.ends) - 1, np.int64)
    for step in reversed(_STEPS):
        odd = np.bincount(lists.record[distance % step != 0], minlength=len(steps))
        steps[odd == 0] = step
    return pa.array(distance // steps[lists.record], mask=missing), steps


def _instants(state: pa.Table, lists: _Lists) -> pa.Array:
    after = pc.list_flatten(state["sent_after"])
    missing = after.is_null().to_numpy(zero_copy_only=False)
    distance = filled(after, 0) * whole(state["time_step"])[lists.record]
    total = np.concatenate([np.zeros(1, np.int64), distance.cumsum()])
    first = total[lists.ends[:-1]][lists.record]
    values = _base(state)[lists.record] + total[1:] - first
    return pa.array(values, pa.int64(), mask=missing).cast(INSTANT)
