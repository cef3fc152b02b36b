"""The spaCy model, run only on windows of prose: its `ner` component alone, which has its own tok2vec.

The windows of a session are one sorted batch, so that its result never depends on other sessions: the last
bit of a float32 product may differ with the composition of a batch.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from schemas.errors import DeidError
from schemas.sections.name_models import ModelConfig
from transforms.deid.evidence import CHECKED, FITTING, POSSIBLE, UNSURE
from transforms.deid.people.lexicon import (
    PARTICLES,
    TITLES,
    first_names,
    is_common_word,
    is_dictionary_word,
    is_listed,
    last_names,
    shaped_like_name,
)
from transforms.deid.people.name_models import LONE_SURROGATES, Found, model_digest, model_path
from transforms.deid.people.places import names_a_place, names_a_thing
from transforms.deid.process_settings import use_numpy_products
from transforms.deid.spans import Span

#: Other components, and the strings of all words of the vectors: vectors are found by digest.
_EXCLUDED = ["tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer", "strings"]
#: A batch has at most so many windows, and characters unless one window is longer; both bound its memory.
_BATCH = 64
_BATCH_CHARACTERS = 32_768
#: OntoNotes and CoNLL name them differently, and spaCy's models with them.
_PERSON_LABELS = frozenset({"PERSON", "PER"})
_NOT_A_NAME = re.compile(r"[\d_{}()\[\]<>=/\\|`@#$%^*+~:;\"\n]|--")
_TITLE = re.compile(rf"(?i)(?:the|an?|hi|hello|hey|dear|thanks?|{'|'.join(sorted(TITLES))})\b\.?\s+")
#: Contractions such as "I’m" are not names, in any case.
_CONTRACTED = re.compile(
    r"(?i)\b(?:i|you|we|they|he|she|it|that|there|what|who|let|don|isn|aren|can|won)['’](?:m|ve|d|ll|re|s|t)\b"
)
#: Endings of English words that begin a sentence, and of words of programs.
_NO_NAME = re.compile(
    r"(?i)(?:ally|edly|ably|ingly|ously|ively|[^aeiou]ing|tion|tions|ment|ments|ness|able|ible|ize[ds]?|ise[ds]|izer|ism|ology|ware|abilit(?:y|ies)|[aeiou]rities|arities|"
    r"name|names|base|data|file|files|list|view|index|code|node|type|path|script|bot|hub|lab|labs|soft|sync|proxy|api|less|ful)\Z"
)
_NEVER_BEFORE = frozenset("`_/\\@#$.+")
_NEVER_BEHIND = frozenset("`_/\\(=[+")
_MOST_WORDS = 5
_SHORTEST_ALONE = 3
_TAIL = re.compile(r"(?:['’]s|[\s,.\-–—!?'’]+)\Z")


class SpacyModel:
    """A spaCy model, loaded when it is first used: importing spaCy and loading take more than a second.

    Raises DeidError if its files are not the ones pinned in the config.
    """

    def __init__(self, config: ModelConfig) -> None:
        self._name = config.name
        self._path = model_path(config)
        self.reads_all = config.windows == "all"
        model_digest(config)

    def load(self) -> None:
        """Loads the model, if it is not loaded; raises DeidError if that is not possible."""
        self._nlp  # noqa: B018 - computed once

    @functools.cached_property
    def _nlp(self) -> Any:
        import spacy

        operations = use_numpy_products()
        try:
            nlp: Any = spacy.load(self._path, exclude=_EXCLUDED)
        except (OSError, ValueError, KeyError):
            raise DeidError(f"model {self._name}: cannot be loaded as a spaCy model") from None
        for _, pipe in nlp.pipeline:
            for node in pipe.model.walk():
                node.ops = operations
        return nlp

    def entities(self, windows: Sequence[str]) -> list[list[Found]]:
        """By window its persons."""
        unique = sorted(set(windows), key=lambda window: (len(window), window))
        found: dict[str, list[Found]] = {}
        for batch in _batches(unique):
            read = [LONE_SURROGATES.sub("\ufffd", window) for window in batch]
            with self._nlp.memory_zone():
                for window, doc in zip(batch, self._nlp.pipe(read, batch_size=_BATCH), strict=True):
                    found[window] = [
                        Found(e.start_char, e.end_char, "PERSON")
                        for e in doc.ents
                        if e.label_ in _PERSON_LABELS
                    ]
        return [found[window] for window in windows]


def _batches(windows: Sequence[str]) -> Iterator[Sequence[str]]:
    """The windows in order, in batches of bounded memory."""
    begin = size = 0
    for n, window in enumerate(windows):
        if n > begin and (n - begin == _BATCH or size + len(window) > _BATCH_CHARACTERS):
            yield windows[begin:n]
            begin, size = n, 0
        size += len(window)
    if begin < len(windows):
        yield windows[begin:]


def credible_person(text: str, start: int, end: int, sure: bool = False) -> Span | None:
    """The span of a person that the model found, trimmed; None if it cannot be a name in this text.

    Common words are no name, unless the model is `sure` and they are listed names.
    """
    start, end = _trimmed(text, start, end)
    name = text[start:end]
    if not _has_form_of_name(name) or _touches_code(text, start, end):
        return None
    if names_a_place(text, start, end) or names_a_thing(text, start, end):
        return None
    words = [word.lower().strip(".,'’") for word in name.split()]
    if _are_common(words, sure):
        return None
    listed = any(word in first_names() or word in last_names() for word in words)
    if not listed and _are_words_of_language(words):
        return None
    if len(words) > 1:
        score = CHECKED if listed else POSSIBLE
        return Span(start, end, "PERSON", score) if _cased_like_a_name(name.split()) else None
    if len(name) < _SHORTEST_ALONE or (name.isupper() and not listed):
        return None
    return Span(start, end, "PERSON", FITTING if listed else UNSURE)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """[start, end) without signs at its ends, a title before it, and a possessive or an acronym behind it."""
    while start < end and not text[start].isalpha():
        start += 1
    title = _TITLE.match(text, start, end)
    if title:
        start = title.end()
    end = start + len(_TAIL.sub("", text[start:end]))
    return start, _without_acronym(text, start, end)


def _without_acronym(text: str, start: int, end: int) -> int:
    """The end of a name without an acronym after it: the CLI of "Acme CLI"."""
    cut = text.rfind(" ", start, end)
    last = text[cut + 1 : end]
    if cut < 0 or not last.isupper() or not 2 <= len(last) <= 5 or is_listed(last):
        return end
    return end if text[start:cut].isupper() else cut


def _has_form_of_name(name: str) -> bool:
    """True for up to five words without digits and signs of code, no contraction among them, the first with a
    capital.
    """
    words = name.split()
    if not name[:1].isupper() or len(words) > _MOST_WORDS:
        return False
    return not (_NOT_A_NAME.search(name) or _CONTRACTED.search(name)) and all(map(shaped_like_name, words))


def _touches_code(text: str, start: int, end: int) -> bool:
    """True if a sign of code or of a path directly precedes or follows."""
    return text[max(0, start - 1) : start] in _NEVER_BEFORE or text[end : end + 1] in _NEVER_BEHIND


def _are_common(words: Sequence[str], sure: bool) -> bool:
    """True for common words that neither form a listed full name nor are, if the model is `sure`, listed."""
    if not all(map(is_common_word, words)):
        return False
    spelt = len(words) > 1 and words[0] in first_names() and words[-1] in last_names()
    return not spelt and not (sure and all(map(is_listed, words)))


def _are_words_of_language(words: Sequence[str]) -> bool:
    """True if all are in the dictionary, or one has an ending that names do not have.

    The first of several words may have one.
    """
    return all(map(is_dictionary_word, words)) or any(map(_NO_NAME.search, words[1:] or words))


def _cased_like_a_name(words: Sequence[str]) -> bool:
    """False for a mixture of cases that is no name: Placeholder meshes, UFUNCTION Specifiers.

    Particles are lower case, and a family name may be in capitals.
    """
    lower = [
        word for word in words[1:] if word.islower() and len(word) > 1 and word not in {*PARTICLES, "and"}
    ]
    capitals = [word for word in words if word.isupper() and len(word) > 2 and not word.endswith(".")]
    unlisted = [word for word in capitals if not is_listed(word)]
    if len(capitals) == len(words):
        return len(unlisted) < len(words)
    return not (lower or unlisted) or is_listed(words[0])
