"""Texts in one case, for what is to be found in any."""

from __future__ import annotations

import unicodedata

#: The only letter that is two in lower case.
_DOTTED_I = "\u0130"


def any_case(text: str) -> str:
    """In lower case and as long as before, alike for a word and for what it stands in.

    A dotted I is left as it is. A sigma is lowered by its neighbours: it is made one letter everywhere.
    """
    lower = text.lower()
    if len(lower) != len(text):
        lower = _DOTTED_I.join([part.lower() for part in text.split(_DOTTED_I)])
    return lower.replace("ς", "σ")


def ascii_of(text: str) -> str:
    """The text in lower case with its letters' marks taken off."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
