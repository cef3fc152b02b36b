"""Calls of a model, as `histories` makes records of them, many by column."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
import pyarrow as pa

from schemas.records import Aware, Role
from transforms.sources.calls.message_ids import beginning_in, beginning_of, names_of
from transforms.sources.calls.model_calls import moment
from transforms.sources.decode import Fault, check_value
from transforms.sources.facts.messages import value_size
from transforms.sources.facts.session_columns import Plains

_NAME_BYTES = 16
_NO_MOMENT = (msgspec.ValidationError, Fault, ValueError, OverflowError)
_MOMENTS: type[list[dt.datetime]] = list[Aware]


class Mixed(NamedTuple):
    """What a turn holds besides its text.

    `more`: what of that stays the same when it is sent again. `results`: the characters of what tools gave,
    None if none did; `rest`: whether there is anything but that. `calling`: it calls a tool. `others`: the
    characters of thoughts, and of what tools are given.
    """

    more: Sequence[str]
    results: int | None
    rest: bool
    calling: bool
    others: int


class Holding:
    """What a turn holds, part by part."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._more: list[str] = []
        self._results = self._others = self._count = 0
        self._calling = False

    def add_call(self, call_id: str | None, name: str | None, given: Any) -> None:
        """A call of a tool; raises Fault for what it is given where no later stage could walk that."""
        check_value(given, None)
        self._more += ["call", call_id or "", name or ""]
        self._others += value_size(given)
        self._calling = True

    def add_result(self, call_id: str | None, text: str, size: int) -> None:
        """What a tool gave: what of it stays the same, and its characters."""
        self._more += ["result", call_id or "", text]
        self._results += size
        self._count += 1

    def add_thought(self, thought: str | None) -> None:
        """A thought, of which nothing stays."""
        self._others += len(thought or "")

    def made(self, parts: int) -> tuple[str, str, Mixed | None]:
        """The texts as one, what of them stays the same, and what else there is of so many parts."""
        text, same = "".join(self.texts), "".join([each.strip() for each in self.texts])
        if len(self.texts) == parts:
            return text, same, None
        results = self._results if self._count else None
        return text, same, Mixed(self._more, results, self._count < parts, self._calling, self._others)


class Said(NamedTuple):
    """Turns one after another: by whom, the text, and what of that is the `same` when it is sent again.

    `mixed`: those with more than a text, by their places. A text None stands for what has to be looked at
    with care.
    """

    roles: Sequence[Role]
    texts: Sequence[str | None]
    same: Sequence[str]
    mixed: Mapping[int, Mixed]

    def owners_of_none(self, counts: Sequence[int]) -> set[int]:
        """The places of the calls, each with so many of the turns, that have a turn without a text."""
        if None not in self.texts:
            return set()
        odd = [place for place, text in enumerate(self.texts) if text is None]
        return {*np.searchsorted(np.cumsum(counts), odd, "right").tolist()}


class Calls(NamedTuple):
    """Calls, and what was said in all of them: in each its history, then its answer if it has one.

    `counts`: how many turns a call has. `answered_at` None: with its question, or not at all.
    """

    conversation_ids: Sequence[str | None]
    user_ids: Sequence[str | None]
    organization_ids: Sequence[str | None]
    systems: Sequence[str | None]
    asked_at: Sequence[dt.datetime | None]
    answered_at: Sequence[dt.datetime | None]
    counts: Sequence[int]
    said: Said

    def only(self, places: Sequence[int]) -> Self:
        """Just the calls at these places, in this order."""
        if len(places) == len(self.counts):
            return self
        ends = [*itertools.accumulate(self.counts, initial=0)]
        turns = [turn for place in places for turn in range(ends[place], ends[place + 1])]
        said = Said(
            [self.said.roles[turn] for turn in turns],
            [self.said.texts[turn] for turn in turns],
            [self.said.same[turn] for turn in turns],
            {place: self.said.mixed[turn] for place, turn in enumerate(turns) if turn in self.said.mixed},
        )
        return type(self)(
            [self.conversation_ids[place] for place in places],
            [self.user_ids[place] for place in places],
            [self.organization_ids[place] for place in places],
            [self.systems[place] for place in places],
            [self.asked_at[place] for place in places],
            [self.answered_at[place] for place in places],
            [self.counts[place] for place in places],
            said,
        )


def said_of[T](
    roles: Sequence[Role],
    texts: Sequence[str],
    odd: Mapping[int, T],
    held: Callable[[T], tuple[str, str, Mixed | None]],
) -> Said:
    """Turns of these texts; `held` tells what the odd ones, by place, hold instead, or raises Fault."""
    every: list[str | None] = [*texts]
    same = [*map(str.strip, texts)]
    mixed: dict[int, Mixed] = {}
    for place, content in odd.items():
        try:
            every[place], same[place], holds = held(content)
        except Fault:
            every[place] = None
        else:
            if holds is not None:
                mixed[place] = holds
    return Said(roles, every, same, mixed)


