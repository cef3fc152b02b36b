"""Overlapping spans become disjoint ones, in whatever order and company they come."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.deid.spans import Span
from transforms.deid.text.overlaps import Additions, resolve

SPANS = st.builds(
    lambda start, length, kind, score: Span(start, start + length, kind, score),
    st.integers(0, 30),
    st.integers(1, 8),
    st.sampled_from(["PERSON", "SECRET", "USERNAME"]),
    st.sampled_from([0.5, 0.7, 0.9]),
)
MANY = st.lists(SPANS, max_size=12)


def covered(spans: list[Span]) -> set[int]:
    return {place for span in spans for place in range(span.start, span.end)}


@settings(derandomize=True, max_examples=300, deadline=None)
@given(MANY)
def test_what_was_covered_stays_covered_once(spans: list[Span]) -> None:
    """An uncovered character would be written; one covered twice would be masked twice."""
    resolved = resolve(spans)
    assert covered(resolved) == covered(spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(resolved))
    assert resolve(reversed(spans)) == resolved


@settings(derandomize=True, max_examples=300, deadline=None)
@given(MANY, MANY, MANY)
def test_adding_spans_one_by_one_is_resolving_all(
    old: list[Span], new: list[Span], other: list[Span]
) -> None:
    """Most of what is added is known: that it is then not resolved again is an optimisation only."""
    found = [resolve(old), resolve(other)]
    additions = Additions(found)
    for span in new:
        additions.add(0, span)
    assert additions.resolved() == [resolve([*found[0], *new]), found[1]]
