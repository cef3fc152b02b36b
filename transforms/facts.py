"""Sessions to FACTS: what a decision needs, as keys, instants and flags."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.keys import KeyedHasher
from schemas.records import Session
from schemas.tables import FACTS, INSTANT
from schemas.units import Quarantined
from transforms.digests import keys, numbers_of
from transforms.identities import Owners
from transforms.instants import Ints, instants
from transforms.message_facts import flags_and_sizes, threads_of
from transforms.plain import Plains, columns_of
from transforms.words import alike


class Read(NamedTuple):
    """One record as read: a session, or why it is none."""

    row: int
    offset: int
    length: int
    session: Session | None
    fault: Quarantined | None


class Many(NamedTuple):
    """Records at these rows as read, all of them sessions of texts; they have neither offsets nor lengths."""

    rows: Sequence[int]
    plains: Plains
    owners: Owners


def facts_table(reads: Sequence[Read], unit: str, hasher: KeyedHasher) -> pa.Table:
    """FACTS of the readable records among `reads`, in their order."""
    facts = Facts(hasher)
    facts.add([read for read in reads if read.session is not None], placed=True)
    return facts.table(unit)


class Facts:
    """FACTS gathered from some sessions at a time: none need be kept once it is added."""

    def __init__(self, hasher: KeyedHasher) -> None:
        self._hasher = hasher
        self._lists: dict[str, list[pa.Array]] = {name: [] for name in _LISTS}
        self._rows: dict[str, list[Any]] = {name: [] for name in _ROWS}
        self._lengths: list[int] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, reads: Sequence[Read], *, placed: bool) -> None:
        """The facts of readable records; offsets and lengths only where they are `placed` by these."""
        self._add_sessions([read.session for read in reads if read.session is not None])
        heads = [read.session for read in reads]
        found: dict[str, list[Any]] = {name: [*map(taken, heads)] for name, taken in _TAKEN.items()}
        found["row"] = [read.row for read in reads]
        found["offset"] = [read.offset if placed else 0 for read in reads]
        found["length"] = [read.length if placed else 0 for read in reads]
        self._add_rows(found)

    def add_many(self, many: Many) -> None:
        """The facts of records that are plain texts."""
        plains, count = many.plains, len(many.rows)
        columns, nothing = columns_of(plains), np.zeros(len(plains.texts), np.int64)
        self._add(
            plains.counts.tolist(),
            columns.sizes,
            {
                "message_id": pa.array(columns.numbers),
                "message_parent": pa.array(columns.parents),
                "message_sent_at": pa.array(columns.sent_at).view(INSTANT),
                "message_flags": pa.array(columns.flags),
                "message_thread": pa.array(nothing),
            },
        )
        self._add_rows(
            {
                **many.owners._asdict(),
                "conversation_id": plains.conversation_ids,
                "created_at": plains.created_at,
                **dict.fromkeys(("deleted_at", "current_message_id", "incognito"), [None] * count),
                "row": many.rows,
                **dict.fromkeys(("offset", "length"), [0] * count),
            }
        )

    def _add_rows(self, found: Mapping[str, Sequence[Any]]) -> None:
        for name, more in found.items():
            self._rows[name] += more

    def _add_sessions(self, sessions: Sequence[Session]) -> None:
        messages = list(itertools.chain.from_iterable([session.messages for session in sessions]))
        flags, sizes = flags_and_sizes(messages)
        parents = [message.parent_id for message in messages]
        numbers = (
            numbers_of([(name or "").encode() for name in parents], self._hasher) if any(parents) else None
        )
        self._add(
            [len(session.messages) for session in sessions],
            sizes,
            {
                "message_id": pa.array(
                    numbers_of([message.message_id.encode() for message in messages], self._hasher)
                ),
                "message_parent": pa.array(np.zeros(len(messages), np.int64) if numbers is None else numbers),
                "message_sent_at": instants([message.sent_at for message in messages]),
                "message_flags": pa.array(flags),
                "message_thread": pa.array(threads_of(messages, self._hasher)),
            },
        )

    def _add(self, counts: Sequence[int], sizes: Ints, lists: dict[str, pa.Array]) -> None:
        for name, values in lists.items():
            self._lists[name].append(values)
        self._lengths += counts
        self._rows["text_bytes"] += _totals(sizes, counts)

    def table(self, unit: str) -> pa.Table:
        """FACTS of all that was added, by row."""
        rows, hasher = self._rows, self._hasher
        offsets = pa.array([*itertools.accumulate(self._lengths, initial=0)], pa.int32())
        made: dict[str, pa.Array] = {
            name: pa.ListArray.from_arrays(offsets, _whole(parts, kind))
            for (name, kind), parts in zip(_LISTS.items(), self._lists.values(), strict=True)
        }
        made["conversation_key"] = keys(pa.array(rows["conversation_id"], pa.string()), hasher)
        made["unit"] = alike(unit, len(self._lengths))
        made["created_at"] = instants(rows["created_at"])
        changed: dict[str, list[Any]] = {
            "user_key": _each(rows["user_id"], hasher.user),
            "organization_key": _each(rows["organization_id"], hasher.organization),
            "incognito": [*map(bool, rows["incognito"])],
            "current_message": _each(rows["current_message_id"], hasher.message),
        }
        given = {**rows, **changed}
        made |= {
            field.name: pa.array(given[field.name], field.type) for field in FACTS if field.name not in made
        }
        table = pa.table([made[name] for name in FACTS.names], schema=FACTS)
        order = np.argsort(np.array(rows["row"], np.int64), kind="stable")
        return table if (order[:-1] < order[1:]).all() else table.take(order)


_LISTS = {field.name: field.type.value_type for field in FACTS if pa.types.is_list(field.type)}
_TAKEN = {name: operator.attrgetter(name) for name in Session.__struct_fields__ if name != "messages"}
_ROWS = (*_TAKEN, "text_bytes", "row", "offset", "length")


def _whole(parts: list[pa.Array], kind: pa.DataType) -> pa.Array:
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts) if parts else pa.nulls(0, kind)


def _each[T](names: Sequence[str | None], change: Callable[[str], T]) -> list[T | None]:
    """`change` of each name, once for those that are equal; None where there is none."""
    of: dict[str | None, T | None] = {name: change(name) if name else None for name in set(names)}
    return [of[name] for name in names]


def _totals(sizes: Ints, counts: Sequence[int]) -> list[int]:
    """The sums of so many sizes in a row."""
    upto = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])[
        [*itertools.accumulate(counts, initial=0)]
    ]
    totals: list[int] = np.diff(upto).tolist()
    return totals
