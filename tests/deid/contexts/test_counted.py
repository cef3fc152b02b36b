"""Numbers that count something are told from account numbers by the words around them."""

from __future__ import annotations

import re

import pytest

from transforms.deid.contexts.counted import is_counted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see lines 204115 there", True),
        ("order number 300912345 arrived", True),
        ("factorial 12 is 479001600", True),
        ("max_size 300912345", True),
        ("it took 300912345 ns", True),
        ("catalogue: 300912345", True),
        ("lines 20411-20475", True),
        ("2147483647 or less", True),
        ("my order is for account 300912345", False),
        ("bank, item 300912345", False),
        ("please use 300912345", False),
        ("300912345 nsx", False),
        ("20475-20411 it is", False),
    ],
)
def test_a_number_is_counted_by_the_words_around_it(text: str, expected: bool) -> None:
    """The residual check masks long numbers of users unless they count something."""
    found = re.search(r"\d{5,}(?:-\d+)?", text)
    assert found is not None
    assert is_counted(text, found.start(), found.end()) is expected
