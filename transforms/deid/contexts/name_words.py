"""The form of a name in a context, and how many of the words after a cue belong to it."""

from __future__ import annotations

import re

from transforms.deid.evidence import FITTING, LIKELY, LISTED_IN_CONTEXT
from transforms.deid.people.lexicon import (
    PARTICLE,
    first_names,
    is_clear_first_name,
    is_common_word,
    is_listed,
    last_names,
    may_be_name,
    shaped_like_name,
)
from transforms.deid.text.casing import CAPITALS

_WORD = rf"[{CAPITALS}](?:[\w'’-]*[^\W\d_])?"
_LINK = rf"(?: (?:[{CAPITALS}]\.|{PARTICLE}(?= [{CAPITALS}])|{_WORD}))"
#: Up to five words: given names, particles, initials and family names.
NAME = rf"{_WORD}{_LINK}{{0,4}}"
_CONTRACTED = re.compile(r"\w+['’](?:m|ve|d|ll|re|t)\Z")

#: How much a context asks of its first word. ANY: a listed name or no common word. LISTED: on a list of names.
#: CLEAR: on a list, and no common word.
ANY, LISTED, CLEAR = "any", "listed", "clear"
SCORES = {ANY: FITTING, LISTED: LISTED_IN_CONTEXT, CLEAR: LIKELY}


def accepted(words: list[str], asks: str) -> int:
    """How many of the words are a name, 0 if the first is none. Capitals alone are a name if they are listed."""
    kept = 0
    for word in words:
        bare = re.sub(r"['’]s\Z", "", word).strip(".,'’")
        if kept and (len(bare) < 2 or bare.islower()):
            kept += 1
            continue
        if _CONTRACTED.match(word):
            break
        parts = [part for part in re.split(r"[-'’]", bare) if len(part) > 1] or [bare]
        if not shaped_like_name(bare) or not _fits(bare, parts, asks if not kept else ANY):
            break
        if bare.isupper() and len(bare) < 6 and not any(is_listed(part) for part in parts):
            break
        kept += 1
    while kept and (words[kept - 1].islower() or len(words[kept - 1].strip(".")) < 2):
        kept -= 1
    return kept


def _fits(bare: str, parts: list[str], asks: str) -> bool:
    if asks == CLEAR:
        return any(is_clear_first_name(part) for part in parts) or (
            bare.lower() in last_names() and not is_common_word(bare)
        )
    if asks == LISTED:
        return is_listed(bare) or any(part.lower() in first_names() for part in parts if len(parts) > 1)
    return may_be_name(bare) and all(may_be_name(part) for part in parts)
