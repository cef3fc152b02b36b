"""Which ids are refused everywhere, because one system could trim what another one keeps.

An id has no control character (Unicode category Cc), and neither white space (Z) nor an invisible format
character (Cf: zero-width characters, the byte order mark) at its ends. White space inside is allowed.
"""

from __future__ import annotations

import unicodedata

#: The same rule as a regular expression of RE2, for columns of pyarrow.
UNCLEAN_ID = r"^[\p{Z}\p{Cf}]|[\p{Z}\p{Cf}]$|\p{Cc}"

#: Why an id is refused, behind the name of its column or field.
UNCLEAN = (
    "has white space or an invisible character at an end, or a control character, and would match nothing; "
    "correct the id"
)


def is_unclean(text: str) -> bool:
    """True for an id that is refused; False for an empty one."""
    if text.isascii():
        return not text.isprintable() or text != text.strip()
    ends = _is_invisible(text[0]) or _is_invisible(text[-1])
    return ends or any(unicodedata.category(each) == "Cc" for each in text)


def _is_invisible(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Cf" or category.startswith("Z")
