"""Words of one kind in a list are things, if one of them cannot be a person or a label names the kind."""

from __future__ import annotations

import pytest

from tests.support.deid_engines import engine_for
from transforms.deid.people.kinds import is_of_listed_kind
from transforms.deid.spans import Segment, SessionText


@pytest.mark.parametrize(
    ("text", "name", "thing"),
    [
        ("King, Queen", "King", True),
        ("King, Queen", "King, Queen", True),
        ("Colors: Rose, Violet", "Violet", True),
        ("Flowers: Rose, Lily", "Lily", True),
        ("in Summer and Winter", "Summer", True),
        ("Red, Green", "Green", True),
        ("Rose, Lily", "Rose", False),
        ("Grace and Faith called.", "Faith", False),
        ("Team: Rose, Lily", "Rose", False),
        ("Colors: Rose, Violet, Anna", "Anna", False),
        ("King, Queen Elizabeth", "King", False),
        ("Stephen King, Queen", "Stephen King", False),
        ("Summer, winters are cold", "Summer", False),
        ("King, Winter", "King", False),
    ],
)
def test_a_list_of_one_kind_needs_a_sign_that_it_is_of_things(text: str, name: str, thing: bool) -> None:
    """Two flowers can be two women. A missed name leaks, therefore such lists alone say nothing."""
    start = text.index(name)
    assert is_of_listed_kind(text, start, start + len(name)) is thing


@pytest.mark.parametrize(
    "text", ["King, Queen", "Summer, Winter", "Colors: Rose, Violet", "Flowers: Rose, Lily"]
)
def test_lists_of_things_are_left_alone(text: str) -> None:
    """The rule holds for the small model, for lists and for "Surname, First"."""
    assert _masked(text) == text


def test_people_with_such_names_are_masked() -> None:
    """Neither pair has a word that is no name."""
    assert "Rose" not in _masked("Rose and Lily called their mother yesterday.")
    assert "King" not in _masked("Register: King, Rose")


def _masked(text: str) -> str:
    return engine_for().mask_sessions([SessionText(bytes(16), [Segment(text, "user")])])[0].texts[0]
