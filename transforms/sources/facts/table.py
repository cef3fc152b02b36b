"""Sessions to FACTS: one row per session, with keys, instants and flags."""

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
from transforms.shuffle.dictionaries import constant_column
from transforms.shuffle.digests import conversation_keys
from transforms.shuffle.instants import Bools, Ints, column_of, instants
from transforms.sources.facts.digests import session_digest
from transforms.sources.facts.message_ids import MessageIds
from transforms.sources.facts.messages import flags_and_sizes, threads_of
from transforms.sources.facts.session_columns import SessionColumns, message_columns
from transforms.sources.identities import Owners


class ReadRecord(NamedTuple):
    """One record that was read: a session, or a fault.

    `digest`: of its bytes, as in `transforms.sources.base.FoundSession`.
    """

    row: int
    offset: int
    length: int
    session: Session | None
    fault: Quarantined | None
    digest: int | None = None


class SessionBatch(NamedTuple):
    """Records that were read, all of them sessions."""

    rows: Sequence[int]
    offsets: Sequence[int]
    lengths: Sequence[int]
    sessions: Sequence[Session]
    digests: Sequence[int | None]


class ColumnBatch(NamedTuple):
    """Records that were read by column, all of them sessions; they have no offsets and lengths."""

    rows: Sequence[int]
    sessions: SessionColumns
    owners: Owners
    digests: Sequence[int | None]


def facts_table(reads: Sequence[ReadRecord], unit: str, hasher: KeyedHasher) -> pa.Table:
    """FACTS of the readable records among `reads`, in their order."""
    facts = Facts(hasher)
    facts.add([read for read in reads if read.session is not None], placed=True)
    return facts.table(unit)


