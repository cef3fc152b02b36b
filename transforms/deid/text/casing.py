"""Case folding that keeps the length of a text, for searches in any case, and the Latin capital letters."""

from __future__ import annotations

import unicodedata

#: All Latin capital letters, for character classes and sets: a name may begin with any of them.
CAPITALS = "".join(chr(code) for code in (*range(0x41, 0x250), *range(0x1E00, 0x1F00)) if chr(code).isupper())
#: For Hyperscan, on UTF-8: the first byte of a Latin capital letter.
CAPITAL_BYTE = r"[A-Z\xc3-\xc9\xe1]"
#: The only letter whose lower case has two code points.
_DOTTED_I = "\u0130"


def any_case(text: str) -> str:
    """The text in lower case, same length; lower-casing a word gives the same result alone and in context.

    A dotted capital I is unchanged. Both forms of a lower-case sigma become one letter.
    """
    lower = text.lower()
    if len(lower) != len(text):
        lower = _DOTTED_I.join([part.lower() for part in text.split(_DOTTED_I)])
    return lower.replace("ς", "σ")


def ascii_of(text: str) -> str:
    """The text in lower case without diacritics and other characters outside ASCII."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
