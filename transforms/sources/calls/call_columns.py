"""Many model calls by column, as `model_calls` makes records of single calls.

By column, the facts of Anthropic calls take 3.5 times less CPU, those of OpenTelemetry spans 3.7 times
(measured on made-up logs); this is why there are two ways to read a call.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
import pyarrow as pa

from schemas.records import Aware, Role
from transforms.sources.calls.message_ids import (
    conversation_digest,
    id_column,
    message_ids_of,
    up_to_first_answer,
)
from transforms.sources.calls.model_calls import instant_text, is_reminder
from transforms.sources.decode import check_value
from transforms.sources.facts.messages import value_size
from transforms.sources.facts.session_columns import SessionColumns
from transforms.sources.faults import Fault

_NOT_AN_INSTANT = (msgspec.ValidationError, Fault, ValueError, OverflowError)
_INSTANTS: type[list[dt.datetime]] = list[Aware]


class OtherContent(NamedTuple):
    """The content of a turn besides its text.

    `stable`: the part that is equal when a client sends the turn again. `result_size`: characters of tool
    results, None without results. `has_more`: there is content besides results. `calls_tool`: the turn calls
    a tool. `size`: characters of thoughts and tool inputs.
    """

    stable: Sequence[str]
    result_size: int | None
    has_more: bool
    calls_tool: bool
    size: int


#: Text of a turn, the text that is equal when the turn is sent again, and the other content if any.
SplitContent = tuple[str, str, OtherContent | None]


class TurnContent:
    """Collects the content of one turn, part by part."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._stable: list[str] = []
        self._result_size = self._other_size = self._results = 0
        self._calls_tool = False

    def add_call(self, call_id: str | None, name: str | None, arguments: Any) -> None:
        """Adds a tool call; raises Fault for arguments that are nested too deep or not finite."""
        check_value(arguments, None)
        self._stable += ["call", call_id or "", name or ""]
        self._other_size += value_size(arguments)
        self._calls_tool = True

    def add_result(self, call_id: str | None, text: str, size: int) -> None:
        """Adds a tool result: its text without white space around it, and its size in characters."""
        self._stable += ["result", call_id or "", text]
        self._result_size += size
        self._results += 1

    def add_thought(self, thought: str | None) -> None:
        """Adds a thought. Clients may leave it out when they send the turn again."""
        self._other_size += len(thought or "")

    def split(self, parts: int) -> SplitContent:
        """The collected content of a turn with so many parts."""
        text, stable = "".join(self.texts), "".join([each.strip() for each in self.texts])
        if len(self.texts) == parts:
            return text, stable, None
        result_size = self._result_size if self._results else None
        has_more = self._results < parts
        other = OtherContent(self._stable, result_size, has_more, self._calls_tool, self._other_size)
        return text, stable, other


class TurnColumns(NamedTuple):
    """Turns one after another. `stable_texts`: the text that is equal when a client sends the turn again.

    `other`: the other content by place. A text None marks a turn that must be read by itself.
    """

    roles: Sequence[Role]
    texts: Sequence[str | None]
    stable_texts: Sequence[str]
    other: Mapping[int, OtherContent]

    def calls_without_text(self, counts: Sequence[int]) -> set[int]:
        """The places of calls that have a turn with text None; `counts`: turns per call."""
        if None not in self.texts:
            return set()
        turns = [place for place, text in enumerate(self.texts) if text is None]
        return {*np.searchsorted(np.cumsum(counts), turns, "right").tolist()}


class CallColumns(NamedTuple):
    """Calls by column; `turns` of all calls: of each its history, then its answer if it has one.

    `counts`: turns per call. `answered_at` None: as `asked_at`, or there is no answer.
    """

    conversation_ids: Sequence[str | None]
    user_ids: Sequence[str | None]
    organization_ids: Sequence[str | None]
    systems: Sequence[str | None]
    asked_at: Sequence[dt.datetime | None]
    answered_at: Sequence[dt.datetime | None]
    counts: Sequence[int]
    turns: TurnColumns

    def only(self, places: Sequence[int]) -> Self:
        """The calls at these places, in this order."""
        if len(places) == len(self.counts):
            return self
        ends = [*itertools.accumulate(self.counts, initial=0)]
        wanted = [turn for place in places for turn in range(ends[place], ends[place + 1])]
        turns = TurnColumns(
            [self.turns.roles[turn] for turn in wanted],
            [self.turns.texts[turn] for turn in wanted],
            [self.turns.stable_texts[turn] for turn in wanted],
            {place: self.turns.other[turn] for place, turn in enumerate(wanted) if turn in self.turns.other},
        )
        return type(self)(
            [self.conversation_ids[place] for place in places],
            [self.user_ids[place] for place in places],
            [self.organization_ids[place] for place in places],
            [self.systems[place] for place in places],
            [self.asked_at[place] for place in places],
            [self.answered_at[place] for place in places],
            [self.counts[place] for place in places],
            turns,
        )


def turn_columns[T](
    roles: Sequence[Role],
    texts: Sequence[str],
    contents: Mapping[int, T],
    split: Callable[[T], SplitContent],
) -> TurnColumns:
    """Columns of turns with these texts, except for the `contents` by place, which `split` takes apart.

    A content for which `split` raises Fault, and one with reminders of a tool only, has the text None.
    """
    every: list[str | None] = [*texts]
    stable = [*map(str.strip, texts)]
    others: dict[int, OtherContent] = {}
    for place, content in contents.items():
        try:
            every[place], stable[place], other = split(content)
        except Fault:
            every[place] = None
        else:
            if other is not None:
                others[place] = other
    for place, text in enumerate(every):
        if text and roles[place] == "user" and is_reminder(text):
            every[place] = None
    return TurnColumns(roles, every, stable, others)


