"""Triggers and windows find exactly what the exact expressions find on whole texts."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.deid_engines import pattern_scanner
from tests.support.deid_values import FOUND, SURROUNDINGS
from tests.support.samples import sample
from transforms.deid.rules.catalogue import spans_of
from transforms.deid.text.normalise import normalised_copies
from transforms.deid.text.propagate import propagate_values
from transforms.sample.texts.fill import generate_texts

SCANNER = pattern_scanner()
ROOT = Path(__file__).resolve().parents[3]
CASES = [
    str(case["text"])
    for cases in yaml.safe_load((ROOT / "tests/cases/deid_found.yaml").read_text()).values()
    for case in cases
]
VALUES = [value for values in FOUND.values() for value in values]


@pytest.mark.parametrize("around", ["{}", *SURROUNDINGS[1:29:4]])
def test_triggers_and_windows_lose_nothing(around: str) -> None:
    """A trigger narrower than its expression would disable the rule for some texts."""
    texts = [around.format(value) for value in (*VALUES, *CASES)]
    assert SCANNER.scan(texts) == [spans_of(text) for text in texts]


def test_windows_far_apart_and_close_together_give_the_same() -> None:
    """Windows merge, touch and end within long lines; unequal spacing covers all cases."""
    for gap in (0, 1, 7, 60, 300):
        text = (" " + "lorem " * gap).join([*VALUES, *CASES[:40]])
        assert SCANNER.scan([text]) == [spans_of(text)], gap


def test_windows_hold_on_synthetic_texts() -> None:
    """Chats, documents, tool output and code with identifiers of all types."""
    texts = [made.text for made in generate_texts(200, 3)]
    assert SCANNER.scan(texts) == [spans_of(text) for text in texts]


@pytest.mark.samples
def test_windows_hold_on_public_texts() -> None:
    """These texts were not written for the rules."""
    lines = sample("pii/panorama531.jsonl").read_text().splitlines()[:200]
    texts = [json.loads(line)["text"] for line in lines]
    assert SCANNER.scan(texts) == [spans_of(text) for text in texts]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["%40", "\\n", "\\u0041", "&#64;", "\u200b", "é", "漢", "😀", "a", "\x1b[1m", "４", "%C3%BC"]
        )
    )
)
def test_offsets_of_a_normalised_copy_map_to_the_original_text(parts: list[str]) -> None:
    """Each character of the copy maps to its own part of the text, in order; a plain character to itself."""
    text = "".join(parts)
    for copy in normalised_copies(text):
        places = [copy.original(place, place + 1) for place in range(len(copy.text))]
        assert all(low < high for low, high in places)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(places))
        for character, (low, high) in zip(copy.text, places, strict=True):
            assert character == text[low:high] or text[low:high] in {*parts} or text[low:high].startswith("%")


def test_a_text_without_disguised_characters_has_no_normalised_copy() -> None:
    """A copy costs a second scan."""
    assert normalised_copies("plain — text, 2019 – 2021, 100 % of C:\\Users & more") == []


def test_numbers_are_found_again_in_another_grouping() -> None:
    """Users write a card with and without spaces, and a telephone number with and without country code."""
    texts = [
        "card 4242 4242 4242 4242, call +44 7700 900123",
        "x 4242-4242-4242-4242 07700 900 123",
        "7700900123",
    ]
    found = [SCANNER.scan(texts[:1])[0], [], []]
    again = propagate_values(texts, found)
    assert [text[s.start : s.end] for text, spans in zip(texts, again, strict=True) for s in spans] == [
        "4242 4242 4242 4242",
        "+44 7700 900123",
        "4242-4242-4242-4242",
        "07700 900 123",
        "7700900123",
    ]


def test_a_found_value_does_not_match_inside_a_longer_number() -> None:
    """Masking 10.1.2.3 inside 10.1.2.34 would corrupt the text and link two machines wrongly."""
    texts = ["at 10.1.2.3 now", "tag 10.1.2.34 110.1.2.3"]
    assert propagate_values(texts, [SCANNER.scan(texts[:1])[0], []])[1] == []


def test_many_values_in_long_texts_are_found_like_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pasted customer table has thousands of values. Searching for all at once must give the same spans."""
    emails = [f"us\u00e9r{number}@example.com" for number in range(120)]
    texts = ["😀 " + ", ".join(emails), "漢字 " + " ".join(reversed(emails)), "/home/jdoe42/x", "É JDOE42"]
    found = [*SCANNER.scan(texts[:1]), [], *SCANNER.scan(texts[2:3]), []]
    one_by_one = propagate_values(texts, found)
    monkeypatch.setattr("transforms.deid.text.propagate._MUCH_WORK", 0)
    assert propagate_values(texts, found) == one_by_one
    assert [len(spans) for spans in one_by_one] == [120, 120, 1, 1]
