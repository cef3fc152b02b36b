"""Searching for many values at once finds what searching for each alone finds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.deid.text.literals import places_of

#: Code points of one to four bytes in UTF-8, and both halves of a surrogate pair.
TEXTS = st.text(st.sampled_from("ab1.\u00e9\u0130\u20ac\U0001f600\ud800\udfff"), max_size=60)


def one_by_one(text: str, values: set[str]) -> set[tuple[str, int]]:
    return {(v, n) for v in values for n in range(len(text)) if text.startswith(v, n)}


@settings(derandomize=True, max_examples=200, deadline=None)
@given(TEXTS, st.sets(TEXTS.filter(bool), max_size=8))
def test_many_values_are_found_as_each_alone(text: str, values: set[str]) -> None:
    """A value that is not found is written."""
    found = list(places_of(text, values))
    assert len(found) == len(set(found))
    assert set(found) == one_by_one(text, values)


def test_long_values_are_found_in_a_long_text() -> None:
    """The number of values and their length must not change what is found."""
    text = "".join(f"{n:03d}\u00e9" for n in range(600))
    values = {text[n : n + length] for n in (0, 5, 6, 7, 8, 100, 200) for length in (1, 7, 8, 9, 30, 900)}
    assert set(places_of(text, values)) == one_by_one(text, values)
