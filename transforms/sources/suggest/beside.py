"""Messages outside the list of messages: an answer beside the request, an opening beside the replies."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import NamedTuple

from schemas.mapped.paths import EACH, Steps
from transforms.sources.suggest import words
from transforms.sources.suggest.candidates import (
    Chosen,
    Turns,
    answer_score,
    best,
    known_roles,
    messages_in,
    names,
    time_score,
    within,
)
from transforms.sources.suggest.profile import Profile


class Single(NamedTuple):
    """A message outside the list. `role` None: an answer. `is_first`: before the messages of the list."""

    role: Chosen | None
    content: Chosen
    sent_at: Chosen | None
    is_first: bool


def singles(profile: Profile, turns: Turns, taken: Set[Steps]) -> Iterator[Single]:
    """The messages outside the list `turns.each`, at most one for each field of the record."""
    if not turns.each or turns.answer is not None:
        return
    for top in sorted({steps[:1] for steps in profile}, key=str):
        found = _single(profile, turns, top, taken)
        if found is not None:
            yield found


def _single(profile: Profile, turns: Turns, top: Steps, taken: Set[Steps]) -> Single | None:
    """The message below a field of the record; of a list of alternatives, the first."""
    is_first = bool(names(top) & words.OPENING)
    if profile[top].is_of("text") and not profile[top].is_json:
        answer = best({top: profile[top]}, answer_score, taken)
        return None if answer is None else Single(None, answer, None, is_first)
    for each in _places(profile, top, turns.each):
        inner = {steps: place for steps, place in within(profile, each).items() if steps[:1] == top}
        found = messages_in(inner, each)
        if found is None or found.role is None or known_roles(found.role.place) < 0.5:
            continue
        if not _are_together(found.role.steps, found.content.steps):
            continue
        times = {steps: place for steps, place in within(profile, ()).items() if steps[:1] == top}
        return Single(_first(found.role), _first(found.content), best(times, time_score, taken), is_first)
    return None


def _places(profile: Profile, top: Steps, messages: Steps) -> Iterator[Steps]:
    """The record, then the lists of alternatives below a field, without the list of messages."""
    yield ()
    for steps in profile:
        other = steps[: len(messages)] != messages and messages[: len(steps)] != steps
        if steps[:1] == top and steps[-1] is EACH and other and names(steps) & words.ALTERNATIVES:
            yield steps


def _are_together(role: Steps, content: Steps) -> bool:
    """True if one of the two is in an object that also has the other, below a field of the record."""
    shorter, longer = sorted((role[:-1], content[:-1]), key=len)
    return bool(shorter) and longer[: len(shorter)] == shorter


def _first(found: Chosen) -> Chosen:
    """The path with the first element of each list."""
    return Chosen(tuple(0 if step is EACH else step for step in found.steps), found.place)
