"""Many values are found where each is found alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.deid.text import literals
from transforms.deid.text.literals import places_of

TEXTS = st.text(st.sampled_from("ab1.\u00e9\u0130\U0001f600"), max_size=60)


def one_by_one(text: str, values: set[str]) -> set[tuple[str, int]]:
    return {(v, n) for v in values for n in range(len(text)) if text.startswith(v, n)}


@settings(derandomize=True, max_examples=200, deadline=None)
@given(TEXTS, st.sets(TEXTS.filter(bool), max_size=8))
def test_many_values_are_found_as_each_alone(text: str, values: set[str]) -> None:
    """A value that is missed is written."""
    found = list(places_of(text, values))
    assert len(found) == len(set(found))
    assert set(found) == one_by_one(text, values)


def test_values_are_found_over_the_ends_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text is read a block at a time, however long its values are."""
    monkeypatch.setattr(literals, "_BLOCK", 8)
    text = "".join(f"{n:03d}\u00e9" for n in range(60))
    values = {text[n : n + length] for n in (0, 5, 6, 7, 8, 100, 200) for length in (1, 7, 8, 9, 30)}
    assert set(places_of(text, values)) == one_by_one(text, values)


def test_bits_that_meet_are_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """What shares a bit of the table with a value is compared with it."""
    monkeypatch.setattr(literals, "_MIX", literals.np.uint64(0))
    assert list(places_of("abcab", {"ab"})) == [("ab", 0), ("ab", 3)]
