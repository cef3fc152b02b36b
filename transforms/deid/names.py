"""People and addresses of a session: name lists, the small model, and a spaCy model for what is in doubt.

Lists are sure by themselves. The small model reads whole lines; where it is neither sure nor sure of the
contrary, the spaCy model of the language is asked for a window of about ten words, and both have to agree.
In a language that the small model was not trained on, the spaCy model is asked for every window.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from typing import NamedTuple

from schemas.deid import TaggerConfig
from transforms.deid.lexicon import first_names, is_common_word, last_names
from transforms.deid.mentions import joined_to
from transforms.deid.ner import NameModel, credible
from transforms.deid.people import People, find_people
from transforms.deid.spans import Segment, Span
from transforms.deid.tagger import Entity, Tagger

_PROSE = frozenset({"system", "user", "assistant", "thinking"})
#: The language of the small model and of the word lists.
ENGLISH = "en"
_MIN_ADDRESS = 6
_NOT_LOWER_NAME = re.compile(r"[^a-zà-ÿ' -]")
_ADDRESS_GAP = re.compile(r"[\s,;.|/-]{1,4}\Z")
_AGREED_SCORE = 0.7


class _Doubt(NamedTuple):
    """A stretch of a segment that the small model may be right to take for a person."""

    segment: int
    start: int
    end: int


class NameFinder:
    """Finds people and addresses. `models` by language; `tagger` may be None. One instance a thread."""

    def __init__(self, config: TaggerConfig, tagger: Tagger | None, models: dict[str, NameModel]) -> None:
        self._config = config
        self._tagger = tagger
        self._models = models

    def find(self, segments: Sequence[Segment], language: str) -> list[list[Span]]:
        """Per segment its people and addresses, unresolved."""
        people = [find_people(s.text, s.kind in _PROSE, s.kind == "user") for s in segments]
        found = [list(one.spans) for one in people]
        model = self._models.get(language)
        doubts: list[_Doubt] | None = None
        if self._tagger is not None and language == ENGLISH:
            doubts = self._tag(segments, people, found, alone=model is None)
        if model is not None:
            self._ask(model, segments, people, found, doubts)
        for segment, spans in zip(segments, found, strict=True):
            if segment.kind in _PROSE:
                spans += joined_to(segment.text, spans)
        return found

    def _tag(
        self, segments: Sequence[Segment], people: Sequence[People], found: list[list[Span]], alone: bool
    ) -> list[_Doubt]:
        """Adds what the small model is sure of, and gives what it is in doubt of."""
        places = [(n, *piece) for n, one in enumerate(people) for piece in one.pieces]
        doubts: list[_Doubt] = []
        if self._tagger is None or not places:
            return doubts
        sure = self._config.person_alone if alone else self._config.person
        answers = self._tagger.entities([segments[n].text[start:end] for n, start, end, _ in places])
        for (n, offset, _, code), entities in zip(places, answers, strict=True):
            text = segments[n].text
            found[n] += _addresses(text, offset, [e for e in entities if e.type == "ADDRESS"])
            for entity in entities:
                if entity.type != "PERSON":
                    continue
                start, end = offset + entity.start, offset + entity.end
                if entity.score >= (self._config.person_in_code if code else sure):
                    span = person_span(text, start, end, entity.score, code)
                    if span is not None:
                        found[n].append(span)
                elif not code and entity.score >= self._config.person_agreed:
                    doubts.append(_Doubt(n, start, end))
        return doubts

    def _ask(
        self,
        model: NameModel,
        segments: Sequence[Segment],
        people: Sequence[People],
        found: list[list[Span]],
        doubts: Sequence[_Doubt] | None,
    ) -> None:
        """Adds the people that the spaCy model sees: in all windows, or only where there is doubt."""
        by_segment: dict[int, list[_Doubt]] = {}
        for doubt in doubts or ():
            by_segment.setdefault(doubt.segment, []).append(doubt)
        places = [
            (n, start, end)
            for n, one in enumerate(people)
            for start, end in one.windows
            if doubts is None or _touches(by_segment.get(n, []), start, end)
        ]
        answers = model.people([segments[n].text[start:end] for n, start, end in places])
        for (n, start, _), entities in zip(places, answers, strict=True):
            for low, high in entities:
                span = credible(segments[n].text, start + low, start + high)
                if span is None:
                    continue
                if doubts is None:
                    found[n].append(span)
                elif _touches(by_segment[n], span.start, span.end):
                    found[n].append(span._replace(score=max(span.score, _AGREED_SCORE)))


def _touches(doubts: list[_Doubt], start: int, end: int) -> bool:
    """True if one of the (sorted, disjoint) doubts lies in part in [start, end)."""
    place = bisect.bisect_left(doubts, end, key=lambda doubt: doubt.start)
    return place > 0 and doubts[place - 1].end > start


def person_span(text: str, start: int, end: int, score: float, code: bool) -> Span | None:
    """The person that the small model is sure of, trimmed; None for what is no name in such text.

    In lower case, and in code, a part of it has to be on a list of names.
    """
    name = text[start:end]
    listed = [
        word for word in re.split(r"[\s.'’-]+", name.lower()) if word in first_names() or word in last_names()
    ]
    if name.islower():
        rare = [word for word in listed if not is_common_word(word)]
        alone = not (text[start - 1 : start] if start else "").strip() and text[end : end + 1] not in tuple(
            "(=_/\\@"
        )
        known = rare and alone and not _NOT_LOWER_NAME.search(name)
        return Span(start, end, "PERSON", min(score, 0.75)) if known and not code else None
    span = credible(text, start, end)
    if span is None or (code and not listed):
        return None
    return span._replace(score=max(span.score, 0.85 if listed else 0.7))


def _addresses(text: str, offset: int, entities: Sequence[Entity]) -> list[Span]:
    """Addresses whose parts are joined over commas and line ends; what has no number is none."""
    joined: list[tuple[int, int, float]] = []
    for entity in entities:
        start, end = offset + entity.start, offset + entity.end
        if joined and _ADDRESS_GAP.match(text, joined[-1][1], start):
            joined[-1] = (joined[-1][0], end, max(joined[-1][2], entity.score))
        else:
            joined.append((start, end, entity.score))
    return [
        Span(start, end, "ADDRESS", score)
        for start, end, score in joined
        if end - start >= _MIN_ADDRESS
        and re.search(r"\d", text[start:end])
        and re.search(r"[^\W\d_]{2}", text[start:end])
    ]
