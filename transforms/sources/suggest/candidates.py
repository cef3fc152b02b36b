"""Chooses, from the profile of some records, the path of each field of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from typing import NamedTuple

from schemas.mapped.paths import EACH, Steps
from transforms.sources.suggest import words
from transforms.sources.suggest.profile import Place, Profile

#: More different values than any field of roles, tiers or surfaces has.
_FEW = 12


class Chosen(NamedTuple):
    """The best path for a field, and the next best if it is nearly as good."""

    steps: Steps
    place: Place
    other: Steps | None = None


class Turns(NamedTuple):
    """How records hold messages: the role and content below `each`, or pairs of prompt and answer."""

    each: Steps
    role: Chosen | None
    content: Chosen
    answer: Chosen | None = None


_Score = Callable[[Steps, Place], float]


def best(profile: Profile, score: _Score, taken: Set[Steps] = frozenset()) -> Chosen | None:
    """The path with the highest score above zero; of equal ones the shortest, then the first by name."""
    scored = sorted(
        ((-score(steps, place), len(steps), _text(steps), steps) for steps, place in profile.items()
         if steps not in taken and place.present),
    )  # fmt: skip
    good = [entry for entry in scored if entry[0] < 0]
    if not good:
        return None
    other = good[1][3] if len(good) > 1 and good[1][0] <= good[0][0] + 0.5 else None
    return Chosen(good[0][3], profile[good[0][3]], other)


def _text(steps: Steps) -> str:
    return ".".join(map(str, steps))


def within(profile: Profile, each: Steps) -> Profile:
    """The places of a profile in an element of the list `each` (empty: of the record), not in inner lists."""
    return {
        steps: place
        for steps, place in profile.items()
        if steps[: len(each)] == each and EACH not in steps[len(each) :]
    }


def names(steps: Steps, levels: int = 2) -> set[str]:
    """The words in the last names of a path."""
    last = [step for step in steps if isinstance(step, str)][-levels:]
    return {word for name in last for word in words.tokens(name)}


def is_id(steps: Steps) -> bool:
    """True for a path whose last name is one of an id."""
    own = names(steps, 1)
    return bool(own & words.ID) or any(_has_end_of_id(word) for word in own)


def _has_end_of_id(word: str) -> bool:
    """True for compounds such as kundennummer and userid, not for said."""
    end = next((end for end in ("nummer", "uuid", "id") if word.endswith(end)), "")
    return bool(end) and word.removesuffix(end) in words.USER | words.CONVERSATION | words.ORGANIZATION


def _named(own: Set[str], known: Set[str]) -> bool:
    """True if one of the words is known, also as the first part of a compound."""
    return bool(own & known) or any(_has_end_of_id(word) and word.startswith(tuple(known)) for word in own)


def id_score(known: Set[str], unknown: Set[str] = frozenset()) -> _Score:
    """Scores ids by words in their names. `unknown`: words of ids of other things."""

    def score(steps: Steps, place: Place) -> float:
        if EACH in steps or not place.is_of("text", "number") or place.time is not None:
            return 0
        own, above = names(steps, 1), names(steps)
        if own & unknown or not (is_id(steps) or own & known) or not _named(above, known):
            return 0
        return 2.0 + 1.5 * is_id(steps) + 0.5 * bool(own & known)

    return score


def label_score(names_known: Set[str], values_known: Set[str]) -> _Score:
    """Scores fields of few values by their names and by known words among the values."""

    def score(steps: Steps, place: Place) -> float:
        if EACH in steps or not place.is_of("text") or len(place.distinct) > _FEW or place.time:
            return 0
        hits = sum(count for text, count in place.distinct.items() if text.lower() in values_known)
        named = bool(names(steps, 1) & names_known)
        share = hits / place.present
        return 2.0 * named + 2.0 * share if named or share >= 0.9 else 0

    return score


def time_score(steps: Steps, place: Place) -> float:
    """Scores times; names of creation come before others."""
    if place.time is None or names(steps, 1) & words.DELETED or is_id(steps):
        return 0
    own = names(steps, 1)
    if own & {"updated", "modified", "ended", "end", "finished", "aktualisiert"}:
        return 0
    is_text = place.is_of("text") or place.is_of("time")
    is_first = bool(own & {"created", "start", "started", "begonnen", "erstellt"})
    return 0.25 + bool(own & words.CREATED) + 0.5 * is_text + 0.25 * is_first


def turns_of(profile: Profile) -> Turns | None:
    """How the records hold messages; None if that is not clear."""
    lists = [
        steps
        for steps, place in profile.items()
        if steps[-1] is EACH and place.is_of("object", "list", "text")
    ]
    found = [turns for each in lists if (turns := _in_list(profile, each)) is not None]
    if found:
        return max(found, key=lambda turns: _rank(turns))
    return _of_record(profile) or _without_roles(profile, lists)


def _rank(turns: Turns) -> tuple[float, float, int]:
    known = 0.0 if turns.role is None else known_roles(turns.role.place)
    name = turns.each[-2] if len(turns.each) > 1 else ""
    named = isinstance(name, str) and bool(set(words.tokens(name)) & words.MESSAGES)
    return (
        2.0 * (known >= 0.5) + named + (turns.answer is not None),
        turns.content.place.length,
        -len(turns.each),
    )


def _without_roles(profile: Profile, lists: Sequence[Steps]) -> Turns | None:
    """The list whose elements have a text with the name of contents, and a time."""
    for each in sorted(lists, key=len):
        inner = within(profile, each)
        below = {steps[len(each) :]: place for steps, place in inner.items()}
        content = best(below, _content_score)
        is_named = content is not None and names(content.steps, 1) & words.CONTENT
        if content is not None and is_named and best(inner, time_score) is not None:
            return Turns(each, None, Chosen((*each, *content.steps), content.place))
    return None


def _in_list(profile: Profile, each: Steps) -> Turns | None:
    if profile[each].is_of("object"):
        return messages_in(within(profile, each), each)
    name = next((step for step in reversed(each) if isinstance(step, str)), "")
    if (
        profile[each].is_of("text")
        and profile[each].is_json is False
        and set(words.tokens(name)) & words.MESSAGES
    ):
        return Turns(each, None, Chosen(each, profile[each]))
    return None


def _of_record(profile: Profile) -> Turns | None:
    return messages_in(within(profile, ()), ())


def messages_in(inner: Profile, each: Steps) -> Turns | None:
    """The role and content, or prompt and answer, among the places in an element of the list `each`."""
    role = best(inner, lambda steps, place: _role_score(steps[len(each) :], place))
    taken = {role.steps} if role else set()
    content = best(inner, lambda steps, place: _content_score(steps[len(each) :], place), taken)
    if role is not None and content is not None:
        return Turns(each, role, content)
    prompt = best(inner, lambda steps, place: _pair_score(steps[len(each) :], place, words.PROMPT))
    taken = {prompt.steps} if prompt else set()
    answer = best(inner, lambda steps, place: _pair_score(steps[len(each) :], place, words.ANSWER), taken)
    return Turns(each, None, prompt, answer) if prompt and answer else None


def _role_score(steps: Steps, place: Place) -> float:
    if not steps or not place.is_of("text", "boolean") or len(place.distinct) > _FEW or place.time:
        return 0
    own = names(steps, 1)
    if place.is_of("boolean"):
        of_user = own & (words.USER | {"human", "bot", "ai", "assistant"})
        return 1.0 if "is" in own and of_user else 0
    known, named = known_roles(place), bool(own & words.ROLE)
    if known < 0.5 and (not named or own & {"type", "kind", "is"}):
        return 0
    return 3.0 * known + named


def known_roles(place: Place) -> float:
    """The share of the values that are known words for roles."""
    hits = sum(count for text, count in place.distinct.items() if text.lower() in words.ROLES)
    return hits / max(1, place.present)


def _content_score(steps: Steps, place: Place) -> float:
    if not steps or not place.is_of("text", "list", "object") or place.time or is_id(steps):
        return 0
    own, above = names(steps, 1) & words.CONTENT, names(steps) & words.CONTENT
    if not place.is_of("text"):
        return 1.5 if own and place.is_of("text", "list") else 0
    average = place.length / place.present
    longer = min(1.0, average / 60)
    varied = len(place.distinct) / min(place.present, 300)
    is_text = bool(own) or (average >= 15 and varied > (0.2 if above else 0.5))
    named = bool(own) + bool(own or above) - 0.75 * ("html" in names(steps, 1))
    return named + longer + varied if is_text else 0


def answer_score(steps: Steps, place: Place) -> float:
    """Scores texts of some length by the names of answers."""
    return _pair_score(steps, place, words.ANSWER) if place.length >= 15 * place.present else 0


def _pair_score(steps: Steps, place: Place, known: Set[str]) -> float:
    if not steps or not place.is_of("text") or place.time or is_id(steps):
        return 0
    own = names(steps, 1)
    return 2.0 * bool(own & known) + min(1.0, place.length / place.present / 60) if own & known else 0


def unused(profile: Profile, used: Set[Steps]) -> Iterator[tuple[Steps, Place]]:
    """The places of values that no used path reads."""
    for steps, place in profile.items():
        holds = place.is_of("object", "list")
        if not holds and place.present and not any(steps[: len(each)] == each for each in used):
            yield steps, place
