"""A twin of a text in which disguised characters are plain, with the way back to the original's offsets.

Zero-width characters and soft hyphens are dropped, full-width forms folded, odd dashes, dots and spaces made
plain. Detection reads the twin; masking is done in the original.
"""

from __future__ import annotations

import re
import unicodedata

_ODD = re.compile(
    r"[\u00ad\u200b-\u200f\u2060\ufeff\uff01-\uff5e\u2010-\u2015\u2212\u3002\u2024\u0660-\u0669\u06f0-\u06f9]"
)
_DROPPED = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
_PLAIN = {**dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"), "\u3002": ".", "\u2024": "."}


def plain_twin(text: str) -> tuple[str, list[int]] | None:
    """(twin, for each of its characters the place in `text`), or None where the text is plain already."""
    if text.isascii() or not _ODD.search(text):
        return None
    twin: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character in _DROPPED:
            continue
        folded = _PLAIN.get(character) or character
        if _ODD.match(folded):
            digit = unicodedata.digit(folded, None)
            folded = str(digit) if digit is not None else unicodedata.normalize("NFKC", folded)
        twin.append(folded if len(folded) == 1 else character)
        places.append(place)
    return "".join(twin), places