def without_times(
    asked: Sequence[dt.datetime | None], ended: Sequence[dt.datetime | None], raw_ends: Sequence[Any]
) -> set[int]:
    """The places of calls without a readable start, or with an end that cannot be read."""
    return {
        place
        for place, at in enumerate(asked)
        if at is None or (ended[place] is None and raw_ends[place] is not None)
    }


def instants_of(values: Sequence[Any]) -> list[dt.datetime | None]:
    """The instants that `instant_text` gives, None for values that are no instants."""
    given = [value for value in values if value is not None]
    try:
        found = iter(msgspec.convert([_instant_text(value) for value in given], _INSTANTS))
    except _NOT_AN_INSTANT:
        return [_instant(value) for value in values]
    return [None if value is None else next(found) for value in values]


def session_columns_of(calls: CallColumns) -> SessionColumns:
    """The sessions of calls that each have a turn and a time, and a text in each turn.

    Raises Fault for text that is not valid Unicode.
    """
    turns, counts = calls.turns, np.array(calls.counts, np.int64)
    stable = {place: other.stable for place, other in turns.other.items() if other.stable}
    conversation_ids = _conversation_ids(calls, stable)
    asked = [at for at in calls.asked_at if at is not None]
    sessions = SessionColumns(
        conversation_ids=conversation_ids,
        user_ids=calls.user_ids,
        organization_ids=calls.organization_ids,
        created_at=asked,
        last_at=[answered or at for answered, at in zip(calls.answered_at, asked, strict=True)],
        counts=counts,
        ids=id_column(message_ids_of(conversation_ids, counts, turns.roles, turns.stable_texts, stable)),
        linked=True,
        roles=turns.roles,
        texts=[text for text in turns.texts if text is not None],
    )
    if not turns.other and not any(calls.systems):
        return sessions
    return _split_messages(sessions, calls.systems, turns.other)


def _conversation_ids(calls: CallColumns, stable: Mapping[int, Sequence[str]]) -> list[str]:
    ids, turns = [given or "" for given in calls.conversation_ids], calls.turns
    if "" not in ids:
        return ids
    ends = [*itertools.accumulate(calls.counts, initial=0)]
    for place in [place for place, given in enumerate(ids) if not given]:
        first = up_to_first_answer(turns.roles, ends[place], ends[place + 1])
        content: list[Sequence[str]] = [*zip(turns.roles[first], turns.stable_texts[first], strict=True)]
        if stable:
            numbers = range(first.start, first.stop)
            content = [(*turn, *stable.get(n, ())) for n, turn in zip(numbers, content, strict=True)]
        ids[place] = conversation_digest(calls.user_ids[place], calls.organization_ids[place], content)
    return ids


def _split_messages(
    sessions: SessionColumns, systems: Sequence[str | None], other: Mapping[int, OtherContent]
) -> SessionColumns:
    """The sessions, with system prompts, and tool results beside other content, as messages of their own."""
    ids, roles, texts = sessions.ids.tolist(), [*sessions.roles], [*sessions.texts]
    calls_tool, sizes = np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.int64)
    counts, ends = sessions.counts.copy(), np.cumsum(sessions.counts)
    added: list[tuple[int, str, Role, str, int]] = []
    for place, system in enumerate(systems):
        if system:
            begin = int(ends[place] - sessions.counts[place])
            added.append((begin, f"{sessions.conversation_ids[place]}/system", "system", system, 0))
            counts[place] += 1
    for turn, content in other.items():
        calls_tool[turn], sizes[turn] = content.calls_tool, content.size
        if content.result_size is None:
            continue
        if content.has_more:
            added.append((turn, f"{ids[turn]}/tool", "tool", "", content.result_size))
            counts[np.searchsorted(ends, turn, "right")] += 1
        else:
            ids[turn], roles[turn], sizes[turn] = f"{ids[turn]}/tool", "tool", content.result_size
    added.sort(key=lambda one: one[0])
    before = [turn for turn, *_ in added]
    return sessions._replace(
        counts=counts,
        ids=pa.array(_insert(ids, before, [name for _, name, *_ in added]), pa.string()),
        roles=_insert(roles, before, [role for _, _, role, *_ in added]),
        texts=_insert(texts, before, [text for *_, text, _ in added]),
        calls_tool=np.insert(calls_tool, before, False),
        other_sizes=np.insert(sizes, before, [size for *_, size in added]),
    )


def _insert[T](column: list[T], before: Sequence[int], added: Sequence[T]) -> list[T]:
    """The column with values inserted before these places of it; the places ascend."""
    found: list[T] = []
    at = 0
    for place, one in zip(before, added, strict=True):
        found += column[at:place]
        found.append(one)
        at = place
    return found + column[at:]


def _instant_text(value: Any) -> Any:
    return instant_text(value, "") if value.__class__ is not str or value.isdecimal() else value


def _instant(value: Any) -> dt.datetime | None:
    try:
        found: dt.datetime = msgspec.convert(instant_text(value, ""), Aware)
    except _NOT_AN_INSTANT:
        return None
    return found
