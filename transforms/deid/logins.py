"""Logins that are made of a person's name, as people and companies make them: asmith, alice.smith, smith_a.

Forms: given and family name in either order, or one of them with the other's initial, apart by nothing or one
sign, with up to four digits behind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from transforms.deid.lexicon import is_clear_first_name, is_common_word, last_names

_MIN_LOGIN = 4
_MIN_NAME = 2
#: One of these may part the names of a login.
SIGNS = frozenset("._-")
_BEHIND = re.compile(r"[0-9]{0,4}(?![^\W_])")
_LETTER = re.compile(r"[^\W_]")
#: How letters are written where only ASCII may stand, beside leaving their marks out.
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "æ": "ae", "å": "aa"})


class Login(NamedTuple):
    """One form of a login, in lower case: `first` and `second` are apart by a sign, or `second` is empty."""

    first: str
    second: str = ""


def logins_of(words: Sequence[str]) -> set[Login]:
    """The logins of a full name, but not those that are ordinary words; none of what may be no name.

    "React Native" could have been taken for a person, and `react-native` must not go with it.
    """
    if not _surely_a_name(words):
        return set()
    made = []
    for given in _spellings(words[0]):
        for family in _spellings(words[-1]):
            pairs = (
                (given, family),
                (family, given),
                (given[0], family),
                (family, given[0]),
                (given, family[0]),
            )
            made += [(first, second, first + second) for first, second in pairs]
    long = [one for one in made if len(one[2]) >= _MIN_LOGIN]
    apart = {Login(first, second) for first, second, _ in long}
    return apart | {Login(login) for _, _, login in long if not is_common_word(login)}


def login_at(text: str, place: int, login: Login) -> tuple[int, int]:
    """The [start, end) of a login at the place of its longer name, in any case; empty if it is not there.

    An initial before a sign is looked for from the name behind it: single letters stand everywhere.
    """
    first, second = login
    start = place - 2 if len(first) == 1 else place
    if start < 0 or (start < place and start and _LETTER.match(text, start - 1)):
        return place, place
    end = start + len(first)
    if second:
        parted = text[end : end + 1] in SIGNS
        end += 1 + len(second)
        known = parted and text[end - len(second) : end].lower() == second
    else:
        known = True
    if not known or text[start : start + len(first)].lower() != first:
        return place, place
    behind = _BEHIND.match(text, end)
    return (start, behind.end()) if behind else (place, place)


def _spellings(name: str) -> set[str]:
    """A name's word in lower case as a login spells it: as it is, in ASCII, and each side of a hyphen."""
    lower = name.lower()
    if lower.isascii() and lower.isalpha():
        return {lower} if len(lower) >= _MIN_NAME else set()
    spelt = {lower, lower.translate(_SPELT_OUT), *re.split(r"[-'’]", lower), re.sub(r"[-'’]", "", lower)}
    spelt |= {unicodedata.normalize("NFKD", one).encode("ascii", "ignore").decode() for one in spelt}
    return {one for one in spelt if len(one) >= _MIN_NAME and one.replace("-", "").isalpha()}


def _surely_a_name(words: Sequence[str]) -> bool:
    """True if a word of it is on the lists and no ordinary one, or none of them is an ordinary word."""
    return (
        on_the_lists(words[0]) or on_the_lists(words[-1]) or not any(is_common_word(word) for word in words)
    )


def on_the_lists(word: str) -> bool:
    """True for a given or a family name that is no ordinary word."""
    return not is_common_word(word) and (is_clear_first_name(word) or word.lower() in last_names())