class Facts:
    """FACTS gathered step by step; a session may be freed once it is added."""

    def __init__(self, hasher: KeyedHasher) -> None:
        self._hasher = hasher
        self._lists: dict[str, list[pa.Array]] = {name: [] for name in _LISTS}
        self._rows: dict[str, list[Any]] = {name: [] for name in _ROWS}
        self._lengths: list[int] = []
        self._sizes: list[Ints] = []
        self._ids, self._parents = MessageIds(), MessageIds()
        self._linked: list[Bools] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, reads: Sequence[ReadRecord], *, placed: bool) -> None:
        """Adds the readable records; offsets and lengths only if `placed`, else 0."""
        sessions = [read.session for read in reads if read.session is not None]
        digests = [read.digest for read in reads]
        columns = (
            [read.row for read in reads],
            [read.offset for read in reads],
            [read.length for read in reads],
        )
        self.add_sessions(SessionBatch(*columns, sessions, digests), placed=placed)

    def add_sessions(self, batch: SessionBatch, *, placed: bool) -> None:
        """Adds sessions; offsets and lengths as in `add`."""
        sessions, zeros = batch.sessions, [0] * len(batch.sessions)
        self._add_sessions(sessions)
        self._add_rows({name: [*map(get, sessions)] for name, get in _GETTERS.items()})
        digests = batch.digests
        if None in digests:
            digests = [
                session_digest(session, self._hasher) if digest is None else digest
                for session, digest in zip(sessions, digests, strict=True)
            ]
        self._add_rows(
            {
                "row": batch.rows,
                "offset": batch.offsets if placed else zeros,
                "length": batch.lengths if placed else zeros,
                "digest": digests,
            }
        )

    def add_columns(self, batch: ColumnBatch) -> None:
        """Adds sessions by column."""
        sessions, count = batch.sessions, len(batch.rows)
        columns, zeros = message_columns(sessions), np.zeros(len(sessions.texts), np.int64)
        self._ids.add(sessions.ids)
        self._parents.add(zeros)
        self._add(
            sessions.counts.tolist(),
            columns.sizes,
            {
                "message_sent_at": column_of(columns.sent_at, INSTANT),
                "message_flags": column_of(columns.flags, pa.uint8()),
                "message_thread": column_of(zeros, pa.int64()),
            },
            linked=sessions.linked,
        )
        self._add_rows(
            {
                **batch.owners._asdict(),
                "conversation_id": sessions.conversation_ids,
                "created_at": sessions.created_at,
                **dict.fromkeys(("deleted_at", "current_message_id", "incognito"), [None] * count),
                "row": batch.rows,
                **dict.fromkeys(("offset", "length"), [0] * count),
                "digest": batch.digests,
            }
        )

    def _add_rows(self, columns: Mapping[str, Sequence[Any]]) -> None:
        for name, values in columns.items():
            self._rows[name] += values

    def _add_sessions(self, sessions: Sequence[Session]) -> None:
        messages = list(itertools.chain.from_iterable([session.messages for session in sessions]))
        flags, sizes = flags_and_sizes(messages)
        self._ids.add([message.message_id for message in messages])
        parents = [message.parent_id for message in messages]
        self._parents.add(parents if any(parents) else np.zeros(len(messages), np.int64))
        self._add(
            [len(session.messages) for session in sessions],
            sizes,
            {
                "message_sent_at": instants([message.sent_at for message in messages]),
                "message_flags": column_of(flags, pa.uint8()),
                "message_thread": column_of(threads_of(messages, self._hasher), pa.int64()),
            },
        )

    def _add(
        self, counts: Sequence[int], sizes: Ints, lists: dict[str, pa.Array], *, linked: bool = False
    ) -> None:
        for name, values in lists.items():
            self._lists[name].append(values)
        self._lengths += counts
        self._sizes.append(sizes)
        self._linked.append(np.full(len(sizes), linked))

    def _links(self, ends: Ints) -> tuple[Ints, Ints]:
        """The numbers of all messages, and of their parents."""
        numbers, parents = self._ids.numbers(self._hasher), self._parents.numbers(self._hasher)
        linked = np.concatenate([np.zeros(0, np.bool_), *self._linked])
        linked[ends[:-1][ends[:-1] < len(linked)]] = False  # the first message of a session has no parent
        places = np.flatnonzero(linked)
        parents[places] = numbers[places - 1]
        return numbers, parents

    def table(self, unit: str) -> pa.Table:
        """FACTS of everything added, by row."""
        rows, hasher = self._rows, self._hasher
        ends = np.array([*itertools.accumulate(self._lengths, initial=0)], np.int64)
        numbers, parents = self._links(ends)
        offsets = column_of(ends.astype(np.int32), pa.int32())
        lists = {name: _whole(parts, _LISTS[name]) for name, parts in self._lists.items()}
        lists |= {
            "message_id": column_of(numbers, pa.int64()),
            "message_parent": column_of(parents, pa.int64()),
        }
        made: dict[str, pa.Array] = {
            name: pa.ListArray.from_arrays(offsets, values) for name, values in lists.items()
        }
        made["text_bytes"] = column_of(_totals(self._sizes, ends), pa.int64())
        places = {name: np.array(rows[name], np.int64) for name in ("row", "offset", "length")}
        made |= {name: column_of(numbers, pa.int64()) for name, numbers in places.items()}
        made["conversation_key"] = conversation_keys(pa.array(rows["conversation_id"], pa.string()), hasher)
        made["digest"] = pa.array(rows["digest"], pa.int64())
        made["unit"] = constant_column(unit, len(self._lengths))
        made["created_at"] = instants(rows["created_at"])
        changed: dict[str, list[Any]] = {
            "user_key": _each(rows["user_id"], lambda names: hasher.users([*map(str.encode, names)])),
            "organization_key": _each(
                rows["organization_id"], lambda names: hasher.organizations([*map(str.encode, names)])
            ),
            "incognito": [*map(bool, rows["incognito"])],
            "current_message": _each(rows["current_message_id"], lambda names: [*map(hasher.message, names)]),
        }
        given = {**rows, **changed}
        made |= {
            field.name: _column(given[field.name], field.type) for field in FACTS if field.name not in made
        }
        table = pa.table([made[name] for name in FACTS.names], schema=FACTS)
        row = places["row"]
        return table if (row[:-1] <= row[1:]).all() else table.take(np.argsort(row, kind="stable"))


#: Columns of messages, besides their ids.
_LISTS = {
    name: FACTS.field(name).type.value_type for name in ("message_sent_at", "message_flags", "message_thread")
}
_GETTERS = {name: operator.attrgetter(name) for name in Session.__struct_fields__ if name != "messages"}
_ROWS = (*_GETTERS, "row", "offset", "length", "digest")


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind) if any(values) or kind == pa.bool_() else pa.nulls(len(values), kind)


def _whole(parts: list[pa.Array], kind: pa.DataType) -> pa.Array:
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts) if parts else pa.nulls(0, kind)


def _each[T](names: Sequence[str | None], change: Callable[[list[str]], list[T]]) -> list[T | None]:
    """`change` of each name, computed once for equal names; None for an empty one."""
    given = [name for name in set(names) if name]
    of: dict[str | None, T] = dict(zip(given, change(given), strict=True))
    return [*map(of.get, names)]


def _totals(sizes: Sequence[Ints], ends: Ints) -> Ints:
    """The sum of the sizes of each session."""
    sums = np.concatenate([np.zeros(1, np.int64), *sizes]).cumsum()[ends]
    totals: Ints = np.diff(sums)
    return totals
