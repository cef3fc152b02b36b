"""The glossary: a reader finds a term by its place in the alphabet, once."""

from __future__ import annotations

import re

from tests.support.command import ROOT

PAGE = (ROOT / "docs/reference/glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^## (.+)$", PAGE, re.M)


def test_terms_are_sorted_and_unique() -> None:
    """A term at another place is not found, and one with two entries is read by half."""
    assert sorted(set(TERMS), key=str.casefold) == TERMS


def test_every_term_has_a_text() -> None:
    """A heading alone explains nothing."""
    texts = re.split(r"^## .+$", PAGE, flags=re.M)[1:]
    assert len(texts) == len(TERMS) > 50
    assert [term for term, text in zip(TERMS, texts, strict=True) if len(text.split()) < 4] == []
