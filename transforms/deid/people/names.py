"""People and addresses of a session: name lists, the small model, and a spaCy model for doubtful cases.

Lists decide alone. The small model reads the surroundings of possible names and of numbers. Where its score
is neither high nor low, the language's spaCy model reads a window of about ten words, and both have to agree.
In languages that the small model was not trained on, the spaCy model reads every window.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Sequence

from schemas.sections.name_models import TaggerConfig
from transforms.deid.evidence import FITTING, FORM, LIKELY
from transforms.deid.model.tagger import Entity, Tagger
from transforms.deid.people.lexicon import first_names, is_common_word, is_dictionary_word, last_names
from transforms.deid.people.listed_names import ListedNames, find_listed_names, windows_of
from transforms.deid.people.name_models import NameModel
from transforms.deid.people.name_phrases import joined_to
from transforms.deid.people.reading import PROSE, Mask, Reading
from transforms.deid.people.spacy_ner import credible_person
from transforms.deid.people.tagged import is_bare, is_inside, people_of
from transforms.deid.spans import Span

#: The language of the small model and of the word lists.
ENGLISH = "en"
_MIN_ADDRESS = 6
_NOT_LOWER_NAME = re.compile(r"[^a-zà-ÿ' -]")
_REST_OF_WORD = re.compile(r"(?:(?<=\d)[^\W\d_]{1,3}(?![^\W_]))")
_NEXT_NUMBER = re.compile(r"\s*\n[ \t]*#?\d{1,3}\Z")
_BEHIND_NUMBER = re.compile(r"[.):\t]\D")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_ADDRESS_GAP = re.compile(r"[\s,;.|/-]{1,4}\Z")
#: Listings with line numbers, measures, counts (Car 150, Truck 100; 157/157 PASS), and identifiers in camel case.
_UNIT = r"(?i:box|apt|unit|ste|suite|fl|floor|flat|no|psc|room|building|block|house|plot|route|rte|hwy|highway|lot)"
_NO_ADDRESS = re.compile(
    rf"^\d+\t|\n[ \t]*\d+\t|[×{{}}=%()]|\b(?!{_UNIT}\b)[A-Za-z]{{1,4}}\d?:? \d{{1,3}}(?:[./]\d{{1,3}})?,? (?!{_UNIT}\b)[A-Za-z]{{1,4}}\d?:? \d{{1,3}}(?:[./]\d{{1,3}})?(?!\d)|"
    rf"\b(?!{_UNIT}\b)[A-Za-z]{{1,16}}:? \d{{1,3}}, (?!{_UNIT}\b)[A-Za-z]{{1,16}} \d{{1,3}}\b(?! [A-Z])|\b\d+ (?!NE|NW|SE|SW)[A-Z]{{2,4}} [a-z]|"
    r"\d ?(?:mg|mcg|ml|kb|mb|gb|px|ms|IU)\b|\b(?!Mc|Mac|De|Di|La|Le|Van|O['’])(?:[A-Z]?[a-z]+[A-Z][a-z]|[A-Z]{2,}[a-z]{2})|\b(\d+)/\1\b"
)
_HOUSE_NUMBER = re.compile(
    r"(?<![A-Za-z.])\d+(?:[-/]\d+)?[A-Za-z]?(?![A-Za-z\d])|[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}"
)
_PLACE_WORD = re.compile(
    r"(?<![^\W_])[A-ZÀ-ÞŠŽČĆĐŁŚŻ][^\W\d_]{2,}|(?i:\b(?:st|str|street|ave|avenue|rd|road|ln|lane|dr|drive|blvd|way|ct|court|pl|place|apt|"
    r"suite|unit|floor|flat|box|route|hwy|highway|circle|terrace|square|close|crescent|park|rue|via(?= [A-ZÀ-Þ][^\n]*\d)|calle|platz|[^\W\d_]{3,}(?:stra(?:ß|ss)e|weg|gasse))\b)|"
    r"[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}\b|\b[A-Z]{2} \d{5}\b|\b\d{4} ?[A-Z]{2}\b|[^\x00-\u024f]{2}",
    re.S,
)


class NameFinder:
    """Finds people and addresses. `models` by language; `tagger` may be None. Not thread-safe."""

    def __init__(self, config: TaggerConfig, tagger: Tagger | None, models: dict[str, NameModel]) -> None:
        self._config = config
        self._tagger = tagger
        self._models = models

    def find(
        self, reading: Reading, languages: Sequence[str | None], explained: Mask | None = None
    ) -> tuple[list[list[Span]], list[list[Span]]]:
        """By segment the people of lists and phrases, and what only the models find; both unresolved.

        Sessions without a language have none. The small model skips tokens that are `explained` as something else.
        """
        listed: list[list[Span]] = [[] for _ in reading.segments]
        guessed: list[list[Span]] = [[] for _ in reading.segments]
        if not any(languages):
            return listed, guessed
        people = find_listed_names(reading)
        tagger = self._tagger if ENGLISH in languages else None
        tagged = None if tagger is None else tagger.entities(reading, _sure(reading, people), explained)
        for language, low, high in zip(languages, reading.bounds, reading.bounds[1:], strict=False):
            if language is not None:
                numbers = reading.numbers[low:high]
                known = self._session(reading, sorted(set(numbers)), language, people, tagged)
                listed[low:high] = [list(people.spans.get(number, ())) for number in numbers]
                guessed[low:high] = [list(known[number]) for number in numbers]
        return listed, guessed

    def _session(
        self,
        reading: Reading,
        numbers: Sequence[int],
        language: str,
        people: ListedNames,
        tagged: list[list[Entity]] | None,
    ) -> dict[int, list[Span]]:
        """By text of a session the people and addresses that the lists alone do not find."""
        found = {number: list(people.spans.get(number, ())) for number in numbers}
        model = self._models.get(language)
        doubts: dict[int, list[tuple[int, int]]] | None = None
        if tagged is not None and language == ENGLISH:
            doubts = self._tag(reading, tagged, found, alone=model is None)
        if model is not None:
            doubts = None if model.reads_all else doubts
            self._ask(model, reading, numbers if doubts is None else sorted(doubts), people, found, doubts)
        for number, spans in found.items():
            if spans and reading.kinds[number] in PROSE:
                spans += joined_to(reading.texts.each[number], spans)
        return {number: spans[len(people.spans.get(number, ())) :] for number, spans in found.items()}

    def _tag(
        self, reading: Reading, tagged: Sequence[Sequence[Entity]], found: dict[int, list[Span]], alone: bool
    ) -> dict[int, list[tuple[int, int]]]:
        """Adds the spans with a high score, and returns by text those with a doubtful one, [start, end)."""
        doubts: dict[int, list[tuple[int, int]]] = {}
        sure = self._config.person_alone if alone else self._config.person
        for number, spans in found.items():
            entities = tagged[number]
            if not entities:
                continue
            text = reading.texts.each[number]
            spans += _addresses(text, [e for e in entities if e.type == "ADDRESS"])
            for entity in people_of(text, entities):
                code = reading.is_code(number, entity.start)
                if entity.score >= (self._config.person_in_code if code else sure):
                    word = not code and entity.score >= self._least_for_word(text, entity)
                    span = person_span(text, entity.start, entity.end, entity.score, code, word)
                    if span is not None:
                        spans.append(span)
                elif (
                    not code
                    and entity.score >= self._config.person_agreed
                    # Words that cannot be a name need no second model, at any probability: IBAN, The.
                    and credible_person(
                        text, entity.start, entity.end, is_inside(text, entity.start, entity.end)
                    )
                    is not None
                ):
                    doubts.setdefault(number, []).append((entity.start, entity.end))
        return doubts

    def _least_for_word(self, text: str, entity: Entity) -> float:
        """The least score for a listed name that is also a word."""
        if not text[entity.start].isupper() or is_bare(text, entity.start, entity.end):
            return self._config.person_word_bare
        inside = is_inside(text, entity.start, entity.end)
        return self._config.person_word_inside if inside else self._config.person_word

    def _ask(
        self,
        model: NameModel,
        reading: Reading,
        numbers: Iterable[int],
        people: ListedNames,
        found: dict[int, list[Span]],
        doubts: dict[int, list[tuple[int, int]]] | None,
    ) -> None:
        """Adds what the model of the language finds: in all windows, or people in doubtful places."""
        each = reading.texts.each
        places = [
            (number, start, end)
            for number in numbers
            for start, end in windows_of(each[number], people.unsure.get(number, []))
            if doubts is None or _touches(doubts[number], start, end)
        ]
        answers = model.entities([each[number][start:end] for number, start, end in places])
        for (number, start, _), entities in zip(places, answers, strict=True):
            for low, high, kind in entities:
                if kind == "ADDRESS":
                    address = Entity(start + low, start + high, kind, FORM)
                    found[number] += _addresses(each[number], [address])
                    continue
                inside = doubts is not None and is_inside(each[number], start + low, start + high)
                span = credible_person(each[number], start + low, start + high, inside)
                if span is None:
                    continue
                if doubts is None:
                    found[number].append(span)
                elif _touches(doubts[number], span.start, span.end):
                    found[number].append(span._replace(score=max(span.score, LIKELY)))


def _sure(reading: Reading, people: ListedNames) -> Mask:
    """By token whether the lists identify it as part of a full name: the small model skips it."""
    return reading.within(
        [
            (number, span.start, span.end)
            for number, spans in people.spans.items()
            for span in spans
            if span.score >= FORM and " " in reading.texts.each[number][span.start : span.end]
        ]
    )


def _touches(doubts: list[tuple[int, int]], start: int, end: int) -> bool:
    """True if one of the sorted, disjoint doubts overlaps [start, end)."""
    place = bisect.bisect_left(doubts, end, key=lambda doubt: doubt[0])
    return place > 0 and doubts[place - 1][1] > start


def person_span(text: str, start: int, end: int, score: float, code: bool, word: bool) -> Span | None:
    """The span of a person that the small model found, trimmed; None if it cannot be a name.

    In lower case and in code, one of its words has to be on a list of names. `word`: a listed name counts even
    if it is also a common word.
    """
    name = text[start:end]
    words = [one for one in re.split(r"[\s.'’-]+", name.lower()) if one]
    listed = [one for one in words if one in first_names() or one in last_names()]
    if name.islower():
        rare = [one for one in listed if not is_common_word(one)]
        alone = not (text[start - 1 : start] if start else "").strip() and text[end : end + 1] not in tuple(
            "(=_/\\@"
        )
        named = rare or (word and len(listed) == len(words) and words[0] in first_names())
        known = named and alone and not _NOT_LOWER_NAME.search(name)
        return Span(start, end, "PERSON", min(score, FITTING)) if known and not code else None
    span = credible_person(text, start, end, word)
    if span is None or (code and not listed):
        return None
    return span._replace(score=max(span.score, FORM if listed else LIKELY))


def _reads_like_address(text: str) -> bool:
    """True if a number stands apart from words, and a word has the form of a street, a town or a postcode.

    Numbered listings, measured values (Na 140, BP 132/84) and sizes do not.
    """
    if _NO_ADDRESS.search(text) or not _HOUSE_NUMBER.search(text):
        return False
    if _PLACE_WORD.search(text):
        return True
    words = _LETTERS.findall(text)
    return sum(len(word) > 3 for word in words) > 1 and not all(map(is_dictionary_word, words))


def _addresses(text: str, entities: Sequence[Entity]) -> list[Span]:
    """Addresses, with parts joined over commas and line ends; one without a number is dropped."""
    joined: list[tuple[int, int, float]] = []
    for entity in entities:
        start, end = entity.start, entity.end
        # A token is letters or digits: of "ls6 2ab" it may be in doubt of the last two.
        rest = _REST_OF_WORD.match(text, end)
        end = rest.end() if rest else end
        if joined and _ADDRESS_GAP.match(text, joined[-1][1], start):
            joined[-1] = (joined[-1][0], end, max(joined[-1][2], entity.score))
        else:
            joined.append((start, end, entity.score))
    found = []
    for start, end, score in joined:
        # The next number of a list after a line that reads like a street.
        number = _NEXT_NUMBER.search(text, start, end)
        if number is not None and _BEHIND_NUMBER.match(text, end):
            end = number.start()
        # A span that begins inside a word: libcups2, libgbm1.
        if text[start].isdigit() and text[max(0, start - 3) : start].isalpha() and start > 2:
            continue
        if end - start >= _MIN_ADDRESS and _reads_like_address(text[start:end]):
            found.append(Span(start, end, "ADDRESS", score))
    return found
