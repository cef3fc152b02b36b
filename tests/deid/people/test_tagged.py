"""What the small model tags is corrected by its capitals before it is judged."""

from __future__ import annotations

import pytest

from transforms.deid.model.tagger import Entity
from transforms.deid.people.tagged import is_bare, is_inside, people_of


def entity(text: str, part: str, score: float = 0.6) -> Entity:
    start = text.index(part)
    return Entity(start, start + len(part), "PERSON", score)


def people(text: str, *parts: str) -> list[str]:
    return [text[one.start : one.end] for one in people_of(text, [entity(text, part) for part in parts])]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("the letter is for Rose today", True),
        ("I never met you, dear Rose", True),
        ("he said (to Rose) that", True),
        ("Rose is late", False),
        ("First line.\nRose is late", False),
        ("It rained. Rose is late", False),
        ("press the Rose Button", False),
        ("it is Rose's Garden", False),
        ("The Rose is red", False),
        ("order no. 4 Rose", False),
    ],
)
def test_a_capital_inside_a_sentence_is_that_of_a_name(text: str, inside: bool) -> None:
    """English begins words with a capital at the beginning of a sentence and in headings, too."""
    start = text.index("Rose")
    assert is_inside(text, start, start + 4) == inside


def test_a_given_and_a_family_name_side_by_side_are_one_person() -> None:
    """Each word alone is also an ordinary one, which a low score does not make a name."""
    text = "a package for Hope Mills at the desk"
    (one,) = people_of(text, [entity(text, "Hope", 0.6), entity(text, "Mills", 0.9)])
    assert (text[one.start : one.end], one.score) == ("Hope Mills", 0.9)
    assert people("Hope, Mills and others", "Hope", "Mills") == ["Hope", "Mills"]
    assert people("Mills Hope and others", "Mills", "Hope") == ["Mills", "Hope"]
    assert people("Hope Jenkin and others", "Hope", "Jenkin") == ["Hope", "Jenkin"]


@pytest.mark.parametrize(
    ("text", "tagged", "name"),
    [
        ("my kids adore Rose", "adore Rose", "Rose"),
        ("my kids really adore Rose", "really adore Rose", "Rose"),
        ("a song of justin Bieber", "justin Bieber", "justin Bieber"),
        ("we met anna today", "anna today", "anna today"),
    ],
)
def test_words_in_lower_case_before_a_capital_are_no_part_of_a_name(
    text: str, tagged: str, name: str
) -> None:
    """A span that begins in lower case was dropped as a whole. Listed names stay in any case."""
    assert people(text, tagged) == [name]


def test_other_types_are_no_people() -> None:
    """Addresses have rules of their own."""
    assert people_of("12 Elm Street", [Entity(0, 13, "ADDRESS", 0.9)]) == []


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Rose", True),
        ("- Rose", True),
        ("Colours\n3. Rose\n", True),
        ("## Rose", True),
        ("**Rose** is a colour", True),
        ("- Rose: see below", True),
        ("Rose is late", False),
        ("- ask Rose", False),
        ("Hi Rose", False),
    ],
)
def test_a_word_without_a_sentence_is_bare(text: str, bare: bool) -> None:
    """Items of lists are mostly things: the model sees no word that could contradict it."""
    start = text.index("Rose")
    assert is_bare(text, start, start + 4) == bare