def untimed(
    asked: Sequence[dt.datetime | None], ended: Sequence[dt.datetime | None], ends: Sequence[Any]
) -> set[int]:
    """The places of calls whose time is not known, or whose end is not though `ends` has something for it."""
    return {
        place
        for place, at in enumerate(asked)
        if at is None or (ended[place] is None and ends[place] is not None)
    }


def moments_of(values: Sequence[Any]) -> list[dt.datetime | None]:
    """The instants that `moment` tells, None for what is none."""
    given = [value for value in values if value is not None]
    try:
        found = iter(msgspec.convert([_moment(value) for value in given], _MOMENTS))
    except _NO_MOMENT:
        return [_instant(value) for value in values]
    return [None if value is None else next(found) for value in values]


def plains_of(calls: Calls) -> Plains:
    """The sessions that calls tell of; each has a turn, a time, and a text in each turn.

    Raises Fault for text that is no Unicode.
    """
    said, counts = calls.said, np.array(calls.counts, np.int64)
    more = {place: mixed.more for place, mixed in said.mixed.items() if mixed.more}
    names = _conversations(calls, more)
    asked = [at for at in calls.asked_at if at is not None]
    plains = Plains(
        conversation_ids=names,
        user_ids=calls.user_ids,
        organization_ids=calls.organization_ids,
        created_at=asked,
        last_at=[done or at for done, at in zip(calls.answered_at, asked, strict=True)],
        counts=counts,
        ids=_column(names_of(names, counts, said.roles, said.same, more)),
        linked=True,
        roles=said.roles,
        texts=[text for text in said.texts if text is not None],
    )
    return _apart(plains, calls.systems, said.mixed) if said.mixed or any(calls.systems) else plains


def _conversations(calls: Calls, more: Mapping[int, Sequence[str]]) -> list[str]:
    names, said = [name or "" for name in calls.conversation_ids], calls.said
    if "" not in names:
        return names
    ends = [*itertools.accumulate(calls.counts, initial=0)]
    for place in [place for place, name in enumerate(names) if not name]:
        begun = beginning_in(said.roles, ends[place], ends[place + 1])
        spoken: list[Sequence[str]] = [*zip(said.roles[begun], said.same[begun], strict=True)]
        if more:
            turns = range(begun.start, begun.stop)
            spoken = [(*turn, *more.get(number, ())) for number, turn in zip(turns, spoken, strict=True)]
        names[place] = beginning_of(calls.user_ids[place], calls.organization_ids[place], spoken)
    return names


def _apart(plains: Plains, systems: Sequence[str | None], mixed: Mapping[int, Mixed]) -> Plains:
    """With messages of their own for system prompts, and for what tools gave beside what somebody says."""
    ids, roles, texts = plains.ids.tolist(), [*plains.roles], [*plains.texts]
    calling, others = np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.int64)
    counts, ends = plains.counts.copy(), np.cumsum(plains.counts)
    added: list[tuple[int, str, Role, str, int]] = []
    for place, system in enumerate(systems):
        if system:
            begin = int(ends[place] - plains.counts[place])
            added.append((begin, f"{plains.conversation_ids[place]}/system", "system", system, 0))
            counts[place] += 1
    for turn, holds in mixed.items():
        calling[turn], others[turn] = holds.calling, holds.others
        if holds.results is None:
            continue
        if holds.rest:
            added.append((turn, f"{ids[turn]}/tool", "tool", "", holds.results))
            counts[np.searchsorted(ends, turn, "right")] += 1
        else:
            ids[turn], roles[turn], others[turn] = f"{ids[turn]}/tool", "tool", holds.results
    added.sort(key=lambda one: one[0])
    before = [turn for turn, *_ in added]
    return plains._replace(
        counts=counts,
        ids=pa.array(_with(ids, before, [name for _, name, *_ in added]), pa.string()),
        roles=_with(roles, before, [role for _, _, role, *_ in added]),
        texts=_with(texts, before, [text for *_, text, _ in added]),
        calling=np.insert(calling, before, False),
        others=np.insert(others, before, [size for *_, size in added]),
    )


def _with[T](column: list[T], before: Sequence[int], added: Sequence[T]) -> list[T]:
    """The column with what is added before these places of it, in their order."""
    found: list[T] = []
    at = 0
    for place, one in zip(before, added, strict=True):
        found += column[at:place]
        found.append(one)
        at = place
    return found + column[at:]


def _column(names: bytes) -> pa.Array:
    count = len(names) // _NAME_BYTES
    ends = np.arange(count + 1, dtype=np.int32) * _NAME_BYTES
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(names))


def _moment(value: Any) -> Any:
    return moment(value) if value.__class__ is not str or value.isdecimal() else value


def _instant(value: Any) -> dt.datetime | None:
    try:
        found: dt.datetime = msgspec.convert(moment(value), Aware)
    except _NO_MOMENT:
        return None
    return found
