"""Listed names that are also words are masked where the small model is sure, and left alone elsewhere."""

from __future__ import annotations

import pytest

from schemas.deid import DeidConfig
from tests.support.deid_engines import CONFIG, engine_for
from transforms.deid.engine import DeidEngine
from transforms.deid.people.names import person_span
from transforms.deid.spans import Segment, SessionText

WITHOUT = CONFIG.model_copy(update={"tagger": CONFIG.tagger.model_copy(update={"person_word": 1.0})})


def masked(engine: DeidEngine, text: str) -> str:
    return engine.mask_sessions([SessionText(bytes(16), [Segment(text, "user")])])[0].texts[0]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Is Sandy coming tonight?", "Sandy"),
        ("Did Summer finish the report that you asked for?", "Summer"),
        ("Yesterday Dawn forgot to lock the office again.", "Dawn"),
    ],
)
def test_a_name_that_is_a_word_is_masked_if_the_model_is_sure(text: str, name: str) -> None:
    """Frequency is not commonness: a sure model overrules the list of words, the threshold alone decides."""
    assert masked(engine_for(), text) == text.replace(name, "<PERSON_1>")
    assert masked(engine_for(WITHOUT), text) == text


INSIDE = CONFIG.model_copy(update={"tagger": CONFIG.tagger.model_copy(update={"person_word_inside": 1.0})})
BARE = CONFIG.model_copy(update={"tagger": CONFIG.tagger.model_copy(update={"person_word_bare": 1.0})})


@pytest.mark.parametrize(
    ("text", "name", "config"),
    [
        ("do you think Sandy likes me?", "Sandy", INSIDE),
        ("we gave the spare room to Hazel", "Hazel", INSIDE),
        ("i had lunch with grace yesterday", "grace", BARE),
        ("is jack at the gym", "jack", BARE),
    ],
)
def test_each_place_of_a_word_has_its_threshold(text: str, name: str, config: DeidConfig) -> None:
    """A capital inside a sentence is a sign of a name, lower case is none."""
    assert masked(engine_for(), text) == text.replace(name, "<PERSON_1>")
    assert masked(engine_for(config), text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Please Mark Complete, then open Grant Access.",
        "The Rose Settings and the Summer Release are new. May 5, then June 3.",
        "we have no hope left and no will to live",
        "My art class is over. the rose is red, i mark it and bill you",
        "Grace under pressure is what this job needs.",
        "The rose bushes need water, and Rose gold is a colour.",
        "Dawn breaks at five. Will it rain? Mark the date. Hope so!",
        "Skip page 4, chase the invoice, bill the client, may it arrive.",
    ],
)
def test_the_word_itself_is_left_alone(text: str) -> None:
    """These words begin a tenth of all sentences; masking them destroys the text."""
    assert masked(engine_for(), text) == text


@pytest.mark.parametrize(
    ("name", "word", "found"),
    [("Grace", True, True), ("Grace", False, False), ("Because", True, False), ("Xylanda", False, True)],
)
def test_only_listed_names_are_exempt_from_the_list_of_words(name: str, word: bool, found: bool) -> None:
    """A word that is no name stays a word at any score, and an unlisted one needs no exemption."""
    text = f"I saw {name} there"
    span = person_span(text, 6, 6 + len(name), 0.95, False, word)
    assert (span is not None) == found
