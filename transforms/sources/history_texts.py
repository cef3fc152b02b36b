"""Calls of a model that are nothing but texts, as `histories` makes records of them, many by column."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
import pyarrow as pa

from schemas.records import Aware, Role
from transforms.instants import Ints
from transforms.plain import Plains
from transforms.sources.decode import Fault
from transforms.sources.histories import moment
from transforms.sources.history_ids import beginning_in, beginning_of, names_of

_NAME_BYTES = 16
_MOMENTS: type[list[dt.datetime]] = list[Aware]


class Said(NamedTuple):
    """Turns one after another: by whom, the text, and what of that is the `same` when it is sent again.

    A text None stands for a turn that is more than that.
    """

    roles: Sequence[Role]
    texts: Sequence[str | None]
    same: Sequence[str]

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


def moments_of(values: Sequence[Any]) -> list[dt.datetime | None]:
    """The instants that `moment` tells, None for what is none."""
    given = [value for value in values if value is not None]
    try:
        found = iter(msgspec.convert([_moment(value) for value in given], _MOMENTS))
    except (msgspec.ValidationError, Fault):
        return [_instant(value) for value in values]
    return [None if value is None else next(found) for value in values]


def plains_of(calls: Calls) -> Plains:
    """The sessions that calls tell of; each has a turn, a time, and a text in each turn."""
    counts, said = np.array(calls.counts, np.int64), calls.said
    roles, texts = said.roles, [text for text in said.texts if text is not None]
    names = [name or "" for name in calls.conversation_ids]
    if "" in names:
        ends = [*itertools.accumulate(calls.counts, initial=0)]
        for place in [place for place, name in enumerate(names) if not name]:
            begun = beginning_in(roles, ends[place], ends[place + 1])
            spoken = [*zip(roles[begun], said.same[begun], strict=True)]
            names[place] = beginning_of(calls.user_ids[place], calls.organization_ids[place], spoken)
    ids = _column(names_of(names, counts, roles, said.same))
    if any(calls.systems):
        counts, ids, roles, texts = _with_systems(calls, texts, names, ids)
    asked = [at for at in calls.asked_at if at is not None]
    return Plains(
        names,
        calls.user_ids,
        calls.organization_ids,
        asked,
        [done or at for done, at in zip(calls.answered_at, asked, strict=True)],
        counts,
        ids,
        True,
        roles,
        texts,
    )


def _with_systems(
    calls: Calls, said: Sequence[str], names: Sequence[str], ids: pa.Array
) -> tuple[Ints, pa.Array, list[Role], list[str]]:
    """Counts, ids, roles and texts of the turns, and of the system prompts before them."""
    prompted = [place for place, system in enumerate(calls.systems) if system]
    begins = [*itertools.accumulate(calls.counts, initial=0)]
    known: list[str] = ids.to_pylist()
    every: list[str] = []
    roles: list[Role] = []
    texts: list[str] = []
    at = 0
    for place in prompted:
        upto = begins[place]
        every += [*known[at:upto], f"{names[place]}/system"]
        roles += [*calls.said.roles[at:upto], "system"]
        texts += [*said[at:upto], calls.systems[place] or ""]
        at = upto
    counts = np.array(calls.counts, np.int64)
    counts[prompted] += 1
    every += known[at:]
    return counts, pa.array(every, pa.string()), [*roles, *calls.said.roles[at:]], [*texts, *said[at:]]


def _column(names: bytes) -> pa.Array:
    count = len(names) // _NAME_BYTES
    ends = np.arange(count + 1, dtype=np.int32) * _NAME_BYTES
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(names))


def _moment(value: Any) -> Any:
    return moment(value) if value.__class__ is not str or value.isdecimal() else value


def _instant(value: Any) -> dt.datetime | None:
    try:
        found: dt.datetime = msgspec.convert(moment(value), Aware)
    except (msgspec.ValidationError, Fault, OverflowError, ValueError):
        return None
    return found
